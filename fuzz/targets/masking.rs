#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tracellm_fuzz::masking(data));
