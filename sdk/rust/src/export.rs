//! Which functions a component holds.
//!
//! A component with one function of a kind serves whatever name the manifest gives it. With
//! several, the name that the host gives picks one, ignoring case.

use crate::Failure;
use crate::activity::ActivityContext;
use crate::entity::{BatchResult, Operation};
use crate::execution::Execution;
use crate::turn::{Start, Turn};
use crate::{EntityId, Timestamp};

/// Functions of one kind with their names.
pub type Functions<F> = &'static [(&'static str, F)];

/// The first turn of an orchestrator.
pub type StartOrchestrator = fn(Start) -> (Execution, Turn);
/// A call of an activity.
pub type RunActivity = fn(ActivityContext, &str) -> Result<String, Failure>;
/// A batch of an entity.
pub type RunEntity = fn(&EntityId, Option<String>, Timestamp, Vec<Operation>) -> BatchResult;

/// The orchestrators of a component.
pub trait OrchestratorSet: 'static {
    /// Each with its name.
    const ALL: Functions<StartOrchestrator>;
}

/// The activities of a component.
pub trait ActivitySet: 'static {
    /// Each with its name.
    const ALL: Functions<RunActivity>;
}

/// The entities of a component.
pub trait EntitySet: 'static {
    /// Each with its name.
    const ALL: Functions<RunEntity>;
}

/// The function of that name.
pub fn find<F: Copy>(kind: &str, all: Functions<F>, name: &str) -> Result<F, Failure> {
    if let [(_, only)] = all {
        return Ok(*only);
    }
    let found = all.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, function)| *function).ok_or_else(|| {
        let known = all.iter().map(|(known, _)| *known).collect::<Vec<_>>().join(", ");
        Failure::new("UnknownFunction", format!("this component has no {kind} '{name}'; it has {known}")).non_retriable()
    })
}

/// Exports several orchestrators from one component; each is marked with `#[orchestrator(export =
/// false)]`.
///
/// ```
/// # use longhaul::Context;
/// #[longhaul::orchestrator(export = false)]
/// async fn first(_ctx: Context) -> u32 {
///     1
/// }
///
/// #[longhaul::orchestrator(export = false)]
/// async fn second(_ctx: Context) -> u32 {
///     2
/// }
///
/// longhaul::export_orchestrators!(first, second);
/// ```
#[macro_export]
macro_rules! export_orchestrators {
    ($($function:path),+ $(,)?) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Functions;
            impl $crate::__private::OrchestratorSet for Functions {
                const ALL: $crate::__private::Functions<$crate::__private::StartOrchestrator> =
                    &[$((<$function as $crate::Orchestrator>::NAME, $crate::__private::Execution::start::<$function>)),+];
            }
            type Component = $crate::__private::bindings::OrchestratorComponent<Functions>;
            $crate::__private::bindings::orchestrator::export!(Component with_types_in $crate::__private::bindings::orchestrator);
        };
    };
}

/// Exports several activities from one component; each is marked with `#[activity(export =
/// false)]`.
///
/// ```
/// #[longhaul::activity(export = false)]
/// fn add_one(number: u32) -> u32 {
///     number + 1
/// }
///
/// #[longhaul::activity(export = false)]
/// fn square(number: u32) -> u32 {
///     number * number
/// }
///
/// longhaul::export_activities!(add_one, square);
/// ```
#[macro_export]
macro_rules! export_activities {
    ($($function:path),+ $(,)?) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Functions;
            impl $crate::__private::ActivitySet for Functions {
                const ALL: $crate::__private::Functions<$crate::__private::RunActivity> =
                    &[$((<$function as $crate::Activity>::NAME, <$function as $crate::Activity>::run)),+];
            }
            type Component = $crate::__private::bindings::ActivityComponent<Functions>;
            $crate::__private::bindings::activity::export!(Component with_types_in $crate::__private::bindings::activity);
        };
    };
}

/// Exports several entities from one component; each is marked with `#[entity(export = false)]`.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// #[derive(Default, Serialize, Deserialize)]
/// struct Counter(i64);
///
/// #[longhaul::entity(export = false)]
/// impl Counter {
///     fn add(&mut self, n: i64) {
///         self.0 += n;
///     }
/// }
///
/// #[derive(Default, Serialize, Deserialize)]
/// struct Switch(bool);
///
/// #[longhaul::entity(export = false)]
/// impl Switch {
///     fn toggle(&mut self) {
///         self.0 = !self.0;
///     }
/// }
///
/// longhaul::export_entities!(Counter, Switch);
/// ```
#[macro_export]
macro_rules! export_entities {
    ($($entity:path),+ $(,)?) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Functions;
            impl $crate::__private::EntitySet for Functions {
                const ALL: $crate::__private::Functions<$crate::__private::RunEntity> =
                    &[$((<$entity as $crate::Entity>::NAME, $crate::__private::run_batch::<$entity>)),+];
            }
            type Component = $crate::__private::bindings::EntityComponent<Functions>;
            $crate::__private::bindings::entity::export!(Component with_types_in $crate::__private::bindings::entity);
        };
    };
}

/// Exports a client function. The attribute [`macro@crate::client`] does it by itself; a component
/// serves one client function.
#[macro_export]
macro_rules! export_client {
    ($function:path) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type Component = $crate::__private::bindings::ClientComponent<$function>;
    $crate::__private::bindings::wasip2::http::proxy::export!(Component with_types_in $crate::__private::bindings::wasip2);
        };
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_function_serves_any_name_and_several_are_told_apart_ignoring_case() {
        assert_eq!(find("activity", &[("A", 1)], "whatever"), Ok(1));
        assert_eq!(find("activity", &[("A", 1), ("B", 2)], "b"), Ok(2));
        let failure = find("activity", &[("A", 1), ("B", 2)], "C").unwrap_err();
        assert_eq!(failure.message, "this component has no activity 'C'; it has A, B");
    }
}
