//! Folders and lists of pictures become data sets, and what is wrong with them is told.

#![allow(clippy::unwrap_used)] // a test stops at the first error

use image::{GrayImage, Luma};
use images::{Channels, Preparation, Source, to_hdf5};
use std::{fs, path::Path};

/// Two classes: bright cats, dark dogs; the shade tells the picture.
fn pictures(folder: &Path) {
    for (class, shades) in [("cats", [200u8, 210, 220]), ("dogs", [10, 20, 30])] {
        fs::create_dir_all(folder.join(class)).unwrap();
        for shade in shades {
            GrayImage::from_pixel(9, 5, Luma([shade])).save(folder.join(class).join(format!("{shade}.png"))).unwrap();
        }
    }
    fs::write(folder.join("cats/.hidden"), "no picture").unwrap();
}

fn gray() -> Preparation {
    Preparation::new((4, 3), Channels::Gray)
}

/// Shade and label of each picture, in the file's order.
fn read(file: &Path) -> Vec<(f32, f32)> {
    let file = io_hdf5::File::open(file).unwrap();
    assert_eq!(file.dataset("data").unwrap().sizes()[1..], [1, 3, 4]);
    let data: Vec<f32> = file.dataset("data").unwrap().read().unwrap();
    let labels: Vec<f32> = file.dataset("label").unwrap().read().unwrap();
    data.chunks(12).map(|picture| picture[0]).zip(labels).collect()
}

#[test]
fn folders_become_classes() {
    let (source, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    pictures(source.path());
    let mut told = Vec::new();
    let set = to_hdf5(&Source::Folders(source.path().into()), &gray(), out.path(), "pets", 1, |done, of| {
        told.push((done, of))
    });
    let set = set.unwrap();
    assert_eq!(told, [(1, 6), (2, 6), (3, 6), (4, 6), (5, 6), (6, 6)]);
    assert_eq!((set.pictures, set.classes), (6, vec!["cats".to_owned(), "dogs".to_owned()]));
    assert_eq!(fs::read_to_string(out.path().join("pets-classes.txt")).unwrap(), "cats\ndogs\n");
    assert_eq!(fs::read_to_string(set.list).unwrap(), "pets-0.hdf5\n");
    let mut found = read(&out.path().join("pets-0.hdf5"));
    assert!(!found.is_sorted_by(|a, b| a.0 >= b.0), "not shuffled: {found:?}");
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    assert_eq!(found, [(10., 1.), (20., 1.), (30., 1.), (200., 0.), (210., 0.), (220., 0.)]);
}

#[test]
fn a_list_names_pictures_and_labels() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path());
    let list = folder.path().join("list.csv");
    fs::write(&list, "# picture,label\ncats/200.png,5\n\"dogs/10.png\", 0\n").unwrap();
    let set = to_hdf5(&Source::Csv(list), &gray(), folder.path(), "pets", 1, |_, _| {}).unwrap();
    let mut found = read(&folder.path().join("pets-0.hdf5"));
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    assert_eq!((set.pictures, found), (2, vec![(10., 0.), (200., 5.)]));
}

#[test]
fn mistakes_are_told() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path());
    let list = folder.path().join("list.csv");
    for (text, message) in [
        ("", "there are no pictures here"),
        ("cats/200.png\n", "line 1 is one of 1 fields; expected `picture,label`"),
        ("cats/200.png,0\ncats/210.png,cat\n", "line 2 is one with the label `cat`"),
        ("cats/200.png,-1\n", "the label `-1`"),
        ("cats/1.png,0\n", "cats/1.png"),
        ("cats/.hidden,0\n", "no picture that can be read"),
    ] {
        fs::write(&list, text).unwrap();
        let error =
            to_hdf5(&Source::Csv(list.clone()), &gray(), folder.path(), "pets", 1, |_, _| {}).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
        assert!(!folder.path().join("pets.txt").exists(), "the list was written: {text}");
    }
    let nowhere = Source::Folders(folder.path().join("nowhere"));
    let error = to_hdf5(&nowhere, &gray(), folder.path(), "pets", 1, |_, _| {}).unwrap_err().to_string();
    assert!(error.contains("nowhere: the folder cannot be read"), "{error}");
}
