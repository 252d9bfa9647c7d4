//! Acts that are for one instance alone, and acts whose leave has ended.

#[path = "support/engine.rs"]
mod engine;

use std::sync::Arc;
use std::time::Duration;

use engine::engine_on;
use longhaul_core::{InstanceId, Payload, Timestamp};
use longhaul_engine::Permit;
use longhaul_engine::{Binding, Engine, EngineError, StartRequest};
use longhaul_store::MemoryStore;
use tokio::time::Instant;

fn request(born_at: Option<Timestamp>) -> StartRequest {
    StartRequest { name: "WaitForGo".into(), instance_id: Some("a".into()), born_at, ..StartRequest::default() }
}

fn id() -> InstanceId {
    InstanceId::trusted("a")
}

async fn end(engine: &Engine) {
    engine.terminate(&id(), None, true, &Binding::none()).await.unwrap();
    let row = engine.wait_until_ended(&id(), Instant::now() + Duration::from_secs(30)).await.unwrap();
    assert!(row.is_some_and(|row| row.status.is_terminal()));
}

/// What becomes of every act of this engine on the instance `a`.
async fn outcomes(engine: &Engine, born_at: Option<Timestamp>) -> Vec<Result<(), EngineError>> {
    vec![
        engine.raise_event(&id(), "other", Payload::null(), &Binding::none()).await,
        engine.suspend(&id(), None, &Binding::none()).await,
        engine.resume(&id(), None, &Binding::none()).await,
        engine.rewind(&id(), None, false, &Binding::none()).await,
        engine.terminate(&id(), None, true, &Binding::none()).await,
        engine.purge(&id()).await.map(drop),
        engine.start(request(born_at), &Binding::none()).await.map(drop),
    ]
}

#[tokio::test]
async fn an_act_for_one_instance_is_not_done_to_another_one_of_its_id() {
    let (engine, _registry) = engine_on(Arc::new(MemoryStore::new())).await;
    let (_, first) = engine.start_to_watch(request(None), &Binding::none()).await.unwrap();
    end(&engine).await;
    let (_, second) = engine.start_to_watch(request(Some(Timestamp(first.0 + 1))), &Binding::none()).await.unwrap();
    assert_ne!(first, second);
    for outcome in outcomes(&engine.under(Permit::default().for_instance_born_at(first)), Some(first)).await {
        assert!(matches!(outcome, Err(EngineError::NotFound(_))), "{outcome:?}");
    }
    for outcome in outcomes(&engine.under(Permit::while_it(|| false)), None).await {
        // What has not ended is not purged, whoever asks.
        assert!(matches!(outcome, Err(EngineError::Denied | EngineError::WrongState(_))), "{outcome:?}");
    }
    let meant = engine.under(Permit::default().for_instance_born_at(second));
    meant.raise_event(&id(), "other", Payload::null(), &Binding::none()).await.unwrap();
    end(&meant).await;
    meant.start(request(Some(second)), &Binding::none()).await.unwrap();
    let row = engine.status(&id()).await.unwrap().unwrap();
    assert_eq!((row.born_at, row.status.is_terminal()), (second, false), "started in place it is the same instance");
    end(&meant).await;
    assert_eq!(meant.purge(&id()).await.unwrap(), 1);
    engine.stop().await;
}
