//! Walks over a function's body and emits code.

use super::{
    Kernel, LOCAL_WINDOW, Param, SHARED_WINDOW, alu, carry, compare,
    inst::{Inst, Op, RowId},
    special,
};
use crate::{
    error::Flaw,
    lanes::{Alu, binary, unary},
    parse::syntax::{Function, Instruction, Operand, Space, Statement, Variable},
};
use std::collections::{BTreeMap, HashMap};

/// What a name stands for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Meaning {
    Register(RowId),
    Variable {
        space: Space,
        address: u64,
    },
    /// The launch's shared memory, behind what the kernel declares.
    DynamicShared,
}

/// Calls may nest so deep; more is taken for recursion.
const MAX_CALLS: usize = 16;

pub(super) struct Decoder<'a> {
    /// The file's variables.
    variables: &'a [Variable],
    functions: &'a BTreeMap<&'a str, &'a Function>,
    /// Names, innermost scope last; the first holds the file's variables.
    scopes: Vec<HashMap<String, Meaning>>,
    code: Vec<Inst>,
    rows: RowId,
    constants: HashMap<u64, RowId>,
    /// Holds the address of the dynamic shared memory, known at the end.
    pub(super) dynamic_shared: RowId,
    carry: RowId,
    scratch: RowId,
    shared_bytes: usize,
    local_bytes: usize,
    calls: usize,
}

/// What is known while a body is copied: its labels, the branches to them, and the branches to its end.
#[derive(Default)]
struct Frame {
    labels: HashMap<String, usize>,
    branches: Vec<(usize, String, usize)>,
    returns: Vec<usize>,
}

pub(super) type Decoded<T> = Result<T, Flaw>;

impl<'a> Decoder<'a> {
    pub(super) fn new(
        globals: &BTreeMap<String, Meaning>,
        variables: &'a [Variable],
        functions: &'a BTreeMap<&'a str, &'a Function>,
    ) -> Self {
        let first = special::SPECIAL.len() as RowId;
        Decoder {
            variables,
            functions,
            scopes: vec![globals.iter().map(|(name, meaning)| (name.clone(), *meaning)).collect()],
            code: Vec::new(),
            rows: first + 3,
            constants: HashMap::new(),
            dynamic_shared: first,
            carry: first + 1,
            scratch: first + 2,
            shared_bytes: 0,
            local_bytes: 0,
            calls: 0,
        }
    }

    pub(super) fn kernel(mut self, file: &str, entry: &Function) -> Decoded<Kernel> {
        let mut params = Vec::new();
        let mut end = 0;
        let mut names = HashMap::new();
        for param in &entry.params {
            let offset = end_of(end, param.align);
            end = offset + param.size;
            names.insert(param.name.clone(), Meaning::Variable { space: Space::Param, address: offset as u64 });
            params.push(Param { ty: param.ty.clone(), offset, size: param.size });
        }
        self.scopes.push(names);
        self.body(&entry.body)?;
        self.emit(entry.line, None, Op::Exit);
        let dynamic = end_of(self.shared_bytes, 16);
        let mut constants: Vec<(RowId, u64)> = self.constants.iter().map(|(value, row)| (*row, *value)).collect();
        constants.push((self.dynamic_shared, dynamic as u64));
        Ok(Kernel {
            name: entry.name.clone(),
            file: file.into(),
            params,
            param_bytes: end,
            shared_bytes: self.shared_bytes,
            local_bytes: end_of(self.local_bytes, 16),
            code: self.code,
            rows: self.rows as usize,
            constants,
        })
    }

    /// Emits a body; its `ret` goes to its end.
    fn body(&mut self, body: &[Statement]) -> Decoded<()> {
        let mut frame = Frame::default();
        for statement in body {
            match statement {
                Statement::Open => self.scopes.push(HashMap::new()),
                Statement::Close => {
                    self.scopes.pop();
                }
                Statement::Label(name) => {
                    frame.labels.insert(name.clone(), self.code.len());
                }
                Statement::Registers { names } => {
                    for name in names {
                        let row = self.new_row();
                        self.declare(name, Meaning::Register(row));
                    }
                }
                Statement::Variable(variable) => self.variable(variable)?,
                Statement::Instruction(inst) => self.instruction(inst, &mut frame)?,
            }
        }
        let end = self.code.len();
        for (at, label, line) in frame.branches {
            let target = frame.labels.get(&label);
            let target = *target.ok_or_else(|| Flaw::new(line, format!("no label `{label}` in this function")))?;
            self.code[at].op = Op::Branch { target };
        }
        for at in frame.returns {
            self.code[at].op = Op::Branch { target: end };
        }
        Ok(())
    }

    fn variable(&mut self, variable: &Variable) -> Decoded<()> {
        let (end, space) = match variable.space {
            Space::Shared => (&mut self.shared_bytes, Space::Shared),
            // Arguments of calls lie in the thread's memory.
            Space::Local | Space::Param => (&mut self.local_bytes, Space::Local),
            other => return Err(Flaw::new(variable.line, format!("a variable in {other:?} memory within a function"))),
        };
        let address = end_of(*end, variable.align.max(1));
        *end = address + variable.size;
        self.declare(&variable.name, Meaning::Variable { space, address: address as u64 });
        Ok(())
    }

    fn instruction(&mut self, inst: &Instruction, frame: &mut Frame) -> Decoded<()> {
        let opcode = inst.full_opcode();
        let unknown = || Flaw::new(inst.line, format!("unknown instruction `{opcode}`"));
        match inst.opcode[0].as_str() {
            "bra" => {
                let [Operand::Name(label)] = &inst.operands[..] else { return Err(unknown()) };
                frame.branches.push((self.code.len(), label.clone(), inst.line));
                self.emit_inst(inst, Op::Branch { target: 0 })
            }
            "ret" if self.calls > 0 => {
                frame.returns.push(self.code.len());
                self.emit_inst(inst, Op::Branch { target: 0 })
            }
            "ret" | "exit" => self.emit_inst(inst, Op::Exit),
            "trap" => self.emit_inst(inst, Op::Trap),
            "membar" | "fence" => Ok(()), // memory is consistent at every step
            "call" => self.call(inst),
            "ld" => self.load(inst),
            "st" => self.store(inst),
            "atom" | "red" => self.atomic(inst),
            "bar" | "barrier" => self.barrier(inst, &opcode),
            "shfl" | "vote" | "activemask" => self.warp(inst, &opcode),
            "mov" => self.mov(inst),
            "cvta" => self.cvta(inst),
            "setp" => self.setp(inst),
            _ if carry::find(&opcode).is_some() => self.carrying(inst, &opcode),
            _ => {
                let f = alu(&opcode).ok_or_else(unknown)?;
                let (to, from) = inst.operands.split_first().ok_or_else(unknown)?;
                let to = self.target(inst, to)?;
                self.emit_alu(inst, f, to, from)
            }
        }
    }

    fn emit_alu(&mut self, inst: &Instruction, f: Alu, to: RowId, from: &[Operand]) -> Decoded<()> {
        let mut rows = [0; 4];
        if from.len() > rows.len() {
            return Err(Flaw::new(inst.line, format!("too many operands of `{}`", inst.full_opcode())));
        }
        for (row, operand) in rows.iter_mut().zip(from) {
            *row = self.operand(inst, operand)?;
        }
        self.emit_inst(inst, Op::Alu { f, to, from: rows })
    }

    /// `mov`: a register, a number, an address, or packing and unpacking.
    fn mov(&mut self, inst: &Instruction) -> Decoded<()> {
        let size = inst.opcode.get(1).and_then(|ty| crate::parse::size_of(ty));
        match (&inst.operands[..], size) {
            ([Operand::Vector(parts), from], Some(size)) if matches!(parts.len(), 2 | 4) => {
                let from = self.operand(inst, from)?;
                let bits = 8 * size / parts.len();
                for (at, part) in parts.iter().enumerate() {
                    let to = self.target(inst, part)?;
                    let f = unary(move |a: u64| a >> (at * bits) & (u64::MAX >> (64 - bits)));
                    self.emit_inst(inst, Op::Alu { f, to, from: [from, 0, 0, 0] })?;
                }
                Ok(())
            }
            ([to, Operand::Vector(parts)], Some(size)) if matches!(parts.len(), 2 | 4) => {
                let to = self.target(inst, to)?;
                let bits = 8 * size / parts.len();
                // Into scratch first: the target may be one of the parts.
                for (at, part) in parts.iter().enumerate() {
                    let part = self.operand(inst, part)?;
                    let f = binary(move |sum: u64, part: u64| {
                        let sum = if at == 0 { 0 } else { sum };
                        sum | (part & (u64::MAX >> (64 - bits))) << (at * bits)
                    });
                    self.emit_inst(inst, Op::Alu { f, to: self.scratch, from: [self.scratch, part, 0, 0] })?;
                }
                self.emit_inst(inst, Op::Alu { f: unary(|a: u64| a), to, from: [self.scratch, 0, 0, 0] })
            }
            ([to, from], _) if size.is_some() || inst.has("pred") => {
                let to = self.target(inst, to)?;
                self.emit_alu(inst, unary(|a: u64| a), to, std::slice::from_ref(from))
            }
            _ => Err(Flaw::new(inst.line, format!("unknown instruction `{}`", inst.full_opcode()))),
        }
    }

    /// Between generic addresses and those of one space. Global and constant addresses are generic ones.
    fn cvta(&mut self, inst: &Instruction) -> Decoded<()> {
        let [to, from] = self.exactly(inst)?;
        let to = self.target(inst, to)?;
        let window = if inst.has("shared") {
            SHARED_WINDOW
        } else if inst.has("local") {
            LOCAL_WINDOW
        } else if inst.has("global") || inst.has("const") {
            0
        } else {
            return Err(Flaw::new(inst.line, format!("unknown instruction `{}`", inst.full_opcode())));
        };
        let f = if inst.has("to") {
            unary(move |a: u64| a.wrapping_sub(window))
        } else {
            unary(move |a: u64| a.wrapping_add(window))
        };
        self.emit_alu(inst, f, to, std::slice::from_ref(from))
    }

    /// `setp.lt.and.s32 p|q, a, b, c`: q gets the opposite of the comparison, then both are combined with c.
    fn setp(&mut self, inst: &Instruction) -> Decoded<()> {
        let opcode = inst.full_opcode();
        let unknown = || Flaw::new(inst.line, format!("unknown instruction `{opcode}`"));
        let mut parts: Vec<&str> = inst.opcode.iter().map(String::as_str).filter(|part| *part != "ftz").collect();
        let combine = if matches!(parts.get(2), Some(&("and" | "or" | "xor"))) { Some(parts.remove(2)) } else { None };
        let f = compare::find(&parts.join(".")).ok_or_else(unknown)?;
        let (to, from) = inst.operands.split_first().ok_or_else(unknown)?;
        let (first, second) = match to {
            Operand::Pair(first, second) => (first.clone(), Some(second.clone())),
            Operand::Name(first) => (first.clone(), None),
            _ => return Err(unknown()),
        };
        let first = self.register(inst, &first)?;
        let second = second.map(|name| self.register(inst, &name)).transpose()?;
        let (a_b, c) = from.split_at_checked(2).ok_or_else(unknown)?;
        let c = c.first().map(|c| self.operand(inst, c)).transpose()?;
        if combine.is_some() != c.is_some() {
            return Err(unknown());
        }
        if combine.is_none() && second.is_none() {
            return self.emit_alu(inst, f, first, a_b);
        }
        self.emit_alu(inst, f, self.scratch, a_b)?;
        let combined = |negate: bool| -> Option<Alu> {
            Some(match combine {
                None => unary(move |p: bool| p ^ negate),
                Some("and") => binary(move |p: bool, c: bool| (p ^ negate) & c),
                Some("or") => binary(move |p: bool, c: bool| (p ^ negate) | c),
                Some("xor") => binary(move |p: bool, c: bool| p ^ negate ^ c),
                Some(_) => return None,
            })
        };
        // c may be the first target, so the second is written before it.
        for (to, negate) in [(second, true), (Some(first), false)] {
            if let Some(to) = to {
                let f = combined(negate).ok_or_else(unknown)?;
                self.emit_inst(inst, Op::Alu { f, to, from: [self.scratch, c.unwrap_or(0), 0, 0] })?;
            }
        }
        Ok(())
    }

    fn carrying(&mut self, inst: &Instruction, opcode: &str) -> Decoded<()> {
        let unknown = || Flaw::new(inst.line, format!("unknown instruction `{opcode}`"));
        let found = carry::find(opcode).ok_or_else(unknown)?;
        let (to, from) = inst.operands.split_first().ok_or_else(unknown)?;
        if from.len() != found.operands {
            return Err(unknown());
        }
        let to = self.target(inst, to)?;
        let mut rows = [0; 4];
        for (row, operand) in rows.iter_mut().zip(from) {
            *row = self.operand(inst, operand)?;
        }
        rows[found.operands] = self.carry;
        if let Some(f) = found.carry {
            self.emit_inst(inst, Op::Alu { f, to: self.scratch, from: rows })?;
        }
        let keeps = inst.has("cc");
        self.emit_inst(inst, Op::Alu { f: found.value, to, from: rows })?;
        if keeps {
            let from = [self.scratch, 0, 0, 0];
            self.emit_inst(inst, Op::Alu { f: unary(|a: u64| a), to: self.carry, from })?;
        }
        Ok(())
    }

    /// Copies a device function to here.
    fn call(&mut self, inst: &Instruction) -> Decoded<()> {
        let (returned, name, given): (&[String], _, &[String]) = match &inst.operands[..] {
            [Operand::List(returned), Operand::Name(name), Operand::List(given)] => (returned, name, given),
            [Operand::List(returned), Operand::Name(name)] => (returned, name, &[]),
            [Operand::Name(name), Operand::List(given)] => (&[], name, given),
            [Operand::Name(name)] => (&[], name, &[]),
            _ => return Err(Flaw::new(inst.line, "a call of this form")),
        };
        let function = *self
            .functions
            .get(name.as_str())
            .ok_or_else(|| Flaw::new(inst.line, format!("function `{name}` has no body in this file")))?;
        let formal = function.returns.iter().chain(&function.params);
        let actual = returned.iter().chain(given);
        if function.returns.len() != returned.len() || function.params.len() != given.len() {
            return Err(Flaw::new(inst.line, format!("the call of `{name}` has another number of arguments")));
        }
        if self.calls >= MAX_CALLS {
            return Err(Flaw::new(inst.line, format!("calls nest too deeply at `{name}`; recursion is not supported")));
        }
        let mut names = HashMap::new();
        for (formal, actual) in formal.zip(actual) {
            names.insert(formal.name.clone(), self.meaning(inst, actual)?);
        }
        let skip = match &inst.guard {
            Some((predicate, negated)) => {
                let predicate = self.register(inst, predicate)?;
                self.emit(inst.line, Some((predicate, !negated)), Op::Branch { target: 0 });
                Some(self.code.len() - 1)
            }
            None => None,
        };
        // The callee sees the file's variables and its own names, none of its caller's.
        let callers = self.scopes.split_off(1);
        self.scopes.push(names);
        self.calls += 1;
        let copied = self.body(&function.body);
        self.calls -= 1;
        self.scopes.truncate(1);
        self.scopes.extend(callers);
        if let Some(at) = skip {
            self.code[at].op = Op::Branch { target: self.code.len() };
        }
        copied
    }

    pub(super) fn emit_inst(&mut self, inst: &Instruction, op: Op) -> Decoded<()> {
        let guard = match &inst.guard {
            Some((name, negated)) => Some((self.register(inst, name)?, *negated)),
            None => None,
        };
        self.emit(inst.line, guard, op);
        Ok(())
    }

    fn emit(&mut self, line: usize, guard: Option<(RowId, bool)>, op: Op) {
        self.code.push(Inst { line: line as u32, guard, op });
    }

    /// A row to read from.
    pub(super) fn operand(&mut self, inst: &Instruction, operand: &Operand) -> Decoded<RowId> {
        match operand {
            Operand::Bits(bits) => Ok(self.constant(*bits)),
            Operand::Name(name) if name == "WARP_SZ" => Ok(self.constant(32)),
            Operand::Name(name) => match self.meaning(inst, name)? {
                Meaning::Register(row) => Ok(row),
                Meaning::Variable { address, .. } => Ok(self.constant(address)),
                Meaning::DynamicShared => Ok(self.dynamic_shared),
            },
            Operand::Not(name) => {
                let from = self.register(inst, name)?;
                let to = self.new_row();
                self.emit(inst.line, None, Op::Alu { f: unary(|p: bool| !p), to, from: [from, 0, 0, 0] });
                Ok(to)
            }
            other => Err(Flaw::new(inst.line, format!("operand {other:?} of `{}`", inst.full_opcode()))),
        }
    }

    /// A row to write to; `_` is a row that nobody reads.
    pub(super) fn target(&mut self, inst: &Instruction, operand: &Operand) -> Decoded<RowId> {
        match operand {
            Operand::Name(name) if name == "_" => Ok(self.new_row()),
            Operand::Name(name) => self.register(inst, name),
            other => Err(Flaw::new(inst.line, format!("`{}` cannot write to {other:?}", inst.full_opcode()))),
        }
    }

    pub(super) fn predicate(&mut self, inst: &Instruction, operand: &Operand) -> Decoded<(RowId, bool)> {
        match operand {
            Operand::Not(name) => Ok((self.register(inst, name)?, true)),
            other => Ok((self.operand(inst, other)?, false)),
        }
    }

    pub(super) fn register(&mut self, inst: &Instruction, name: &str) -> Decoded<RowId> {
        match self.meaning(inst, name)? {
            Meaning::Register(row) => Ok(row),
            _ => Err(Flaw::new(inst.line, format!("`{name}` is no register"))),
        }
    }

    pub(super) fn meaning(&mut self, inst: &Instruction, name: &str) -> Decoded<Meaning> {
        if let Some(row) = special::row(name) {
            return Ok(Meaning::Register(row));
        }
        if let Some(meaning) = self.scopes.iter().rev().find_map(|scope| scope.get(name)) {
            return Ok(*meaning);
        }
        // A shared variable of the file, which only the kernels have that use it.
        let shared = self.variables.iter().find(|variable| variable.name == name && variable.space == Space::Shared);
        let unknown = || Flaw::new(inst.line, format!("unknown name `{name}` in `{}`", inst.full_opcode()));
        let variable = shared.ok_or_else(unknown)?;
        let address = end_of(self.shared_bytes, variable.align.max(1));
        self.shared_bytes = address + variable.size;
        let meaning = Meaning::Variable { space: Space::Shared, address: address as u64 };
        self.scopes[0].insert(name.into(), meaning);
        Ok(meaning)
    }

    fn declare(&mut self, name: &str, meaning: Meaning) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(name.into(), meaning);
        }
    }

    fn new_row(&mut self) -> RowId {
        self.rows += 1;
        self.rows - 1
    }

    /// A row whose lanes all hold this number.
    pub(super) fn constant(&mut self, value: u64) -> RowId {
        if let Some(row) = self.constants.get(&value) {
            return *row;
        }
        let row = self.new_row();
        self.constants.insert(value, row);
        row
    }

    pub(super) fn exactly<'i, const N: usize>(&self, inst: &'i Instruction) -> Decoded<&'i [Operand; N]> {
        let found = inst.operands.len();
        let what = || Flaw::new(inst.line, format!("`{}` has {found} operands instead of {N}", inst.full_opcode()));
        inst.operands[..].try_into().map_err(|_| what())
    }
}

/// The next multiple of `align`.
fn end_of(end: usize, align: usize) -> usize {
    end.next_multiple_of(align)
}
