//! Makes the sample in `data/` from the original MNIST files, or checks that it is what they give.
//!
//! ```text
//! cargo run -p digits --example make-sample -- write MNIST_FOLDER
//! cargo run -p digits --example make-sample -- check MNIST_FOLDER
//! ```
//!
//! The folder has the four original `*.gz` files. A script in another language was rejected: it would need an interpreter,
//! and a test in its place would need files that most machines do not have.

use flate2::{Compression, GzBuilder, read::GzDecoder};
use std::{
    env,
    error::Error,
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
};

/// The name in MNIST, the name here, and how many of each class are taken.
const PARTS: [(&str, &str, usize); 2] = [("train", "train", 500), ("t10k", "test", 100)];
const PIXELS: usize = 28 * 28;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    let (write, mnist) = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["write", mnist] => (true, mnist),
        ["check", mnist] => (false, mnist),
        _ => return Err("usage: make-sample write|check MNIST_FOLDER".into()),
    };
    for (original, ours, per_class) in PARTS {
        let (images, labels) = choose(mnist.as_ref(), original, per_class)?;
        for (name, bytes) in [("images-idx3", images), ("labels-idx1", labels)] {
            let path = sample_folder().join(format!("{ours}-{name}-ubyte.gz"));
            if write {
                // No name and no time in the header, so that the same pixels give the same file.
                let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
                encoder.write_all(&bytes)?;
                fs::write(&path, encoder.finish()?)?;
            } else if inflate(&path)? != bytes {
                return Err(format!("{} is not what the files in {mnist} give", path.display()).into());
            }
        }
    }
    Ok(())
}

/// Of each class the images at equal distances in the original order, so that the harder second half of the test set has its
/// share; the chosen images stay in the original order.
fn choose(mnist: &Path, part: &str, per_class: usize) -> Result<(Vec<u8>, Vec<u8>)> {
    let images = inflate(&mnist.join(format!("{part}-images-idx3-ubyte.gz")))?.split_off(16);
    let labels = inflate(&mnist.join(format!("{part}-labels-idx1-ubyte.gz")))?.split_off(8);
    let mut chosen: Vec<usize> = Vec::new();
    for class in 0..10 {
        let of_class: Vec<usize> = (0..labels.len()).filter(|&i| labels[i] == class).collect();
        chosen.extend((0..per_class).map(|k| of_class[k * of_class.len() / per_class]));
    }
    chosen.sort_unstable();
    let pixels = chosen.iter().flat_map(|&i| &images[i * PIXELS..(i + 1) * PIXELS]).copied();
    Ok((idx(&[chosen.len(), 28, 28], pixels), idx(&[chosen.len()], chosen.iter().map(|&i| labels[i]))))
}

/// An IDX file of bytes: magic number with type and rank, sizes in big endian, data.
fn idx(sizes: &[usize], data: impl Iterator<Item = u8>) -> Vec<u8> {
    let mut file = vec![0, 0, 8, sizes.len() as u8];
    file.extend(sizes.iter().flat_map(|&size| (size as u32).to_be_bytes()));
    file.extend(data);
    file
}

fn inflate(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(|e| format!("{}: {e}", path.display()))?;
    GzDecoder::new(file).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn sample_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data")
}
