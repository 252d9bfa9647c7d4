//! `http-error-code` of `wasi:http/types`: what a guest asks when reading an answer's body failed.
//!
//! The library's own knows the errors that guests see and not those that it makes of a body's, so
//! every body that breaks off or stands still would look the same.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi_http::Error;
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;

use super::IoState;

const INTERFACE: &str = "wasi:http/types@0.2.12";

/// Takes the place of the function that the library has linked.
pub(super) fn add_to_linker(linker: &mut Linker<IoState>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    linker.instance(INTERFACE)?.func_wrap(
        "http-error-code",
        |store: StoreContextMut<'_, IoState>, (error,): (Resource<wasmtime::Error>,)| {
            let error = store.data().table.get(&error)?;
            let code = error.downcast_ref::<ErrorCode>().cloned();
            Ok((code.or_else(|| error.downcast_ref::<Error>().map(code_of_body)),))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

/// The errors that `Answered` in `bodies.rs` gives.
fn code_of_body(error: &Error) -> ErrorCode {
    match error {
        Error::ConnectionReadTimeout => ErrorCode::ConnectionReadTimeout,
        Error::ConnectionWriteTimeout => ErrorCode::ConnectionWriteTimeout,
        Error::ConnectionTerminated => ErrorCode::ConnectionTerminated,
        Error::HttpResponseIncomplete => ErrorCode::HttpResponseIncomplete,
        Error::HttpResponseHeaderSectionSize(size) => ErrorCode::HttpResponseTrailerSectionSize(*size),
        Error::HttpProtocolError => ErrorCode::HttpProtocolError,
        other => ErrorCode::InternalError(Some(other.to_string())),
    }
}
