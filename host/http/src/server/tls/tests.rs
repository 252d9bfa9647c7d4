use std::os::unix::fs::PermissionsExt;

use rcgen::{CertificateParams, KeyPair};

use super::*;

/// A folder with a certificate for localhost and its key.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        let (certificate, key) = certificate();
        folder.write("certificate", &certificate, 0o644);
        folder.write("key", &key, 0o600);
        folder
    }

    fn write(&self, name: &str, text: &str, mode: u32) {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn open(&self) -> anyhow::Result<Arc<Tls>> {
        Tls::open(TlsFiles { certificate: self.0.path().join("certificate"), key: self.0.path().join("key") })
    }

    fn refusal(&self) -> String {
        format!("{:#}", self.open().expect_err("the files are bad"))
    }
}

fn certificate() -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
}

fn chain(tls: &Tls) -> Vec<CertificateDer<'static>> {
    tls.current.read().unwrap().identity.cert.clone()
}

#[test]
fn a_certificate_and_its_key_are_taken() {
    assert_eq!(chain(&Folder::new().open().unwrap()).len(), 1);
}

#[test]
fn a_file_that_is_not_there_is_named_with_its_setting() {
    for (name, setting) in [("certificate", "--tls-certificate"), ("key", "--tls-key")] {
        let folder = Folder::new();
        std::fs::remove_file(folder.0.path().join(name)).unwrap();
        let text = folder.refusal();
        assert!(text.starts_with(&format!("{setting}: cannot read")) && text.contains(&format!("/{name}")), "{text}");
    }
}

#[test]
fn a_file_without_what_it_is_for_is_refused() {
    let (certificate, key) = certificate();
    for (name, content, why) in [
        ("certificate", "", "no `BEGIN CERTIFICATE` block"),
        ("certificate", &*key, "no `BEGIN CERTIFICATE` block"),
        ("certificate", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", "no PEM file"),
        ("key", "", "no private key"),
        ("key", &certificate, "no private key"),
        ("key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n", "without a passphrase"),
        ("key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "cannot use"),
    ] {
        let folder = Folder::new();
        folder.write(name, content, 0o600);
        let text = folder.refusal();
        assert!(text.contains(why) && text.contains(&format!("/{name}")), "{content}: {text}");
    }
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let folder = Folder::new();
    folder.write("key", &certificate().1, 0o600);
    let text = folder.refusal();
    assert!(text.contains("is not that of the first certificate"), "{text}");
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    for mode in [0o644, 0o640, 0o604] {
        let folder = Folder::new();
        folder.write("key", &certificate().1, mode);
        let text = folder.refusal();
        assert!(text.contains("--tls-key") && text.contains("chmod 600"), "{text}");
    }
}

#[test]
fn new_files_are_taken_once_they_belong_together() {
    let folder = Folder::new();
    let tls = folder.open().unwrap();
    let first = chain(&tls);
    assert!(!tls.read_again().unwrap(), "nothing changed");
    let (new, key) = certificate();
    folder.write("certificate", &new, 0o644);
    assert!(tls.read_again().is_err(), "the key is still the former one");
    assert_eq!(chain(&tls), first);
    folder.write("key", &key, 0o600);
    assert!(tls.read_again().unwrap());
    assert_ne!(chain(&tls), first);
}
