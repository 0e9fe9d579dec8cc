//! Element types in files, and their conversion to the two that nets compute with.
//!
//! Files hold bytes, integers and floats of either byte order; nets hold f32 or f64. The conversion is one loop per type that
//! the compiler turns into vector code (a plain copy for little-endian f32), so it is done by hand here rather than through
//! the HDF5 crate, whose typed reads allocate a `Vec` each time.

use core_tensor::Element;

/// How one number is stored in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number {
    /// The type.
    pub kind: Kind,
    /// Whether the most significant byte comes first.
    pub big_endian: bool,
}

/// The types of numbers that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F32,
    F64,
}

impl Number {
    /// Bytes of one element.
    pub fn size(self) -> usize {
        match self.kind {
            Kind::U8 | Kind::I8 => 1,
            Kind::U16 | Kind::I16 => 2,
            Kind::U32 | Kind::I32 | Kind::F32 => 4,
            Kind::U64 | Kind::I64 | Kind::F64 => 8,
        }
    }

    /// Converts stored bytes; as many elements as both sides have.
    pub fn decode<T: Element>(self, bytes: &[u8], target: &mut [T]) {
        let big = self.big_endian;
        match self.kind {
            Kind::U8 => convert(bytes, target, big, |b| f64::from(u8::from_le_bytes(b))),
            Kind::I8 => convert(bytes, target, big, |b| f64::from(i8::from_le_bytes(b))),
            Kind::U16 => convert(bytes, target, big, |b| f64::from(u16::from_le_bytes(b))),
            Kind::I16 => convert(bytes, target, big, |b| f64::from(i16::from_le_bytes(b))),
            Kind::U32 => convert(bytes, target, big, |b| f64::from(u32::from_le_bytes(b))),
            Kind::I32 => convert(bytes, target, big, |b| f64::from(i32::from_le_bytes(b))),
            Kind::U64 => convert(bytes, target, big, |b| u64::from_le_bytes(b) as f64),
            Kind::I64 => convert(bytes, target, big, |b| i64::from_le_bytes(b) as f64),
            Kind::F32 => convert(bytes, target, big, |b| f64::from(f32::from_le_bytes(b))),
            Kind::F64 => convert(bytes, target, big, f64::from_le_bytes),
        }
    }
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let order = if self.big_endian { "big-endian " } else { "" };
        write!(f, "{order}{}", format!("{:?}", self.kind).to_lowercase())
    }
}

/// Going through f64 costs nothing where source and target are f32: the compiler drops both conversions.
fn convert<const N: usize, T: Element>(bytes: &[u8], target: &mut [T], big: bool, value: impl Fn([u8; N]) -> f64) {
    let (numbers, _) = bytes.as_chunks::<N>();
    if big {
        for (target, number) in target.iter_mut().zip(numbers) {
            let mut number = *number;
            number.reverse();
            *target = T::from_f64(value(number));
        }
    } else {
        for (target, number) in target.iter_mut().zip(numbers) {
            *target = T::from_f64(value(*number));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn both_byte_orders_give_the_same_numbers(values in prop::collection::vec(any::<i16>(), 0..20)) {
            for big_endian in [false, true] {
                let order = |le: Vec<u8>| if big_endian { le.into_iter().rev().collect() } else { le };
                let expected: Vec<f64> = values.iter().map(|&v| f64::from(v)).collect();
                let check = |kind: Kind, bytes: Vec<u8>| {
                    let mut found = vec![0f64; values.len()];
                    Number { kind, big_endian }.decode(&bytes, &mut found);
                    assert_eq!(found, expected, "{kind:?}");
                };
                check(Kind::I16, values.iter().flat_map(|v| order(v.to_le_bytes().to_vec())).collect());
                check(Kind::I32, values.iter().flat_map(|v| order(i32::from(*v).to_le_bytes().to_vec())).collect());
                check(Kind::I64, values.iter().flat_map(|v| order(i64::from(*v).to_le_bytes().to_vec())).collect());
                check(Kind::F32, values.iter().flat_map(|v| order(f32::from(*v).to_le_bytes().to_vec())).collect());
                check(Kind::F64, values.iter().flat_map(|v| order(f64::from(*v).to_le_bytes().to_vec())).collect());
            }
        }
    }
}
