//! Kernels with typed parameter lists, and the check that the PTX has the same ones.
//!
//! The driver takes an array of untyped pointers, so a launcher that passes too few parameters, or a number of another size,
//! reads foreign memory or computes nonsense. Here a launcher is declared with the types of its parameters
//! (`Entry<(Address, Address, u32)>`): the compiler checks its calls against them, and [`Modules::load`] checks them against the
//! `.param` lists of the embedded PTX. A test does the same without a driver.

use crate::{
    Cuda,
    driver::{Address, Device, Function, Module, backend_error},
    kernels::Family,
    ptx,
};
use core_tensor::{DType, Error, Result};
use std::{collections::HashMap, ffi::c_void, fmt, marker::PhantomData, sync::Arc};

/// Threads of a block; `THREADS` in `kernels/common.cuh`.
pub(crate) const THREADS: u32 = 256;
/// Threads of a warp, and warps of a block in kernels that give a warp to each row; `WARP` and `WARPS` in `kernels/`.
pub(crate) const WARP: u32 = 32;
pub(crate) const WARPS: u32 = 8;
/// Blocks of a grid along its second axis at most.
const MOST_ROWS: u32 = 65_535;
/// Blocks of an element-wise grid per multiprocessor: enough to fill it several times over, and a thread then takes several
/// elements of a large blob.
const BLOCKS_PER_MULTIPROCESSOR: u32 = 16;

/// What a parameter is, as far as PTX knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A place in the device's memory.
    Address,
    /// A 32-bit count, index or code.
    Count,
    /// A double.
    Coefficient,
    /// A structure of so many bytes, passed by value.
    Structure(usize),
}

/// A type that a kernel takes.
pub(crate) trait Parameter: Copy {
    const KIND: Kind;
}

impl Parameter for Address {
    const KIND: Kind = Kind::Address;
}

impl Parameter for u32 {
    const KIND: Kind = Kind::Count;
}

impl Parameter for f64 {
    const KIND: Kind = Kind::Coefficient;
}

/// The most parameters that a kernel takes.
const MOST_PARAMETERS: usize = 9;

/// A kernel's parameters: a tuple of [`Parameter`]s.
pub(crate) trait Parameters: Copy {
    const KINDS: &'static [Kind];
    /// Pointers to the parameters, in order, as the driver wants them.
    fn pointers(&self) -> [*mut c_void; MOST_PARAMETERS];
}

macro_rules! parameters {
    ($($name:ident $index:tt),+) => {
        impl<$($name: Parameter),+> Parameters for ($($name,)+) {
            const KINDS: &'static [Kind] = &[$($name::KIND),+];
            fn pointers(&self) -> [*mut c_void; MOST_PARAMETERS] {
                let mut pointers = [std::ptr::null_mut(); MOST_PARAMETERS];
                // The driver only reads through them.
                $(pointers[$index] = (&raw const self.$index).cast_mut().cast();)+
                pointers
            }
        }
    };
}
parameters!(A 0, B 1, C 2);
parameters!(A 0, B 1, C 2, D 3);
parameters!(A 0, B 1, C 2, D 3, E 4);
parameters!(A 0, B 1, C 2, D 3, E 4, F 5);
parameters!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
parameters!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
parameters!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);

/// A kernel in both element types, `NAME_f32` and `NAME_f64`, with the types of its parameters.
pub(crate) struct Entry<P> {
    name: &'static str,
    parameters: PhantomData<fn(P)>,
}

/// A kernel's name and parameter list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signature {
    name: &'static str,
    kinds: &'static [Kind],
}

impl<P: Parameters> Entry<P> {
    pub(crate) const fn new(name: &'static str) -> Self {
        Entry { name, parameters: PhantomData }
    }

    pub(crate) const fn signature(&self) -> Signature {
        Signature { name: self.name, kinds: P::KINDS }
    }

    /// Queues the kernel. The addresses among the parameters are those of tensors or plans that are alive; that they are large
    /// enough is for the launcher to check.
    pub(crate) fn launch(&self, cuda: &Cuda, dtype: DType, grid: Grid, parameters: P) -> Result<()> {
        let Some(functions) = cuda.0.modules.functions.get(self.name) else {
            return Err(Error::UnknownKernel { backend: crate::NAME.into(), kernel: self.name.into() });
        };
        let function = functions[usize::from(dtype == DType::F64)];
        if grid.blocks.0 == 0 || grid.blocks.1 == 0 {
            return Ok(());
        }
        let mut pointers = parameters.pointers();
        // SAFETY: the pointers point into `parameters`, whose types have been compared with the kernel's list when it was
        // loaded. The kernels stay within sizes that their launchers pass, which are those of the tensors.
        #[allow(unsafe_code)]
        unsafe {
            cuda.device().launch(function, grid.blocks, grid.threads, &mut pointers[..P::KINDS.len()])
        }
    }
}

/// How many blocks of how many threads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grid {
    blocks: (u32, u32),
    threads: (u32, u32),
}

impl Grid {
    /// For a grid-stride loop over `n` elements.
    pub(crate) fn over(cuda: &Cuda, n: u32) -> Self {
        let most = cuda.device().multiprocessors() * BLOCKS_PER_MULTIPROCESSOR;
        Grid { blocks: (n.div_ceil(THREADS).min(most), 1), threads: (THREADS, 1) }
    }

    /// For a grid-stride loop over the columns of each row.
    pub(crate) fn rows_of(rows: u32, columns: u32) -> Self {
        Grid { blocks: (columns.div_ceil(THREADS), rows.min(MOST_ROWS)), threads: (THREADS, 1) }
    }

    /// One block for each square of WARP x WARP numbers of a matrix.
    pub(crate) fn squares(rows: u32, columns: u32) -> Self {
        Grid { blocks: (columns.div_ceil(WARP), rows.div_ceil(WARP).min(MOST_ROWS)), threads: (WARP, WARPS) }
    }

    /// One block for each row.
    pub(crate) fn block_each(rows: u32) -> Self {
        Grid { blocks: (rows.min(MOST_ROWS), 1), threads: (THREADS, 1) }
    }

    /// One warp for each row.
    pub(crate) fn warp_each(rows: u32) -> Self {
        Grid { blocks: (rows.div_ceil(WARPS).min(MOST_ROWS), 1), threads: (WARP, WARPS) }
    }
}

/// All kernels, loaded and checked.
pub(crate) struct Modules {
    functions: HashMap<&'static str, [Function; 2]>,
    /// What the functions belong to.
    _modules: Vec<Module>,
}

impl Modules {
    /// Loads the families.
    ///
    /// # Errors
    /// A launcher and the PTX disagree about a kernel, or the driver refuses the PTX.
    pub(crate) fn load(device: &Arc<Device>, families: &[Family]) -> Result<Self> {
        let (mut functions, mut modules) = (HashMap::new(), Vec::with_capacity(families.len()));
        for family in families {
            check(family)?;
            let module = device.load(family.name, family.ptx)?;
            for signature in family.signatures {
                let of = |dtype| module.function(&format!("{}_{dtype}", signature.name));
                functions.insert(signature.name, [of(DType::F32)?, of(DType::F64)?]);
            }
            modules.push(module);
        }
        Ok(Modules { functions, _modules: modules })
    }
}

/// Compares the launchers' parameter lists with those of the PTX, in both directions.
pub(crate) fn check(family: &Family) -> Result<()> {
    let wrong = |kernel: &str, found: &dyn fmt::Debug, expected: &dyn fmt::Debug| {
        let name = family.name;
        Err(backend_error(format!(
            "the kernel `{kernel}` in the embedded {name}.ptx takes {found:?}, but its launcher passes {expected:?}; build the \
             kernels (`cargo xtask kernels`) and this program from one source"
        )))
    };
    let declared = |kernel: &str| {
        let stem = [DType::F32, DType::F64].iter().find_map(|dtype| kernel.strip_suffix(&format!("_{dtype}")))?;
        family.signatures.iter().find(|signature| signature.name == stem)
    };
    let mut found = 0;
    for (kernel, kinds) in ptx::entries(family.ptx) {
        let Some(signature) = declared(kernel) else {
            return wrong(kernel, &kinds, &"nothing: there is no launcher");
        };
        if !kinds.iter().copied().eq(signature.kinds.iter().map(|&kind| Some(kind))) {
            return wrong(kernel, &kinds, &signature.kinds);
        }
        found += 1;
    }
    if found != 2 * family.signatures.len() {
        let names: Vec<&str> = family.signatures.iter().map(|signature| signature.name).collect();
        return wrong("", &format!("{found} kernels"), &format!("{names:?}, each in f32 and f64"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::FAMILIES;

    #[test]
    fn every_launcher_fits_the_checked_in_ptx() {
        for family in FAMILIES {
            check(family).unwrap();
        }
    }

    #[test]
    fn a_launcher_that_does_not_fit_is_found() {
        const PTX: &str = ".entry a_f32(.param .u64 p, .param .u32 q)\n.entry a_f64(.param .u64 p, .param .u32 q)";
        let message = |kinds: &'static [Kind]| {
            let signatures: &'static [Signature] = Box::leak(Box::new([Signature { name: "a", kinds }]));
            let family = Family { name: "test", ptx: PTX, signatures, launch: None };
            check(&family).err().map(|error| error.to_string()).unwrap_or_default()
        };
        assert_eq!(message(&[Kind::Address, Kind::Count]), "");
        for wrong in [&[Kind::Address][..], &[Kind::Count, Kind::Address], &[Kind::Address, Kind::Coefficient]] {
            assert!(message(wrong).contains("`a_f32` in the embedded test.ptx takes"), "{}", message(wrong));
        }
        let family = Family { name: "test", ptx: PTX, signatures: &[], launch: None };
        assert!(check(&family).is_err(), "a kernel without a launcher");
        let family = Family { ptx: "", signatures: FAMILIES[0].signatures, ..family };
        assert!(check(&family).is_err(), "a launcher without a kernel");
    }

    #[test]
    fn both_sides_agree_about_the_size_of_a_block() {
        let text = |name: &str| {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../kernels").join(name);
            std::fs::read_to_string(path).unwrap()
        };
        assert!(text("common.cuh").contains(&format!("#define THREADS {THREADS}\n")));
        assert!(text("common.cuh").contains(&format!("#define WARP {WARP}\n")));
        for name in ["softmax.cu", "softlabel_loss.cu", "transpose.cu"] {
            assert!(text(name).contains(&format!("#define WARPS {WARPS}\n")), "{name}");
        }
    }
}
