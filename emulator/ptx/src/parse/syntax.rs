//! What a PTX file says, as data: the parser's result, before names are resolved.
//!
//! Only what NVRTC and nvcc write is represented. Debug sections, `.loc` and `.pragma` are left out, since they change nothing.

/// A whole PTX file.
#[derive(Debug, Clone, Default)]
pub struct Module {
    /// `.version 7.8` is `(7, 8)`.
    pub version: (u32, u32),
    /// `sm_50`.
    pub target: String,
    /// Variables outside functions: `.global`, `.const`, `.extern .shared`, `.shared`.
    pub variables: Vec<Variable>,
    /// Entries (kernels) and device functions with a body.
    pub functions: Vec<Function>,
}

/// A state space, that is, a kind of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Space {
    /// Any of them, told apart by the address.
    Generic,
    /// Memory of the device.
    Global,
    /// Read-only memory of the device.
    Const,
    /// Memory of one block.
    Shared,
    /// Memory of one thread.
    Local,
    /// The kernel's arguments; within a function the arguments of a call.
    Param,
}

/// A variable, parameter or array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Where it lies.
    pub space: Space,
    /// Its type's name without the dot: `u64`, `b8`.
    pub ty: String,
    /// Bytes; 0 for `.extern .shared name[]`, whose size the launch gives.
    pub size: usize,
    /// Its address is a multiple of this.
    pub align: usize,
    /// Initial bytes, as many as were written.
    pub init: Vec<u8>,
    /// Line in the file, from 1.
    pub line: usize,
}

/// A kernel or device function.
#[derive(Debug, Clone)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Whether it can be launched.
    pub entry: bool,
    /// Its parameters, in order.
    pub params: Vec<Variable>,
    /// What a device function returns.
    pub returns: Vec<Variable>,
    /// Its body in order.
    pub body: Vec<Statement>,
    /// Line in the file, from 1.
    pub line: usize,
}

/// A line of a body.
#[derive(Debug, Clone)]
pub enum Statement {
    /// `{`: names declared from here are unknown after the matching [`Statement::Close`].
    Open,
    /// `}`
    Close,
    /// `$L__BB0_1:`
    Label(String),
    /// `.reg .b32 %r<5>` declares `%r0` to `%r4`; without a number one register.
    Registers {
        /// The names.
        names: Vec<String>,
    },
    /// An array or variable of the body.
    Variable(Variable),
    /// An instruction.
    Instruction(Instruction),
}

/// `@!%p1 add.s32 %r1, %r2, 3;`
#[derive(Debug, Clone, PartialEq)]
pub struct Instruction {
    /// The predicate's name, and whether it is negated.
    pub guard: Option<(String, bool)>,
    /// The opcode's parts: `["add", "s32"]`.
    pub opcode: Vec<String>,
    /// What follows it.
    pub operands: Vec<Operand>,
    /// Line in the file, from 1.
    pub line: usize,
}

impl Instruction {
    /// The opcode as it was written.
    #[must_use]
    pub fn full_opcode(&self) -> String {
        self.opcode.join(".")
    }

    /// Whether the opcode has this part.
    #[must_use]
    pub fn has(&self, part: &str) -> bool {
        self.opcode.iter().skip(1).any(|other| other == part)
    }
}

/// An operand.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// A register, variable, label or function.
    Name(String),
    /// `!%p1`
    Not(String),
    /// An integer, or the bits of a floating point number.
    Bits(u64),
    /// `[name+4]`
    Address(String, i64),
    /// `{%f1, %f2}`
    Vector(Vec<Operand>),
    /// `%r1|%p1`
    Pair(String, String),
    /// `(param0, param1)` of a call.
    List(Vec<String>),
}
