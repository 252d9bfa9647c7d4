#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::requests::path_and_query(data));
