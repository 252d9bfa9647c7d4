//! Calls of WASI that take whatever they are given, with bounds.

use wasmtime::component::{Linker, Resource};
use wasmtime::{Result, StoreContextMut, ensure};
use wasmtime_wasi::WasiView;
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::p2::bindings::io::poll;
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::http::types::{HostOutgoingRequest as _, Method};
use wasmtime_wasi_http::p2::types::HostOutgoingRequest;

use super::IoState;

/// Longest name of a method, bytes. What else a request consists of is bounded by what an address
/// may be.
const MAX_METHOD_BYTES: usize = 256;
/// Most pollables of one call: more than a guest can have, since one may stand there more than
/// once.
const MAX_POLLABLES: usize = 10_000;

/// Puts these calls in the place of those of the same name.
pub(super) fn add_to_linker(linker: &mut Linker<IoState>) -> Result<()> {
    linker.allow_shadowing(true);
    linker.instance("wasi:http/types@0.2.12")?.func_wrap("[method]outgoing-request.set-method", set_method)?;
    linker.instance("wasi:io/poll@0.2.12")?.func_wrap_async("poll", |store, (pollables,)| Box::new(poll_some(store, pollables)))?;
    linker.allow_shadowing(false);
    Ok(())
}

type Answer<T> = std::result::Result<T, ()>;

fn set_method(
    mut store: StoreContextMut<'_, IoState>,
    (request, method): (Resource<HostOutgoingRequest>, Method),
) -> Result<(Answer<()>,)> {
    let too_long = matches!(&method, Method::Other(name) if name.len() > MAX_METHOD_BYTES);
    Ok((if too_long { Err(()) } else { store.data_mut().http().set_method(request, method)? },))
}

async fn poll_some(mut store: StoreContextMut<'_, IoState>, pollables: Vec<Resource<DynPollable>>) -> Result<(Vec<u32>,)> {
    let count = pollables.len();
    ensure!(count <= MAX_POLLABLES, "{count} pollables were given to one call; at most {MAX_POLLABLES} are taken");
    Ok((poll::Host::poll(store.data_mut().ctx().table, pollables).await?,))
}
