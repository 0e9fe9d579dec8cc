//! The two element types, f32 and f64.
//!
//! f32 is what nets train in; f64 exists so that gradients can be checked to ten digits. Labels are stored as floats too, as
//! in Caffe and Mocha: one element type per net keeps every blob alike. Integer and half types were left out until something
//! needs them.

use serde::{Deserialize, Serialize};

/// The element type of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DType {
    /// 32-bit floating point, the default.
    #[default]
    F32,
    /// 64-bit floating point, for gradient checks and references.
    F64,
}

impl DType {
    /// Bytes of one element.
    pub fn size(self) -> usize {
        match self {
            DType::F32 => 4,
            DType::F64 => 8,
        }
    }
}

impl std::fmt::Display for DType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            DType::F32 => "f32",
            DType::F64 => "f64",
        })
    }
}

/// A Rust type that a tensor can hold: f32 or f64 (sealed).
pub trait Element: Copy + Default + PartialOrd + Send + Sync + std::fmt::Debug + sealed::Sealed + 'static {
    /// The matching [`DType`].
    const DTYPE: DType;
    /// Rounds to this type.
    fn from_f64(value: f64) -> Self;
    /// Widens to f64.
    fn to_f64(self) -> f64;
    /// Wraps a slice with its type tag.
    fn host(slice: &[Self]) -> HostSlice<'_>;
    /// Wraps a mutable slice with its type tag.
    fn host_mut(slice: &mut [Self]) -> HostSliceMut<'_>;
}

impl Element for f32 {
    const DTYPE: DType = DType::F32;
    fn from_f64(value: f64) -> Self {
        value as f32
    }
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
    fn host(slice: &[Self]) -> HostSlice<'_> {
        HostSlice::F32(slice)
    }
    fn host_mut(slice: &mut [Self]) -> HostSliceMut<'_> {
        HostSliceMut::F32(slice)
    }
}

impl Element for f64 {
    const DTYPE: DType = DType::F64;
    fn from_f64(value: f64) -> Self {
        value
    }
    fn to_f64(self) -> f64 {
        self
    }
    fn host(slice: &[Self]) -> HostSlice<'_> {
        HostSlice::F64(slice)
    }
    fn host_mut(slice: &mut [Self]) -> HostSliceMut<'_> {
        HostSliceMut::F64(slice)
    }
}

/// Numbers in host memory, in logical (row-major) order, with their element type.
#[derive(Debug, Clone, Copy)]
pub enum HostSlice<'a> {
    /// 32-bit numbers.
    F32(&'a [f32]),
    /// 64-bit numbers.
    F64(&'a [f64]),
}

impl HostSlice<'_> {
    /// The number of elements.
    pub fn len(&self) -> usize {
        match self {
            HostSlice::F32(s) => s.len(),
            HostSlice::F64(s) => s.len(),
        }
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Room for numbers in host memory, in logical (row-major) order, with its element type.
#[derive(Debug)]
pub enum HostSliceMut<'a> {
    /// 32-bit numbers.
    F32(&'a mut [f32]),
    /// 64-bit numbers.
    F64(&'a mut [f64]),
}

impl HostSliceMut<'_> {
    /// The number of elements.
    pub fn len(&self) -> usize {
        match self {
            HostSliceMut::F32(s) => s.len(),
            HostSliceMut::F64(s) => s.len(),
        }
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}
