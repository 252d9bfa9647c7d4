//! How much memory this process may have: the machine's, or what its control groups leave of it.

use std::path::{Path, PathBuf};

/// What is assumed where nothing can be read.
const FALLBACK_BYTES: u64 = 2 << 30;

/// Bytes of memory that this process may have: the least of the machine's and of the limits of the control groups around it, version 1 and 2.
pub fn memory_bytes() -> u64 {
    memory_bytes_below(Path::new("/"))
}

fn memory_bytes_below(root: &Path) -> u64 {
    let machine = read(&root.join("proc/meminfo")).and_then(|text| total_of(&text));
    let groups = read(&root.join("proc/self/cgroup")).unwrap_or_default();
    let limits = groups.lines().filter_map(|line| group_limit(root, line));
    machine.into_iter().chain(limits).min().unwrap_or(FALLBACK_BYTES)
}

/// `MemTotal` of `/proc/meminfo`.
fn total_of(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}

/// The least limit of a group and those around it. `line`: one of `/proc/self/cgroup`, as `0::/path` (version 2) or `4:memory:/path` (version 1).
fn group_limit(root: &Path, line: &str) -> Option<u64> {
    let mut parts = line.splitn(3, ':');
    let (_number, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
    let (mount, file) = match controllers {
        "" => ("sys/fs/cgroup", "memory.max"),
        controllers if controllers.split(',').any(|name| name == "memory") => ("sys/fs/cgroup/memory", "memory.limit_in_bytes"),
        _ => return None,
    };
    let mount = root.join(mount);
    // Within a container the path may be that of the machine outside, where nothing is: then the mount itself is the container's group.
    let group = mount.join(path.trim_start_matches('/'));
    let around = group.ancestors().take_while(|folder| folder.starts_with(&mount)).map(Path::to_owned);
    around.filter_map(|folder: PathBuf| limit_of(&read(&folder.join(file))?)).min()
}

/// A number; `max`, and whatever else is none, is no limit.
fn limit_of(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

fn read(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine of 4 GiB with these files besides.
    fn machine(files: &[(&str, &str)]) -> u64 {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in [("proc/meminfo", "MemFree: 1 kB\nMemTotal:    4194304 kB\n")].iter().chain(files) {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        memory_bytes_below(root.path())
    }

    #[test]
    fn without_groups_it_is_the_machines() {
        assert_eq!(machine(&[]), 4 << 30);
        assert_eq!(machine(&[("proc/self/cgroup", "0::/a\n"), ("sys/fs/cgroup/a/memory.max", "max\n")]), 4 << 30);
        assert!(memory_bytes() > 0);
    }

    #[test]
    fn the_least_limit_around_counts_in_version_2() {
        let files =
            [("proc/self/cgroup", "0::/a/b\n"), ("sys/fs/cgroup/a/memory.max", "1073741824\n"), ("sys/fs/cgroup/a/b/memory.max", "max\n")];
        assert_eq!(machine(&files), 1 << 30);
    }

    #[test]
    fn the_least_limit_around_counts_in_version_1() {
        let unlimited = ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
        let files = [
            ("proc/self/cgroup", "5:devices:/\n4:memory:/a\n0::/\n"),
            unlimited,
            ("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "2147483648\n"),
        ];
        assert_eq!(machine(&files), 2 << 30);
    }

    #[test]
    fn in_a_container_the_mount_is_the_group() {
        let files = [("proc/self/cgroup", "0::/outside/of/it\n"), ("sys/fs/cgroup/memory.max", "536870912\n")];
        assert_eq!(machine(&files), 512 << 20);
    }
}
