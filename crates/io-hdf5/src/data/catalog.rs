//! The files of a data set: found, opened once, and checked before training starts.

use crate::{Dataset, Error, File, Result};
use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

/// The longest list of files, in bytes; a list is not data.
const MAX_LIST_BYTES: u64 = 1 << 26;
/// What every HDF5 file without a user block starts with.
const SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";

/// A data set: files with the same datasets.
#[derive(Debug)]
pub(crate) struct Catalog {
    /// The files, in the order of the list.
    pub(crate) files: Vec<Entry>,
    /// What becomes of each dataset.
    pub(crate) tops: Vec<Top>,
    /// Samples in all files.
    pub(crate) samples: usize,
}

/// One file.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) path: PathBuf,
    /// How many samples are in it.
    pub(crate) rows: usize,
    /// How many samples are stored together.
    pub(crate) chunk_rows: usize,
}

/// One dataset, in all files.
#[derive(Debug)]
pub(crate) struct Top {
    pub(crate) dataset: String,
    /// The axes of a sample; a dataset of shape (N) counts as (N, 1).
    pub(crate) sample: Vec<usize>,
    /// Elements of a sample.
    pub(crate) len: usize,
}

/// Neighbouring rows of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) file: usize,
    pub(crate) start: usize,
    pub(crate) rows: usize,
}

impl Catalog {
    /// Finds and checks the files of `source`, an HDF5 file or a list of such.
    pub(crate) fn new(source: &Path, datasets: &[String]) -> Result<Self> {
        let paths = files_of(source)?;
        let mut catalog = Catalog { files: Vec::new(), tops: Vec::new(), samples: 0 };
        for path in paths {
            let arrays = open(&path, datasets)?;
            if catalog.tops.is_empty() {
                catalog.tops = datasets.iter().zip(&arrays).map(|(name, array)| Top::of(name, array)).collect();
            }
            let first = catalog.files.first().map_or(&path, |entry: &Entry| &entry.path);
            check_samples(&path, &arrays, &catalog.tops, first)?;
            // Rows are read together as the largest dataset stores them; the others are small beside it.
            let largest = arrays.iter().max_by_key(|array| array.row_len() * array.number().size());
            let rows = arrays.first().map_or(0, Dataset::rows);
            catalog.samples = catalog.samples.saturating_add(rows);
            catalog.files.push(Entry { path, rows, chunk_rows: largest.map_or(1, Dataset::chunk_rows) });
        }
        if catalog.samples == 0 || catalog.samples > u32::MAX as usize {
            let message = format!("its datasets have {} samples; expected 1 to {}", catalog.samples, u32::MAX);
            return Err(Error::Content { path: source.into(), message });
        }
        Ok(catalog)
    }

    /// Elements of one sample in all tops together.
    pub(crate) fn sample_len(&self) -> usize {
        self.tops.iter().map(|top| top.len).sum()
    }

    /// Opens a file again, and makes sure that it is still what it was.
    pub(crate) fn open(&self, file: usize) -> Result<Vec<Dataset>> {
        let Entry { path, rows, .. } = &self.files[file];
        let names: Vec<String> = self.tops.iter().map(|top| top.dataset.clone()).collect();
        let arrays = open(path, &names)?;
        check_samples(path, &arrays, &self.tops, path)?;
        let found = arrays.first().map_or(0, Dataset::rows);
        if found != *rows {
            let message = format!("the file changed: it has {found} samples and had {rows} when the net was built");
            return Err(Error::Content { path: path.clone(), message });
        }
        Ok(arrays)
    }

    /// Cuts all files into windows of about `rows` rows, never through a chunk.
    pub(crate) fn windows(&self, rows: usize) -> Vec<Window> {
        let mut windows = Vec::new();
        for (file, entry) in self.files.iter().enumerate() {
            let step = rows.max(1).next_multiple_of(entry.chunk_rows);
            for start in (0..entry.rows).step_by(step) {
                windows.push(Window { file, start, rows: step.min(entry.rows - start) });
            }
        }
        windows
    }
}

impl Top {
    fn of(dataset: &str, array: &Dataset) -> Self {
        let sample = sample_sizes(array);
        Top { dataset: dataset.into(), len: sample.iter().product(), sample }
    }
}

/// The axes of a sample; a dataset of shape (N) counts as (N, 1).
fn sample_sizes(array: &Dataset) -> Vec<usize> {
    match array.sizes() {
        [] | [_] => vec![1],
        [_, sample @ ..] => sample.to_vec(),
    }
}

fn open(path: &Path, datasets: &[String]) -> Result<Vec<Dataset>> {
    let file = File::open(path)?;
    datasets.iter().map(|name| file.dataset(name)).collect()
}

/// Compares a file's arrays with each other and with those of the first file.
fn check_samples(path: &Path, arrays: &[Dataset], tops: &[Top], first: &Path) -> Result<()> {
    let rows = arrays.first().map_or(0, Dataset::rows);
    for (array, top) in arrays.iter().zip(tops) {
        let wrong = |what, found, expected| {
            Err(Error::Dataset { path: path.into(), dataset: top.dataset.clone(), what, found, expected })
        };
        if array.sizes().is_empty() {
            return wrong("the shape", "that of a scalar".into(), "samples along the first axis".into());
        }
        if array.rows() != rows {
            let expected = format!("{rows}, as dataset `{}` of the same file has", tops[0].dataset);
            return wrong("the number of samples", array.rows().to_string(), expected);
        }
        let sample = sample_sizes(array);
        if sample.contains(&0) {
            return wrong("the shape of a sample", format!("{sample:?}"), "one without a zero".into());
        }
        if sample != top.sample {
            let expected = format!("{:?}, as in {}", top.sample, first.display());
            return wrong("the shape of a sample", format!("{sample:?}"), expected);
        }
    }
    Ok(())
}

/// The HDF5 files that `source` means: itself, or those that it lists.
fn files_of(source: &Path) -> Result<Vec<PathBuf>> {
    let io =
        |source_error| Error::Io { path: source.into(), action: "read the list of data files", source: source_error };
    let content = |message| Error::Content { path: source.into(), message };
    if is_hdf5_name(source) {
        return Ok(vec![source.into()]);
    }
    let mut bytes = Vec::new();
    fs::File::open(source).map_err(io)?.take(MAX_LIST_BYTES).read_to_end(&mut bytes).map_err(io)?;
    if bytes.starts_with(SIGNATURE) {
        return Ok(vec![source.into()]);
    }
    const EXPECTED: &str = "expected an HDF5 file, or a text with the path of one on each line";
    let Some(text) = std::str::from_utf8(&bytes).ok().filter(|_| (bytes.len() as u64) < MAX_LIST_BYTES) else {
        return Err(content(format!("this is no list of files; {EXPECTED}")));
    };
    let folder = source.parent().unwrap_or(Path::new(""));
    let mut files = Vec::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let name = line.trim();
        let candidates = [folder.join(name), PathBuf::from(name)];
        match candidates.into_iter().find(|path| path.exists()) {
            Some(path) => files.push(path),
            None => {
                let places = "looked for beside the list and in the working directory";
                return Err(content(format!("line {number} names the file `{name}`, which does not exist ({places})")));
            }
        }
    }
    if files.is_empty() { Err(content(format!("the list is empty; {EXPECTED}"))) } else { Ok(files) }
}

fn is_hdf5_name(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    ["hdf5", "h5", "hdf"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}
