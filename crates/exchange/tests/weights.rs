//! Weights go out and come back, whatever they are; damaged files are errors.

#![allow(clippy::unwrap_used)] // a test stops at the first error

use core_tensor::Shape;
use exchange::{Result, npz, safetensors};
use proptest::prelude::*;
use solver::{NamedArray, Values};

type Codec = (fn(&[NamedArray]) -> Result<Vec<u8>>, fn(&[u8]) -> Result<Vec<NamedArray>>);

const CODECS: [Codec; 2] = [(safetensors::encode, safetensors::decode), (npz::encode, npz::decode)];

fn arrays() -> impl Strategy<Value = Vec<NamedArray>> {
    let array = (prop::collection::vec(1..5usize, 1..5), any::<bool>(), any::<u32>());
    prop::collection::vec(array, 0..5).prop_map(|arrays| {
        let named = |(i, (sizes, double, seed)): (usize, (Vec<usize>, bool, u32))| {
            let shape = Shape::new(&sizes).unwrap();
            // Any bits but NaN, which is not equal to itself.
            let bits = |k: usize| f32::from_bits(seed.wrapping_mul(k as u32 + 1) & 0xbf7f_ffff);
            let values = match double {
                false => Values::F32((0..shape.len()).map(bits).collect()),
                true => Values::F64((0..shape.len()).map(|k| f64::from(bits(k)) / 3.0).collect()),
            };
            NamedArray { name: format!("layer.{i}___weight"), shape, values }
        };
        arrays.into_iter().enumerate().map(named).collect()
    })
}

proptest! {
    #[test]
    fn weights_come_back_bit_for_bit(arrays in arrays()) {
        for (encode, decode) in CODECS {
            prop_assert_eq!(&decode(&encode(&arrays).unwrap()).unwrap(), &arrays);
        }
    }

    #[test]
    fn damaged_bytes_never_panic(arrays in arrays(), place in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        for (encode, decode) in CODECS {
            let mut bytes = encode(&arrays).unwrap();
            let place = place.index(bytes.len());
            if cut {
                bytes.truncate(place);
                // A zip whose end is gone, or a header that promises more than there is.
                prop_assert!(decode(&bytes).is_err());
            } else {
                bytes[place] = byte;
                let _ = decode(&bytes);
            }
        }
    }
}

#[test]
fn two_arrays_of_one_name_are_refused() {
    let array =
        || NamedArray { name: "a___b".into(), shape: Shape::new(&[1]).unwrap(), values: Values::F32(vec![0.0]) };
    for (encode, _) in CODECS {
        let message = encode(&[array(), array()]).unwrap_err().to_string();
        assert!(message.contains("a.b"), "{message}");
    }
}

#[test]
fn other_files_are_named_as_such() {
    for ((_, decode), format) in CODECS.into_iter().zip(["safetensors", "npz"]) {
        for bytes in [&b""[..], b"not a file of weights at all", &[0xff; 100]] {
            let message = decode(bytes).unwrap_err().to_string();
            assert!(message.contains(&format!("no {format} file")), "{message}");
        }
    }
}
