#![allow(clippy::unwrap_used, missing_docs)]
use io_hdf5::File;
use std::{fs, path::Path, time::Instant};
#[test]
fn fuzz() {
    for name in ["contiguous.h5", "contiguous-latest.h5", "gzip.h5", "shuffle.h5", "unlimited.h5", "odd.h5", "mocha.h5","samples.h5","chunked-inner.h5"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
        let bytes = fs::read(&path).unwrap();
        let t0 = Instant::now();
        for place in 0..bytes.len() {
            for mask in [1u8, 0x40, 0xff] {
                let mut b = bytes.clone();
                b[place] ^= mask;
                let t = Instant::now();
                let r = std::panic::catch_unwind(|| {
                let Ok(file) = File::from_bytes(name, b) else { return 0 };
                let ds = file.datasets().unwrap_or_default();
                let t1 = t.elapsed();
                if t1.as_millis() > 50 { println!("{name} {place} {mask:x} listing {t1:?} {}", ds.len()); }
                for d in &ds {
                    let t = Instant::now();
                    let x = file.dataset(d);
                    let s = x.as_ref().ok().map(|d| d.sizes().to_vec());
                    let r = x.and_then(|d| d.read::<f32>().map(|v| v.len()));
                    let t1 = t.elapsed();
                    if t1.as_millis() > 50 { println!("{name} {place} {mask:x} {d} {s:?} {t1:?} {r:?}"); }
                }
                ds.len()
                });
                if r.is_err() { println!("PANIC {name} {place} {mask:x}"); }
            }
        }
        println!("{name} {} bytes: {:?}", bytes.len(), t0.elapsed());
    }
}
