//! What the code sees of a replay.

use super::*;

#[test]
fn ten_thousand_guids_differ_and_are_the_same_on_replay() {
    let made = || {
        let run = |ctx: Context, _: String| -> Run {
            Box::pin(async move {
                let ids: std::collections::BTreeSet<_> = (0..10_000).map(|_| ctx.new_guid()).collect();
                assert_eq!(ids.len(), 10_000);
                text(ids.into_iter().next().expect("there are some"))
            })
        };
        let (_, turn) = start(run);
        turn.outcome
    };
    assert_eq!(made(), made());
}

#[test]
fn the_code_sees_whether_it_is_replayed() {
    let (mut execution, _) = start(|ctx, _| {
        Box::pin(async move {
            let mut seen = vec![ctx.is_replaying()];
            for _ in 0..2 {
                ctx.wait_for_event::<()>("go").await?;
                seen.push(ctx.is_replaying());
            }
            text(format!("{seen:?}"))
        })
    });
    execution.resume(NOW, true, vec![done(0)]);
    let turn = execution.resume(NOW, false, vec![done(1)]);
    assert_eq!(turn.outcome, Some(Outcome::Completed("[false, true, false]".to_owned())));
}
