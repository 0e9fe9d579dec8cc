//! Any bytes are data sets or an error, never a panic or an allocation beyond the limit. Good seeds are the files in
//! `crates/io-hdf5/tests/fixtures`.
#![no_main]

use io_hdf5::File;
use libfuzzer_sys::fuzz_target;

const LIMIT: usize = 1 << 20;

fuzz_target!(|bytes: Vec<u8>| {
    let Ok(file) = File::from_bytes("fuzzed", bytes) else { return };
    let file = file.with_limit(LIMIT);
    for name in file.datasets().unwrap_or_default() {
        if let Ok(dataset) = file.dataset(&name) {
            let _ = dataset.read::<f32>();
        }
    }
});
