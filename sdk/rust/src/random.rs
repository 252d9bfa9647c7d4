//! Chance, for activities and clients.

/// A random number, for clients and activities.
///
/// Orchestrators and entities must not call it: on replay they would get another one. For ids they
/// have [`Context::new_guid`](crate::Context::new_guid).
pub fn random_u64() -> u64 {
    #[cfg(target_arch = "wasm32")]
    return wasip2::random::random::get_random_u64();
    #[cfg(not(target_arch = "wasm32"))]
    {
        // The keys of each new hasher differ: chance enough for tests, without another dependency.
        use std::hash::BuildHasher;
        std::hash::RandomState::new().hash_one(0)
    }
}
