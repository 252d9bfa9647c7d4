//! Sub-orchestrations: an orchestrator that calls orchestrators, here itself.

use longhaul::{Context, Failure, join_all};
use serde::{Deserialize, Serialize};

/// The input of [`tree`].
#[derive(Debug, Serialize, Deserialize)]
pub struct Branch {
    /// Levels below this one.
    pub depth: u32,
    /// Children of every node.
    pub width: u32,
}

/// Grows a tree of orchestrations and returns how many there are, this one included.
#[longhaul::orchestrator(export = false)]
pub async fn tree(ctx: Context, branch: Branch) -> Result<u64, Failure> {
    let Some(depth) = branch.depth.checked_sub(1) else { return Ok(1) };
    let child = Branch { depth, ..branch };
    let counts = join_all((0..child.width).map(|_| ctx.call_orchestration::<u64>("Tree", &child))).await;
    let counts = counts.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(1 + counts.iter().sum::<u64>())
}

#[cfg(test)]
mod tests {
    use longhaul::testing::Orchestration;

    use super::*;

    #[test]
    fn a_leaf_counts_as_one() {
        assert_eq!(Orchestration::new::<tree>().input(&Branch { depth: 0, width: 9 }).run().output(), Ok(1_u64));
    }

    #[test]
    fn a_node_counts_itself_and_what_its_children_count() {
        let children = |branch: Branch| {
            assert_eq!((branch.depth, branch.width), (1, 3));
            Ok(4_u64)
        };
        let run = Orchestration::new::<tree>().input(&Branch { depth: 2, width: 3 }).orchestration("Tree", children).run();
        assert_eq!(run.output(), Ok(13_u64));
        run.check_replay().unwrap();
    }

    #[test]
    fn a_child_that_fails_fails_its_parent() {
        let fails = |_: Branch| Err::<u64, _>(Failure::new("Rotten", "this branch is rotten"));
        let run = Orchestration::new::<tree>().input(&Branch { depth: 1, width: 2 }).orchestration("Tree", fails).run();
        assert_eq!(run.output::<u64>().unwrap_err().message, "Orchestrator function 'Tree' failed: this branch is rotten");
    }
}
