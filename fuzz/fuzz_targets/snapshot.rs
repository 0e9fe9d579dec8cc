//! Any bytes are a checkpoint or an error, never a panic. A good seed is a snapshot of a very small net.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|bytes: Vec<u8>| {
    let _ = io_hdf5::decode_snapshot(Path::new("fuzzed"), bytes);
});
