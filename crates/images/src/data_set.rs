//! Folders or lists of pictures as HDF5, ready for `Hdf5Data`.

use crate::{Error, Preparation, Result, open};
use core_tensor::Shape;
use io_hdf5::{Array, Numbers};
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use std::{
    collections::BTreeSet,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

/// Where pictures and their labels come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A folder with a folder of pictures for each class; classes are numbered in the order of their names.
    Folders(PathBuf),
    /// A file with a line `picture,label` for each; pictures are relative to it, labels count from 0. Lines that begin with `#`
    /// are comments.
    Csv(PathBuf),
}

/// What [`to_hdf5`] has written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataSet {
    /// The list of files, for `Hdf5Data::new`.
    pub list: PathBuf,
    /// How many pictures.
    pub pictures: usize,
    /// The classes' names, by label: a source of folders has them.
    pub classes: Vec<String>,
}

/// A picture's file and its label.
type Labelled = (PathBuf, u32);

/// Pictures in one file; more would have to be in memory at once.
const PER_FILE: usize = 10_000;

/// Writes `<name>.txt`, `<name>-0.hdf5`, ... into the folder `out`, with the datasets `data` (N, channels, height, width) and
/// `label` (N, 1) in f32. The pictures are put in a random order, the same for the same seed. For folders, `<name>-classes.txt`
/// has the classes' names. After each picture `progress` is told how many are done, and of how many.
///
/// # Errors
/// A source without pictures, a picture that cannot be read, a label that is no number, a file that cannot be written. What is
/// named last, `<name>.txt`, is written last, and one that was there before is removed first: where it is, all is there.
pub fn to_hdf5(
    source: &Source,
    preparation: &Preparation,
    out: &Path,
    name: &str,
    seed: u64,
    mut progress: impl FnMut(usize, usize),
) -> Result<DataSet> {
    preparation.check()?;
    fs::create_dir_all(out).map_err(|e| Error::file(out, format!("the folder cannot be made: {e}")))?;
    let (mut pictures, classes) = match source {
        Source::Folders(folder) => from_folders(folder)?,
        Source::Csv(list) => (from_csv(list)?, Vec::new()),
    };
    if pictures.is_empty() {
        let (Source::Folders(path) | Source::Csv(path)) = source;
        return Err(Error::file(path, "there are no pictures here"));
    }
    let list_file = out.join(format!("{name}.txt"));
    remove(&list_file)?;
    pictures.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    let (mut list, mut done) = (String::new(), 0);
    let mut tick = || {
        done += 1;
        progress(done, pictures.len());
    };
    for (i, part) in pictures.chunks(PER_FILE).enumerate() {
        let file = format!("{name}-{i}.hdf5");
        write(&out.join(&file), part, preparation, &mut tick)?;
        list.push_str(&file);
        list.push('\n');
    }
    let save = |file: PathBuf, text: &str| fs::write(&file, text).map_err(|e| Error::file(&file, e)).map(|()| file);
    if !classes.is_empty() {
        save(out.join(format!("{name}-classes.txt")), &(classes.join("\n") + "\n"))?;
    }
    let list = save(list_file, &list)?;
    Ok(DataSet { list, pictures: pictures.len(), classes })
}

fn remove(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(Error::file(file, format!("this cannot be replaced: {e}"))),
        _ => Ok(()),
    }
}

fn write(path: &Path, pictures: &[Labelled], preparation: &Preparation, tick: &mut impl FnMut()) -> Result<()> {
    let [channels, height, width] = preparation.shape();
    let mut data = Vec::with_capacity(pictures.len() * channels * height * width);
    for (picture, _) in pictures {
        data.extend(preparation.apply(&open(picture)?)?);
        tick();
    }
    let labels: Vec<f32> = pictures.iter().map(|(_, label)| *label as f32).collect();
    let n = pictures.len();
    let arrays = [
        Array { name: "data", shape: Shape::new(&[n, channels, height, width])?, values: Numbers::F32(&data) },
        Array { name: "label", shape: Shape::new(&[n, 1])?, values: Numbers::F32(&labels) },
    ];
    Ok(io_hdf5::write_arrays(path, &arrays, &[])?)
}

/// The pictures, and the names of the classes.
fn from_folders(folder: &Path) -> Result<(Vec<Labelled>, Vec<String>)> {
    let mut pictures = Vec::new();
    let mut classes = Vec::new();
    for class in entries(folder)?.into_iter().filter(|path| path.is_dir()) {
        let label = classes.len() as u32;
        let files = entries(&class)?.into_iter().filter(|path| path.is_file() && !is_hidden(path));
        pictures.extend(files.map(|file| (file, label)));
        classes.push(class.file_name().unwrap_or_default().to_string_lossy().into_owned());
    }
    Ok((pictures, classes))
}

/// What is in a folder, in the order of names.
fn entries(folder: &Path) -> Result<BTreeSet<PathBuf>> {
    let read = fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    read.map_err(|e| Error::file(folder, format!("the folder cannot be read: {e}")))
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

fn from_csv(list: &Path) -> Result<Vec<Labelled>> {
    let folder = list.parent().unwrap_or(Path::new(""));
    let reader = csv::ReaderBuilder::new().has_headers(false).comment(Some(b'#')).trim(csv::Trim::All).from_path(list);
    let mut pictures = Vec::new();
    for record in reader.map_err(|e| Error::file(list, e))?.into_records() {
        let record = record.map_err(|e| Error::file(list, e))?;
        let line = record.position().map_or(0, csv::Position::line);
        let told = |found: String| {
            Error::file(list, format!("line {line} is {found}; expected `picture,label`, the label a number from 0 on"))
        };
        let (Some(picture), Some(label), 2) = (record.get(0), record.get(1), record.len()) else {
            return Err(told(format!("one of {} fields", record.len())));
        };
        let label = label.parse().map_err(|_| told(format!("one with the label `{label}`")))?;
        pictures.push((folder.join(picture), label));
    }
    Ok(pictures)
}
