//! Executes PTX on the CPU and watches what it does.
//!
//! Crema ships its CUDA kernels as PTX. This crate runs that very text without a GPU: it parses it ([`parse`]), decodes it to
//! functions over warps of 32 threads ([`load`]), and runs grids of blocks ([`launch`]) in any order of threads. Meanwhile a checker
//! looks for accesses out of bounds, races, reads of unwritten memory, misaligned addresses and barriers that not all threads
//! reach. It is for tests only and is never published.
//!
//! Arithmetic is exact: every operation is rounded once as written, fused only where `fma` is written, denormals are kept unless
//! `.ftz` is written. The approximate instructions (`ex2.approx` and the like) differ from a device's by about two units in the
//! last place. An instruction that is not known is an error with its name and line when the text is loaded.
//!
//! Rejected: running the kernels' C++ source on the host, which is another compiler's program than the one that ships; and
//! translating PTX to machine code, which would be faster and much longer.
//!
//! ```
//! use ptx::{Argument, Launch, Memory, Settings};
//!
//! let text = "
//! .version 7.8
//! .target sm_50
//! .address_size 64
//! .visible .entry double(.param .u64 p)
//! {
//!     .reg .b64 %rd<3>;
//!     .reg .b32 %r<2>;
//!     .reg .f32 %f<3>;
//!     ld.param.u64 %rd1, [p];
//!     mov.u32 %r1, %tid.x;
//!     mad.wide.u32 %rd2, %r1, 4, %rd1;
//!     ld.global.f32 %f1, [%rd2];
//!     add.f32 %f2, %f1, %f1;
//!     st.global.f32 [%rd2], %f2;
//!     ret;
//! }";
//! let mut memory = Memory::new(1 << 20);
//! let program = ptx::load("double.ptx", text, &mut memory)?;
//! let kernel = program.kernel("double").ok_or("no such kernel")?;
//! let x = memory.allocate(8)?;
//! memory.write(x, &[1.5_f32.to_le_bytes(), 2.0_f32.to_le_bytes()].concat())?;
//! let arguments = ptx::arguments(kernel, &[Argument::U64(x)])?;
//! let mut launch = Launch { kernel, grid: [1, 1, 1], block: [2, 1, 1], shared_bytes: 0, arguments: &arguments };
//! assert!(ptx::launch(&launch, &mut memory, &Settings::default())?.reports.is_empty());
//! assert_eq!(memory.read(x, 8)?, [3.0_f32.to_le_bytes(), 4.0_f32.to_le_bytes()].concat());
//!
//! launch.block = [3, 1, 1]; // one thread too many
//! let outcome = ptx::launch(&launch, &mut memory, &Settings::default())?;
//! assert_eq!(outcome.reports[0].fault, ptx::Fault::OutOfBounds);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod arguments;
mod check;
mod decode;
mod error;
mod lanes;
mod memory;
mod parse;
mod run;

pub use arguments::{Argument, arguments};
pub use check::report::{Fault, Report};
pub use decode::{Kernel, Param, Program, load};
pub use error::{Error, Result};
pub use memory::{Memory, MemoryError};
pub use parse::{parse, syntax};
pub use run::{Launch, Order, Outcome, Settings, launch};
