//! From parsed functions to code that can be executed: every name becomes a number, every opcode a function.
//!
//! All of it happens when a module is loaded, so an unknown instruction is found then, also in a branch that no test takes.
//! Device functions are copied into their callers. That needs no stack and no calling convention; recursion is refused.

mod approximate;
mod bits;
mod body;
mod carry;
mod compare;
mod convert;
mod effects;
mod float;
pub(crate) mod inst;
mod integer;
mod memory;
mod rounding;
pub(crate) mod special;
#[cfg(test)]
mod testing;

use crate::{
    error::{Flaw, Result},
    lanes::Alu,
    memory::Memory,
    parse::syntax::{Function, Module, Space},
};
use body::{Decoder, Meaning};
use inst::{Inst, RowId};
use std::collections::BTreeMap;

/// Where shared memory begins among generic addresses.
pub(crate) const SHARED_WINDOW: u64 = 1 << 32;
/// Where a thread's own memory begins among generic addresses.
pub(crate) const LOCAL_WINDOW: u64 = 2 << 32;

/// A PTX file, ready to run.
pub struct Program {
    kernels: BTreeMap<String, Kernel>,
}

impl Program {
    /// Decodes all kernels and puts the file's variables into `memory`.
    ///
    /// # Errors
    ///
    /// Names an instruction that the interpreter does not know, with its line, and the like.
    pub fn load(file: &str, module: &Module, memory: &mut Memory) -> Result<Self> {
        let mut globals = BTreeMap::new();
        for variable in &module.variables {
            let meaning = match variable.space {
                Space::Global | Space::Const => {
                    let address = memory.allocate_variable(variable);
                    Meaning::Variable { space: variable.space, address }
                }
                Space::Shared if variable.size == 0 => Meaning::DynamicShared,
                // A kernel gets it when it uses it.
                Space::Shared => continue,
                _ => {
                    let what = format!("variable `{}` of the file lies in {:?} memory", variable.name, variable.space);
                    return Err(Flaw::new(variable.line, what).in_file(file));
                }
            };
            globals.insert(variable.name.clone(), meaning);
        }
        let functions: BTreeMap<&str, &Function> =
            module.functions.iter().map(|function| (function.name.as_str(), function)).collect();
        let mut kernels = BTreeMap::new();
        for entry in module.functions.iter().filter(|function| function.entry) {
            let decoded = Decoder::new(&globals, &module.variables, &functions).kernel(file, entry);
            kernels.insert(entry.name.clone(), decoded.map_err(|flaw| flaw.in_file(file))?);
        }
        Ok(Program { kernels })
    }

    /// A kernel by its name.
    #[must_use]
    pub fn kernel(&self, name: &str) -> Option<&Kernel> {
        self.kernels.get(name)
    }

    /// The kernels by name.
    pub fn kernels(&self) -> impl Iterator<Item = &Kernel> {
        self.kernels.values()
    }
}

/// A parameter of a kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Param {
    /// Its type in PTX: `u64`, `f32`; `b8` for a struct.
    pub ty: String,
    /// Where it begins among the arguments, in bytes.
    pub offset: usize,
    /// Bytes.
    pub size: usize,
}

/// A kernel, ready to run.
pub struct Kernel {
    /// Its name.
    pub name: String,
    /// The file's name.
    pub file: String,
    /// Its parameters.
    pub params: Vec<Param>,
    /// Bytes of all arguments.
    pub param_bytes: usize,
    /// Shared memory that it declares, in bytes.
    pub shared_bytes: usize,
    /// Memory of each thread, in bytes.
    pub local_bytes: usize,
    pub(crate) code: Vec<Inst>,
    pub(crate) rows: usize,
    /// Rows whose lanes all hold one number.
    pub(crate) constants: Vec<(RowId, u64)>,
}

impl Kernel {
    /// Number of instructions.
    #[must_use]
    pub fn instructions(&self) -> usize {
        self.code.len()
    }
}

/// An opcode's function, whatever family it belongs to.
fn alu(opcode: &str) -> Option<Alu> {
    [integer::find, float::find, approximate::find, bits::find, convert::find].iter().find_map(|find| find(opcode))
}

/// Parses and loads in one step.
///
/// # Errors
///
/// As [`crate::parse`] and [`Program::load`].
pub fn load(file: &str, text: &str, memory: &mut Memory) -> Result<Program> {
    Program::load(file, &crate::parse(file, text)?, memory)
}
