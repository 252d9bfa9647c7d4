//! What the host holds for a guest that reaches outside: its handles, header fields, requests,
//! answers and what is buffered of their bodies.
//!
//! None of it is in the guest's memory, so wasmtime does not bound it in bytes. The number of
//! handles is bounded by the table. The bytes are added up anew after every few calls of
//! `wasi:http`, the only ones that can make them more: one call adds at most the longest fields, so
//! the sum cannot get far beyond the bound in between, and most guests are never looked at.

use std::any::Any;
use std::collections::HashSet;

use http::{HeaderMap, HeaderValue};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream};
use wasmtime_wasi_http::FieldMap;
use wasmtime_wasi_http::p2::bindings::http::types::{Method, Scheme};
use wasmtime_wasi_http::p2::body::{HostIncomingBody, HostOutgoingBody};
use wasmtime_wasi_http::p2::types::{HostFutureIncomingResponse, HostIncomingResponse, HostOutgoingRequest, HostOutgoingResponse};

use crate::limiter::Limiter;

/// Most resources that the host holds for one guest at a time: header fields, requests, answers,
/// bodies, streams, pollables and the like. A request under way takes up to seven.
pub(super) const MAX_RESOURCES: usize = 1_000;
/// Most handles that one guest has in all, those to resources of its own included.
pub(super) const MAX_HANDLES: usize = 10_000;
/// Most bytes of all these resources together.
pub(super) const MAX_HELD_BYTES: usize = 16 << 20;
/// Longest header fields that a guest can make, bytes, what they are kept in included.
pub(super) const MAX_FIELDS_BYTES: usize = 128 << 10;
/// Longest piece of a body that a guest may write in one go.
pub(super) const BODY_PIECE_BYTES: usize = 64 << 10;

/// Calls of `wasi:http` between two sums. They add at most 1 MiB.
const CALLS_BETWEEN_LOOKS: u32 = 8;
/// What a resource takes by itself, its place in the tables included.
const RESOURCE_BYTES: usize = 256;
/// What a name with its first value takes in header fields besides their texts, and another value
/// of the same name.
const NAME_BYTES: usize = 128;
const FURTHER_VALUE_BYTES: usize = 160;
/// A line that is not yet whole, or the piece that a reader has not taken yet.
const STREAM_BYTES: usize = 8 << 10;
/// What may wait in the host for a reader or writer of a body: two pieces.
const BODY_BYTES: usize = 2 * BODY_PIECE_BYTES;
/// A connection, with what it has read and not yet written.
const REQUEST_BYTES: usize = 64 << 10;

/// Counts calls until the next look.
#[derive(Debug, Default)]
pub(super) struct Held {
    calls: u32,
    /// The guest had more than it may: none of its handles is valid any more.
    is_beyond: bool,
}

impl Held {
    /// Notes a call of `wasi:http`, and adds up what is held if it is time to. Returns whether the
    /// guest may continue.
    pub fn note_call(&mut self, table: &mut ResourceTable, limiter: &mut Limiter) -> bool {
        self.calls += 1;
        if self.calls >= CALLS_BETWEEN_LOOKS {
            self.calls = 0;
            let bytes = held_bytes(table);
            self.is_beyond |= bytes > MAX_HELD_BYTES || !limiter.hold(bytes);
        }
        !self.is_beyond
    }

    /// Whether the guest was ended because the host held too much for it.
    pub fn is_beyond(&self) -> bool {
        self.is_beyond
    }
}

fn held_bytes(table: &mut ResourceTable) -> usize {
    let mut seen = HashSet::new();
    table.iter_mut().map(|resource| RESOURCE_BYTES + bytes_of(&*resource, &mut seen)).sum()
}

/// What one resource holds besides itself. Fields that several of them share count once; `seen` has
/// the places of those.
fn bytes_of(resource: &(dyn Any + Send), seen: &mut HashSet<*const HeaderMap>) -> usize {
    let mut fields = |fields: &FieldMap| if seen.insert(std::ptr::from_ref(&**fields)) { fields_bytes(fields) } else { 0 };
    if let Some(own) = resource.downcast_ref::<FieldMap>() {
        return fields(own);
    }
    if let Some(request) = resource.downcast_ref::<HostOutgoingRequest>() {
        return fields(&request.headers) + request_line_bytes(request);
    }
    if let Some(response) = resource.downcast_ref::<HostOutgoingResponse>() {
        return fields(&response.headers);
    }
    if let Some(response) = resource.downcast_ref::<HostIncomingResponse>() {
        return fields(&response.headers) + response.body.as_ref().map_or(0, |_| REQUEST_BYTES);
    }
    if let Some(answer) = resource.downcast_ref::<HostFutureIncomingResponse>() {
        return match answer {
            HostFutureIncomingResponse::Pending(_) => REQUEST_BYTES,
            HostFutureIncomingResponse::Ready(Ok((response, _))) => REQUEST_BYTES + fields_bytes(response.headers()),
            HostFutureIncomingResponse::Ready(Err(_)) | HostFutureIncomingResponse::Consumed => 0,
        };
    }
    if resource.is::<HostOutgoingBody>() {
        BODY_BYTES
    } else if resource.is::<HostIncomingBody>() {
        REQUEST_BYTES
    } else if resource.is::<DynInputStream>() || resource.is::<DynOutputStream>() {
        STREAM_BYTES
    } else {
        0
    }
}

fn fields_bytes(fields: &HeaderMap) -> usize {
    let texts = fields.keys().map(|name| name.as_str().len()).sum::<usize>() + fields.values().map(HeaderValue::len).sum::<usize>();
    let further = fields.len() - fields.keys_len();
    texts + fields.capacity() * NAME_BYTES + further * FURTHER_VALUE_BYTES
}

fn request_line_bytes(request: &HostOutgoingRequest) -> usize {
    let HostOutgoingRequest { method, scheme, authority, path_with_query, .. } = request;
    let method = if let Method::Other(name) = method { name.len() } else { 0 };
    let scheme = if let Some(Scheme::Other(name)) = scheme { name.len() } else { 0 };
    [authority, path_with_query].into_iter().flatten().map(String::len).sum::<usize>() + method + scheme
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn long_fields() -> FieldMap {
        let mut fields = FieldMap::new_mutable(MAX_FIELDS_BYTES);
        let value = HeaderValue::from_bytes(&[b'x'; MAX_FIELDS_BYTES - 200]).unwrap();
        fields.append_raw(HeaderName::from_static("x-long"), value).unwrap();
        fields
    }

    /// Notes as many calls as make it look.
    fn look(held: &mut Held, table: &mut ResourceTable, limiter: &mut Limiter) -> bool {
        (0..CALLS_BETWEEN_LOOKS).fold(true, |_, _| held.note_call(table, limiter))
    }

    #[test]
    fn a_guest_may_hold_some_fields_and_no_more() {
        let (mut held, mut table, mut limiter) = (Held::default(), ResourceTable::new(), Limiter::new(usize::MAX));
        let most = MAX_HELD_BYTES / MAX_FIELDS_BYTES - 2;
        let all: Vec<_> = (0..most).map(|_| table.push(long_fields()).unwrap()).collect();
        assert!(look(&mut held, &mut table, &mut limiter), "{most} of the longest fields may be held");
        all.into_iter().for_each(|fields| drop(table.delete(fields).unwrap()));
        (0..2 * most).for_each(|_| _ = table.push(long_fields()).unwrap());
        assert!(!look(&mut held, &mut table, &mut limiter) && held.is_beyond());
    }

    #[test]
    fn fields_that_are_shared_count_once() {
        let mut table = ResourceTable::new();
        let fields = long_fields();
        (0..MAX_RESOURCES).for_each(|_| _ = table.push(fields.clone()).unwrap());
        assert!(look(&mut Held::default(), &mut table, &mut Limiter::new(usize::MAX)));
    }

    #[test]
    fn what_is_held_counts_beside_the_guests_own_memory() {
        let mut table = ResourceTable::new();
        (0..8).for_each(|_| _ = table.push(long_fields()).unwrap());
        let mut limiter = Limiter::new(512 << 10);
        assert!(!look(&mut Held::default(), &mut table, &mut limiter));
        assert_eq!(limiter.refused().memory_bytes, Some(512 << 10));
    }
}
