//! Shows how the embedded sample was made from the real MNIST files, and proves that it is exactly that.
//!
//! Both tests read the four original `*.gz` files from the folder in `MNIST_IDX_DIR`, so they are ignored by default:
//!
//! ```text
//! MNIST_IDX_DIR=/path/to/mnist cargo test -p lenet-example --test sample_origin -- --ignored
//! ```
//!
//! With `WRITE_SAMPLE=1` besides, the files in `data/` are written anew. A separate script was rejected: it would be a second
//! description of the same choice, and nothing would compare the two.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test that cannot go on shall panic

use flate2::{GzBuilder, read::GzDecoder};
use std::{
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
};

/// The name in MNIST, the name here, and how many of each class are taken.
const PARTS: [(&str, &str, usize); 2] = [("train", "train", 500), ("t10k", "test", 100)];
const PIXELS: usize = 28 * 28;

#[test]
#[ignore = "needs the original MNIST files in the folder MNIST_IDX_DIR"]
fn sample_is_an_even_choice_of_the_real_files() {
    let write = std::env::var_os("WRITE_SAMPLE").is_some();
    for (original, ours, per_class) in PARTS {
        let (images, labels) = choose(original, per_class);
        for (name, bytes) in [("images-idx3", images), ("labels-idx1", labels)] {
            let path = data_folder().join(format!("{ours}-{name}-ubyte.gz"));
            if write {
                // No name and no time in the header, so that the same pixels give the same file.
                let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), flate2::Compression::best());
                encoder.write_all(&bytes).unwrap();
                fs::write(&path, encoder.finish().unwrap()).unwrap();
            }
            assert!(inflate(&path) == bytes, "{} is not what the original files give", path.display());
        }
    }
}

/// Of each class the images at equal distances in the original order, so that the harder second half of the test set has its
/// share; the chosen images stay in the original order.
fn choose(part: &str, per_class: usize) -> (Vec<u8>, Vec<u8>) {
    let folder = PathBuf::from(std::env::var_os("MNIST_IDX_DIR").expect("set MNIST_IDX_DIR"));
    let images = inflate(&folder.join(format!("{part}-images-idx3-ubyte.gz")));
    let labels = inflate(&folder.join(format!("{part}-labels-idx1-ubyte.gz")));
    let (images, labels) = (&images[16..], &labels[8..]);
    let mut chosen: Vec<usize> = Vec::new();
    for class in 0..10 {
        let of_class: Vec<usize> = (0..labels.len()).filter(|&i| labels[i] == class).collect();
        chosen.extend((0..per_class).map(|k| of_class[k * of_class.len() / per_class]));
    }
    chosen.sort_unstable();
    let pixels = chosen.iter().flat_map(|&i| &images[i * PIXELS..(i + 1) * PIXELS]).copied();
    (idx(&[chosen.len(), 28, 28], pixels), idx(&[chosen.len()], chosen.iter().map(|&i| labels[i])))
}

/// An IDX file of bytes: magic number with type and rank, sizes in big endian, data.
fn idx(sizes: &[usize], data: impl Iterator<Item = u8>) -> Vec<u8> {
    let mut file = vec![0, 0, 8, sizes.len() as u8];
    file.extend(sizes.iter().flat_map(|&size| (size as u32).to_be_bytes()));
    file.extend(data);
    file
}

fn inflate(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
    bytes
}

fn data_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data")
}
