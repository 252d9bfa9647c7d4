//! Deployments that are none, and components that no guest may be made of.

use std::sync::Arc;

use longhaul_app::package::{self, ComponentFile, Package};
use longhaul_core::Sha256;

use crate::row::{ADMIN_KEY, Row, bytes, request};

mod excesses;
mod proposals;

const PATH: &str = "/admin/deployments";
const MANIFEST: &str = "[app]\nname = \"bad\"\n[[function]]\nname = \"Bad\"\nkind = \"orchestrator\"\ncomponent = \"bad.wasm\"\n";
/// How a component and a core module begin.
const COMPONENT: [u8; 8] = [0, b'a', b's', b'm', 0x0d, 0, 1, 0];
const MODULE: [u8; 8] = [0, b'a', b's', b'm', 1, 0, 0, 0];

pub(super) fn rows(good: &Arc<[u8]>) -> Vec<Row> {
    let mut rows: Vec<Row> = components(good)
        .into_iter()
        .chain(proposals::components())
        .chain(excesses::components())
        .map(|(name, component, text)| upload(format!("component: {name}"), &package_of(component).encode()).saying(text))
        .collect();
    rows.extend(packages(good).into_iter().map(|(name, body, text)| upload(format!("upload: {name}"), &body).saying(text)));
    for content_type in ["", "application/json", "application/octet-stream", "application/wasm"] {
        let body = package_of(good.to_vec()).encode();
        rows.push(bytes(format!("upload: content type '{content_type}'"), request("POST", PATH, content_type, &body), 415));
    }
    let too_long = format!(
        "POST {PATH} HTTP/1.1\r\nhost: localhost\r\nx-functions-key: {ADMIN_KEY}\r\ncontent-type: {}\r\ncontent-length: 20000001\r\n\r\n",
        package::CONTENT_TYPE
    );
    rows.push(bytes("upload: one byte beyond the limit", too_long, 413).saying("20000000"));
    let by_name =
        String::from_utf8_lossy(&request("POST", PATH, package::CONTENT_TYPE, b"")).replace("host: localhost", "host: evil.example");
    rows.push(bytes("upload: by another name of this machine", by_name, 403));
    rows
}

/// A row about a body that is sent as a deployment.
pub(super) fn upload(name: String, body: &[u8]) -> Row {
    bytes(name, request("POST", PATH, package::CONTENT_TYPE, body), 400)
}

fn package_of(component: Vec<u8>) -> Package {
    Package { manifest: MANIFEST.into(), components: vec![ComponentFile::new("bad.wasm", component)] }
}

fn components(good: &[u8]) -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let changed = |at: usize| {
        let mut bytes = good.to_vec();
        bytes[at] ^= 0xff;
        bytes
    };
    vec![
        ("nothing", Vec::new(), "not a WebAssembly component"),
        ("a text", b"hello".to_vec(), "not a WebAssembly component"),
        ("a core module", MODULE.to_vec(), "core module"),
        ("compiled code", elf(), "not a WebAssembly component"),
        ("a half magic number", COMPONENT[..6].to_vec(), "not a WebAssembly component"),
        ("an unknown version", [0, b'a', b's', b'm', 0x0e, 0, 1, 0].to_vec(), "not a WebAssembly component"),
        ("one that exports nothing", COMPONENT.to_vec(), "does not export"),
        ("one that was cut off", good[..good.len() / 2].to_vec(), "cannot be used"),
        ("one without its last byte", good[..good.len() - 1].to_vec(), "cannot be used"),
        ("one with a changed byte at its beginning", changed(12), "cannot be used"),
        ("one with noise behind it", [good, &[0xff; 64]].concat(), "cannot be used"),
        ("one with an unknown section", [&COMPONENT[..], &[0x7f, 1, 0]].concat(), "cannot be used"),
        ("one with a section that lies about its length", [&COMPONENT[..], &[1, 0xff, 0xff, 0xff, 0xff, 0x0f]].concat(), "cannot be used"),
        ("one with a length that does not end", [&COMPONENT[..], &[1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80]].concat(), "cannot be used"),
        ("a memory with more pages than there are", within(&module(&[5, 6, 1, 0, 0xff, 0xff, 0xff, 0x7f])), "cannot be used"),
        (
            "a table with more elements than there may be",
            within(&module(&[4, 8, 1, 0x70, 0, 0xff, 0xff, 0xff, 0xff, 0x0f])),
            "cannot be used",
        ),
        ("a code section without functions", within(&module(&[10, 4, 1, 2, 0, 0x0b])), "cannot be used"),
        ("a function without code", within(&module(&[1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0])), "cannot be used"),
        ("a start function that is not there", within(&module(&[8, 1, 7])), "cannot be used"),
        ("an activity's", other("misbehaving_activity"), "does not export"),
        ("an entity's", other("misbehaving_entity"), "does not export"),
        ("11 components within one another", nested(11), "more than 10 components within one another"),
        ("10,000 components within one another", nested(10_000), "more than 10 components within one another"),
    ]
}

fn packages(good: &[u8]) -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let whole = || Package { manifest: MANIFEST.into(), components: vec![ComponentFile::new("bad.wasm", good.to_vec())] };
    let encoded = |change: &dyn Fn(&mut Package)| {
        let mut package = whole();
        change(&mut package);
        package.encode()
    };
    let body = whole().encode();
    let sha256 = Sha256::of(good).to_string();
    vec![
        ("nothing", Vec::new(), "line feed"),
        ("no line feed", b"{}".to_vec(), "line feed"),
        ("no JSON", b"nonsense\n".to_vec(), "line of JSON"),
        ("no manifest", b"{\"components\":[]}\n".to_vec(), "manifest"),
        ("an unknown member", b"{\"manifest\":\"\",\"components\":[],\"more\":1}\n".to_vec(), "more"),
        ("a component without a path", b"{\"manifest\":\"\",\"components\":[{\"sha256\":\"\",\"bytes\":0}]}\n".to_vec(), "path"),
        (
            "a lying length",
            b"{\"manifest\":\"\",\"components\":[{\"path\":\"a\",\"sha256\":\"\",\"bytes\":18446744073709551615}]}\n".to_vec(),
            "announces",
        ),
        (
            "a negative length",
            b"{\"manifest\":\"\",\"components\":[{\"path\":\"a\",\"sha256\":\"\",\"bytes\":-1}]}\n".to_vec(),
            "line of JSON",
        ),
        ("cut off in the middle", body[..body.len() / 2].to_vec(), "announces"),
        ("with more behind it", [&body[..], b"more"].concat(), "announces"),
        ("bytes that changed on the way", [&body[..body.len() - 1], &[body[body.len() - 1] ^ 1]].concat(), "SHA-256"),
        ("a digest of something else", encoded(&|package| package.components[0].sha256 = sha256.replace(['0', '1', '2'], "f")), "SHA-256"),
        ("a component twice", encoded(&|package| package.components.push(package.components[0].clone())), "twice"),
        (
            "a component that no function names",
            encoded(&|package| package.components.push(ComponentFile::new("more.wasm", good.to_vec()))),
            "no function",
        ),
        ("a component that is missing", encoded(&|package| package.components.clear()), "missing"),
    ]
}

/// How an object file begins, which is what compiled code is kept in.
fn elf() -> Vec<u8> {
    [b"\x7fELF\x02\x01\x01", &[0; 64][..]].concat()
}

fn other(name: &str) -> Vec<u8> {
    let path = crate::subject::app().path().join(format!("components/{name}.wasm"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}

fn module(sections: &[u8]) -> Vec<u8> {
    [&MODULE, sections].concat()
}

/// A component that consists of one core module.
fn within(module: &[u8]) -> Vec<u8> {
    [&COMPONENT[..], &[1], &leb(module.len()), module].concat()
}

fn nested(depth: usize) -> Vec<u8> {
    (1..depth).fold(COMPONENT.to_vec(), |inner, _| [&COMPONENT[..], &[4], &leb(inner.len()), &inner].concat())
}

/// A number as WebAssembly writes lengths.
fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}
