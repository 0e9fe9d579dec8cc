//! The IDX file format of MNIST: a four-byte magic number, one big-endian u32 for each axis, then the numbers.
//!
//! Format: Yann LeCun's page on MNIST, "The IDX file format". Only unsigned bytes are read, since MNIST and its relatives
//! have nothing else.

/// An IDX file's contents.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Idx<'a> {
    /// The sizes of its axes, samples first.
    pub(crate) sizes: Vec<usize>,
    /// The numbers, row-major.
    pub(crate) bytes: &'a [u8],
}

/// Why a file is not an IDX file of bytes.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    /// The first four bytes are something else.
    #[error("not an IDX file of bytes: it starts with {found:02x?}, expected [00, 00, 08, number of axes from 1 to 4]")]
    Magic {
        /// What the file starts with.
        found: Vec<u8>,
    },
    /// The file ends within its header.
    #[error("{found} bytes long, which is shorter than its own header of {expected} bytes")]
    Header {
        /// The file's length.
        found: usize,
        /// The header's length by its first four bytes.
        expected: usize,
    },
    /// The file holds another number of bytes than its header says.
    #[error("{found} bytes long, expected {expected} by its own header of axes {sizes:?}")]
    Length {
        /// The file's length.
        found: usize,
        /// What the header adds up to.
        expected: u128,
        /// The axes that the header names.
        sizes: Vec<usize>,
    },
}

/// Takes an IDX file apart.
pub(crate) fn parse(file: &[u8]) -> Result<Idx<'_>, Error> {
    let magic = &file[..file.len().min(4)];
    let [0, 0, 8, axes @ 1..=4] = *magic else {
        return Err(Error::Magic { found: magic.to_vec() });
    };
    let header = 4 + 4 * usize::from(axes);
    let Some((sizes, bytes)) = file.split_at_checked(header) else {
        return Err(Error::Header { found: file.len(), expected: header });
    };
    let (sizes, _) = sizes[4..].as_chunks();
    let sizes: Vec<usize> = sizes.iter().map(|&size| u32::from_be_bytes(size) as usize).collect();
    // Four sizes of 32 bits multiply to less than 2^128, and adding twenty stays below it.
    let expected = sizes.iter().map(|&size| size as u128).product::<u128>() + header as u128;
    if file.len() as u128 != expected {
        return Err(Error::Length { found: file.len(), expected, sizes });
    }
    Ok(Idx { sizes, bytes })
}

/// The header that [`parse`] reads; `header(&sizes)` followed by the bytes is the file again.
pub(crate) fn header(sizes: &[usize]) -> Vec<u8> {
    let mut header = vec![0, 0, 8, sizes.len() as u8];
    for &size in sizes {
        header.extend((size as u32).to_be_bytes());
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(sizes: &[usize], bytes: usize) -> Vec<u8> {
        let mut file = header(sizes);
        file.resize(file.len() + bytes, 7);
        file
    }

    #[test]
    fn good_files() {
        for sizes in [&[3][..], &[2, 4], &[2, 3, 4], &[1, 2, 3, 4], &[0], &[0, 28, 28]] {
            let len = sizes.iter().product();
            let file = file(sizes, len);
            let idx = parse(&file).unwrap();
            assert_eq!((&idx.sizes[..], idx.bytes.len()), (sizes, len));
        }
    }

    #[test]
    fn bad_files() {
        let whole = file(&[2, 3, 4], 24);
        let length = |found, expected, sizes: &[usize]| Error::Length { found, expected, sizes: sizes.to_vec() };
        let magic = |found: &[u8]| Error::Magic { found: found.to_vec() };
        let table: &[(&[u8], Error)] = &[
            (b"", magic(b"")),
            (b"\0\0\x08", magic(b"\0\0\x08")),
            (b"<html>", magic(b"<htm")),
            (b"\x1f\x8b\x08\0", magic(b"\x1f\x8b\x08\0")),
            (b"\0\0\x0d\x01\0\0\0\0", magic(b"\0\0\x0d\x01")), // floats
            (b"\0\0\x08\0", magic(b"\0\0\x08\0")),             // no axes
            (b"\0\0\x08\x05", magic(b"\0\0\x08\x05")),         // five axes
            (&whole[..39], length(39, 40, &[2, 3, 4])),
            (&[whole.clone(), vec![0]].concat(), length(41, 40, &[2, 3, 4])),
            (&whole[..15], Error::Header { found: 15, expected: 16 }),
            (&whole[..16], length(16, 40, &[2, 3, 4])),
            (b"\0\0\x08\x01", Error::Header { found: 4, expected: 8 }),
            (
                &[&[0, 0, 8, 4][..], &[255; 16]].concat(), // claims 2^128 bytes
                length(20, u128::from(u32::MAX).pow(4) + 20, &[u32::MAX as usize; 4]),
            ),
        ];
        for (file, expected) in table {
            assert_eq!(&parse(file).unwrap_err(), expected);
        }
    }
}
