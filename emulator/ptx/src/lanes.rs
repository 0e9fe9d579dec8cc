//! Registers as rows of 32 lanes, and functions over rows.
//!
//! A register of a warp is a row of 32 times 64 bits. A function of one lane, made into a function of rows, is compiled to a
//! vector loop; the interpreter pays for its dispatch once for 32 threads. Values lie in the low bits of a lane. Who reads cuts
//! them to his type, so a 32-bit value's upper bits never matter.

/// Threads of a warp.
pub(crate) const LANES: usize = 32;

/// A register of all threads of a warp.
pub(crate) type Row = [u64; LANES];

/// What an instruction without side effects computes: up to four rows to one.
pub(crate) type Alu = Box<dyn Fn(&[&Row; 4], &mut Row) + Send + Sync>;

/// A type that fits a lane.
pub(crate) trait Lane: Copy + 'static {
    fn from_lane(bits: u64) -> Self;
    fn to_lane(self) -> u64;
}

impl Lane for bool {
    fn from_lane(bits: u64) -> Self {
        bits & 1 != 0
    }
    fn to_lane(self) -> u64 {
        u64::from(self)
    }
}

impl Lane for u8 {
    fn from_lane(bits: u64) -> Self {
        bits as u8
    }
    fn to_lane(self) -> u64 {
        u64::from(self)
    }
}

impl Lane for u16 {
    fn from_lane(bits: u64) -> Self {
        bits as u16
    }
    fn to_lane(self) -> u64 {
        u64::from(self)
    }
}

impl Lane for u32 {
    fn from_lane(bits: u64) -> Self {
        bits as u32
    }
    fn to_lane(self) -> u64 {
        u64::from(self)
    }
}

impl Lane for u64 {
    fn from_lane(bits: u64) -> Self {
        bits
    }
    fn to_lane(self) -> u64 {
        self
    }
}

// Signed values are extended over the whole lane, as `ld` and `cvt` ask for.

impl Lane for i8 {
    fn from_lane(bits: u64) -> Self {
        bits as i8
    }
    fn to_lane(self) -> u64 {
        self as i64 as u64
    }
}

impl Lane for i16 {
    fn from_lane(bits: u64) -> Self {
        bits as i16
    }
    fn to_lane(self) -> u64 {
        self as i64 as u64
    }
}

impl Lane for i32 {
    fn from_lane(bits: u64) -> Self {
        bits as i32
    }
    fn to_lane(self) -> u64 {
        self as i64 as u64
    }
}

impl Lane for i64 {
    fn from_lane(bits: u64) -> Self {
        bits as i64
    }
    fn to_lane(self) -> u64 {
        self as u64
    }
}

impl Lane for f32 {
    fn from_lane(bits: u64) -> Self {
        f32::from_bits(bits as u32)
    }
    fn to_lane(self) -> u64 {
        u64::from(self.to_bits())
    }
}

impl Lane for f64 {
    fn from_lane(bits: u64) -> Self {
        f64::from_bits(bits)
    }
    fn to_lane(self) -> u64 {
        self.to_bits()
    }
}

pub(crate) fn unary<A: Lane, R: Lane>(f: impl Fn(A) -> R + Send + Sync + 'static) -> Alu {
    Box::new(move |source, to| {
        for (lane, to) in to.iter_mut().enumerate() {
            *to = f(A::from_lane(source[0][lane])).to_lane();
        }
    })
}

pub(crate) fn binary<A: Lane, B: Lane, R: Lane>(f: impl Fn(A, B) -> R + Send + Sync + 'static) -> Alu {
    Box::new(move |source, to| {
        for (lane, to) in to.iter_mut().enumerate() {
            *to = f(A::from_lane(source[0][lane]), B::from_lane(source[1][lane])).to_lane();
        }
    })
}

pub(crate) fn ternary<A: Lane, B: Lane, C: Lane, R: Lane>(f: impl Fn(A, B, C) -> R + Send + Sync + 'static) -> Alu {
    Box::new(move |source, to| {
        for (lane, to) in to.iter_mut().enumerate() {
            let [a, b, c] = [source[0][lane], source[1][lane], source[2][lane]];
            *to = f(A::from_lane(a), B::from_lane(b), C::from_lane(c)).to_lane();
        }
    })
}

pub(crate) fn quaternary<A: Lane, B: Lane, C: Lane, D: Lane, R: Lane>(
    f: impl Fn(A, B, C, D) -> R + Send + Sync + 'static,
) -> Alu {
    Box::new(move |source, to| {
        for (lane, to) in to.iter_mut().enumerate() {
            let [a, b, c, d] = [source[0][lane], source[1][lane], source[2][lane], source[3][lane]];
            *to = f(A::from_lane(a), B::from_lane(b), C::from_lane(c), D::from_lane(d)).to_lane();
        }
    })
}
