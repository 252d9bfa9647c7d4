use longhaul_store::MemoryStore;
use tempfile::TempDir;

use super::*;

async fn keyring() -> (Keyring, Arc<MemoryStore>, TempDir) {
    let (store, folder) = (Arc::new(MemoryStore::new()), tempfile::tempdir().unwrap());
    (Keyring::open(store.clone(), folder.path()).await.unwrap(), store, folder)
}

fn admin_file(folder: &TempDir) -> String {
    private::read(&folder.path().join(ADMIN_KEY_FILE)).unwrap().unwrap().trim().to_owned()
}

#[tokio::test]
async fn the_first_start_makes_a_key_for_administration_and_later_ones_keep_it() {
    let (keyring, store, folder) = keyring().await;
    let key = admin_file(&folder);
    assert_eq!(keyring.scope_of(&key), Some(Scope::Admin));
    let again = Keyring::open(store, folder.path()).await.unwrap();
    assert_eq!((again.scope_of(&key), admin_file(&folder)), (Some(Scope::Admin), key));
}

#[tokio::test]
async fn a_key_opens_its_scope_until_it_is_rotated_or_revoked() {
    let (keyring, store, folder) = keyring().await;
    let scope = Scope::Function("start".into());
    let one = keyring.add(scope.clone(), "one").await.unwrap();
    let two = keyring.add(scope.clone(), "two").await.unwrap();
    let opens = |key: &Key| keyring.scope_of(key.reveal());
    assert_eq!((opens(&one), opens(&two)), (Some(scope.clone()), Some(scope.clone())));
    let new = keyring.rotate(scope.clone(), "ONE").await.unwrap();
    assert_eq!((opens(&one), opens(&new), opens(&two)), (None, Some(scope.clone()), Some(scope.clone())));
    keyring.revoke(scope.clone(), "two").await.unwrap();
    assert_eq!((opens(&new), opens(&two)), (Some(scope), None));
    // What is true now is true after a start.
    assert_eq!(Keyring::open(store, folder.path()).await.unwrap().list(), keyring.list());
}

#[tokio::test]
async fn the_store_has_digests_and_no_keys() {
    let (keyring, store, _folder) = keyring().await;
    let key = keyring.add(Scope::System, "ci").await.unwrap();
    let stored = longhaul_store::AccessKeys::access_keys(&*store).await.unwrap();
    assert!(stored.iter().any(|stored| stored.digest == digest_of(key.reveal())));
    assert!(!format!("{stored:?}").contains(key.reveal()));
}

#[tokio::test]
async fn a_change_that_makes_no_sense_is_refused_and_changes_nothing() {
    let (keyring, _store, _folder) = keyring().await;
    let before = keyring.list();
    assert!(matches!(keyring.add(Scope::Admin, FIRST_KEY).await, Err(KeyError::Exists(..))));
    assert!(matches!(keyring.add(Scope::System, "a b").await, Err(KeyError::Name(_))));
    assert!(matches!(keyring.rotate(Scope::System, "none").await, Err(KeyError::Unknown(..))));
    assert!(matches!(keyring.revoke(Scope::System, "none").await, Err(KeyError::Unknown(..))));
    assert!(matches!(keyring.revoke(Scope::Admin, FIRST_KEY).await, Err(KeyError::LastAdmin)));
    assert_eq!(keyring.list(), before);
}

#[tokio::test]
async fn rotating_the_first_key_writes_its_file_anew() {
    let (keyring, _store, folder) = keyring().await;
    let old = admin_file(&folder);
    let new = keyring.rotate(Scope::Admin, FIRST_KEY).await.unwrap();
    assert_eq!(admin_file(&folder), new.reveal());
    assert_eq!(keyring.scope_of(&old), None);
}

#[tokio::test]
async fn a_rotation_with_something_in_the_way_of_its_file_changes_nothing() {
    let (keyring, store, folder) = keyring().await;
    let (key, before) = (admin_file(&folder), keyring.list());
    for in_the_way in ["admin-key.new", ADMIN_KEY_FILE] {
        // With a file in it, so that it cannot be replaced.
        let path = folder.path().join(in_the_way);
        let kept = folder.path().join("kept");
        if path.exists() {
            std::fs::rename(&path, &kept).unwrap();
        }
        std::fs::create_dir_all(path.join("something")).unwrap();
        assert!(keyring.rotate(Scope::Admin, FIRST_KEY).await.is_err(), "{in_the_way}");
        std::fs::remove_dir_all(&path).unwrap();
        if kept.exists() {
            std::fs::rename(&kept, &path).unwrap();
        }
        assert_eq!((keyring.scope_of(&key), keyring.list()), (Some(Scope::Admin), before.clone()), "{in_the_way}");
        assert_eq!(admin_file(&folder), key);
    }
    assert_eq!(Keyring::open(store, folder.path()).await.unwrap().list(), before, "nor after a start");
}

#[tokio::test]
async fn a_rotation_that_a_crash_has_cut_off_is_finished_by_the_next_start() {
    let (keyring, store, folder) = keyring().await;
    let old = admin_file(&folder);
    let new = keyring.rotate(Scope::Admin, FIRST_KEY).await.unwrap();
    // As if the crash had come before the file was put into place.
    std::fs::rename(folder.path().join(ADMIN_KEY_FILE), folder.path().join("admin-key.new")).unwrap();
    let again = Keyring::open(store, folder.path()).await.unwrap();
    assert_eq!(admin_file(&folder), new.reveal());
    assert_eq!((again.scope_of(&old), again.scope_of(new.reveal())), (None, Some(Scope::Admin)));
}
