#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::access::access_key(data));
