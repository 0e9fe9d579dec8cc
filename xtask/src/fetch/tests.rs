//! Tests of a whole fetch, on a data set of three images.

use super::{
    datasets::{IdxFile, Part},
    idx,
    unpack::sha256,
    *,
};
use core_tensor::Shape;
use flate2::{Compression, write::GzEncoder};
use io_hdf5::{Array, Numbers, write_arrays};
use std::{
    io::{Read, Write},
    net::TcpListener,
    path::PathBuf,
    thread,
    time::Duration,
};
use tempfile::TempDir;

const IMAGES: &[u8] = &[0, 1, 2, 255, 4, 5, 6, 7, 8, 9, 10, 128];
const LABELS: &[u8] = &[9, 0, 3];

fn dataset() -> Dataset {
    let sum = |sizes, bytes| -> &'static str { sha256(&[&idx::header(sizes), bytes]).leak() };
    let part = |stem, permuted| Part {
        stem,
        permuted,
        images: IdxFile {
            name: if permuted { "train-images-idx3-ubyte" } else { "t10k-images-idx3-ubyte" },
            sizes: &[3, 2, 2],
            sha256: sum(&[3, 2, 2], IMAGES),
        },
        labels: IdxFile {
            name: if permuted { "train-labels-idx1-ubyte" } else { "t10k-labels-idx1-ubyte" },
            sizes: &[3],
            sha256: sum(&[3], LABELS),
        },
    };
    Dataset {
        name: "three images",
        chore: "fetch-three",
        folder: "data",
        training: part("train", true),
        test: part("test", false),
        sources: &[],
    }
}

fn images() -> Vec<u8> {
    [&idx::header(&[3, 2, 2]), IMAGES].concat()
}

fn labels() -> Vec<u8> {
    [&idx::header(&[3]), LABELS].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A folder with all four files, some packed and under their other names.
fn source() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in [
        ("train-images-idx3-ubyte", images()),
        ("train-labels-idx1-ubyte.gz", gzip(&labels())),
        ("t10k-images.idx3-ubyte.gz", gzip(&images())),
        ("t10k-labels.idx1-ubyte", labels()),
    ] {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

fn flags(from: &TempDir, out: &Path) -> Fetch {
    Fetch { out: Some(out.to_owned()), from: Some(from.path().to_owned()), check: false, force: false }
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_folder_becomes_a_data_set_that_checks_out() {
    let (from, parent) = (source(), tempfile::tempdir().unwrap());
    let out = parent.path().join("new/data");
    let flags = flags(&from, &out);
    run(&dataset(), &flags).unwrap();
    assert_eq!(names_in(&out), ["test.hdf5", "test.txt", "train.hdf5", "train.txt"]);
    assert_eq!(fs::read_to_string(out.join("train.txt")).unwrap(), "train.hdf5\n");
    run(&dataset(), &Fetch { from: None, check: true, ..flags }).unwrap();
}

#[test]
fn what_is_there_is_kept_unless_forced() {
    let (from, out) = (source(), tempfile::tempdir().unwrap());
    let mut flags = flags(&from, out.path());
    run(&dataset(), &flags).unwrap();
    // A whole data set needs no source at all.
    let nowhere = Some(PathBuf::from("nowhere"));
    run(&dataset(), &Fetch { from: nowhere, out: flags.out.clone(), check: false, force: false }).unwrap();

    fs::write(out.path().join("test.hdf5"), "the user's own").unwrap();
    let refused = run(&dataset(), &flags).unwrap_err().to_string();
    assert!(refused.contains("test.hdf5") && refused.contains("--force"), "{refused}");
    assert_eq!(fs::read(out.path().join("test.hdf5")).unwrap(), b"the user's own");
    flags.force = true;
    run(&dataset(), &flags).unwrap();
    check::folder(&dataset(), out.path()).unwrap();
}

#[test]
fn check_names_what_is_wrong() {
    let (from, out) = (source(), tempfile::tempdir().unwrap());
    let (dataset, part) = (dataset(), dataset().test);
    let path = |name: &str| out.path().join(name);
    let problem = || check::folder(&dataset, out.path()).unwrap_err().to_string();
    assert!(problem().contains("train.hdf5"));
    run(&dataset, &flags(&from, out.path())).unwrap();

    let half = [0.3; 12];
    let data = Array { name: "data", shape: Shape::new(&[3, 1, 2, 2]).unwrap(), values: Numbers::F32(&half) };
    write_arrays(path("test.hdf5"), &[data], &[]).unwrap();
    assert!(problem().contains("number 0 of `data` is 0.3"), "{}", problem());
    let data = Array { shape: Shape::new(&[3, 4]).unwrap(), ..data };
    write_arrays(path("test.hdf5"), &[data], &[]).unwrap();
    assert!(problem().contains("`data` has axes of [3, 4], expected [3, 1, 2, 2]"), "{}", problem());
    convert::write(&part, &[0; 12], LABELS, out.path()).unwrap();
    assert!(problem().contains("does not hold t10k-images-idx3-ubyte"), "{}", problem());
    convert::write(&part, IMAGES, &[9, 0, 10], out.path()).unwrap();
    assert!(problem().contains("does not hold t10k-labels-idx1-ubyte"), "{}", problem());
    convert::write(&part, IMAGES, LABELS, out.path()).unwrap();
    fs::write(path("test.txt"), "other.hdf5\n").unwrap();
    assert!(problem().contains("does not list test.hdf5"), "{}", problem());
    fs::remove_file(path("test.txt")).unwrap();
    assert!(problem().contains("test.txt"), "{}", problem());
}

#[test]
fn bad_files_are_refused_and_leave_nothing() {
    let bomb = gzip(&vec![0; 300_000]);
    let mut damaged = gzip(&images());
    let end = damaged.len() - 6;
    damaged[end] ^= 1; // gzip's own checksum
    let mut other = images();
    other[20] ^= 1;
    let bad_label = [&idx::header(&[3]), &[9, 0, 10][..]].concat();
    let images_name = "train-images-idx3-ubyte";
    let labels_name = "train-labels-idx1-ubyte.gz";
    let table: &[(&str, Vec<u8>, &str)] = &[
        (images_name, bomb, "unpacking: longer than 28 bytes"),
        (images_name, vec![0; 5000], "longer than 1052 bytes"),
        (images_name, Vec::new(), "not an IDX file"),
        (images_name, b"<html>404</html>".to_vec(), "not an IDX file"),
        (images_name, images()[..27].to_vec(), "27 bytes long, expected 28"),
        (images_name, gzip(&images())[..20].to_vec(), "unpacking"),
        (images_name, damaged, "unpacking"),
        (images_name, labels(), "holds axes of [3], expected [3, 2, 2]"),
        (images_name, other, "SHA-256"),
        (labels_name, gzip(&bad_label), "label 2 is 10, expected 0 to 9"),
    ];
    for (name, bytes, expected) in table {
        let (from, parent) = (source(), tempfile::tempdir().unwrap());
        fs::write(from.path().join(name), bytes).unwrap();
        let out = parent.path().join("data");
        let problem = run(&dataset(), &flags(&from, &out)).unwrap_err().to_string();
        let file = name.trim_end_matches(".gz");
        assert!(problem.contains(expected) && problem.contains(file), "{expected}: {problem}");
        assert_eq!(names_in(parent.path()), [""; 0], "{expected}");
    }
}

#[test]
fn a_missing_source_is_explained() {
    let (from, parent) = (source(), tempfile::tempdir().unwrap());
    let out = parent.path().join("data");
    fs::remove_file(from.path().join("t10k-labels.idx1-ubyte")).unwrap();
    let problem = run(&dataset(), &flags(&from, &out)).unwrap_err().to_string();
    assert!(problem.contains("there is no t10k-labels-idx1-ubyte or"), "{problem}");
    from.close().unwrap();
    let gone = Fetch { out: Some(out), from: Some("no such folder".into()), check: false, force: false };
    let problem = run(&dataset(), &gone).unwrap_err().to_string();
    assert!(problem.contains("no such folder: there is no such folder"), "{problem}");
}

#[test]
fn the_next_source_helps_out() {
    let (incomplete, whole) = (source(), source());
    fs::write(incomplete.path().join("t10k-images.idx3-ubyte.gz"), "broken").unwrap();
    let sources = [&incomplete, &whole].map(|folder| Source::Folder(folder.path().to_owned()));
    let found = sources::get(&dataset().files(), &sources, Path::new("unused")).unwrap();
    assert_eq!(found, [IMAGES, LABELS, IMAGES, LABELS]);
}

/// What a client makes of a server that answers with these bytes and then waits or hangs up.
fn download(answer: &'static [u8], hang_up: bool) -> Result<Vec<u8>> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/file.gz", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 1024]);
        let _ = stream.write_all(answer);
        if !hang_up {
            thread::sleep(Duration::from_secs(10));
        }
    });
    http::get(&http::agent(Duration::from_millis(200)), &address, 5)
}

#[test]
fn servers_misbehave() {
    let table: &[(&[u8], bool, &str)] = &[
        (b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", true, "404"),
        (b"HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n", true, "500"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n123456", true, "longer than 5 bytes"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n123", true, ""),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n123", false, "timeout"),
        (b"", false, "timeout"),
        (b"", true, ""),
        (b"nonsense\r\n\r\n", true, ""),
    ];
    for (answer, hang_up, expected) in table {
        let problem = download(answer, *hang_up).unwrap_err().to_string();
        assert!(problem.contains(expected), "{expected}: {problem}");
    }
    assert_eq!(download(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n12345", true).unwrap(), b"12345");
    assert_eq!(download(b"HTTP/1.1 200 OK\r\n\r\n1234", true).unwrap(), b"1234");
}
