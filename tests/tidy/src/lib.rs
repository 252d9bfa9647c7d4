//! House rules, kept by tests. Each file in `tests/` holds one rule; this library walks the checkout for them.

use std::path::{Path, PathBuf};

/// Folders that hold what builds and runs leave behind, or what others wrote. In a linked work tree `.git` is a file.
pub const SKIPPED_FOLDERS: [&str; 5] = [".git", ".longhaul", "components", "node_modules", "target"];

/// A text file of the checkout.
pub struct SourceFile {
    /// The path below the root, with slashes.
    pub path: String,
    /// The whole text.
    pub text: String,
}

impl SourceFile {
    /// Whether the name ends with a dot and one of the extensions.
    pub fn has_extension(&self, extensions: &[&str]) -> bool {
        let extension = Path::new(&self.path).extension().and_then(|extension| extension.to_str());
        extension.is_some_and(|extension| extensions.contains(&extension))
    }
}

/// The root of the checkout.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("tests/tidy lies two folders below the root").to_owned()
}

/// Every text file that is present and not skipped, in order of path. Files that are not UTF-8 are left out.
///
/// # Panics
/// When a folder cannot be read: a rule that checked half of the tree would be worse than none.
pub fn source_files() -> Vec<SourceFile> {
    let root = root();
    let mut files = Vec::new();
    visit(&root, &root, &mut files);
    files.sort_by(|left, right| left.path.cmp(&right.path));
    files
}

/// Fails with one line for each breach of a rule.
///
/// # Panics
/// When there is any breach.
pub fn assert_none(rule: &str, breaches: &[String]) {
    assert!(breaches.is_empty(), "{rule}:\n  {}", breaches.join("\n  "));
}

fn visit(root: &Path, folder: &Path, files: &mut Vec<SourceFile>) {
    let entries = folder.read_dir().unwrap_or_else(|error| panic!("cannot read {}: {error}", folder.display()));
    for entry in entries {
        let entry = entry.unwrap_or_else(|error| panic!("cannot read {}: {error}", folder.display()));
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            // Cargo marks its target folders, whatever they are called.
            let is_cache = path.join("CACHEDIR.TAG").exists();
            if !is_cache && !SKIPPED_FOLDERS.iter().any(|skipped| name == *skipped) {
                visit(root, &path, files);
            }
        } else if name != ".git"
            && let Ok(text) = std::fs::read_to_string(&path)
        {
            let below_root = path.strip_prefix(root).expect("the walk began at the root");
            files.push(SourceFile { path: below_root.to_string_lossy().replace('\\', "/"), text });
        }
    }
}
