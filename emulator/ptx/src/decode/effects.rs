//! Instructions that reach beyond a thread: memory, barriers, exchanges within a warp.

use super::{
    body::{Decoded, Decoder, Meaning},
    inst::{Exchange, Op, Place, Reduce, Reduction, RowId, Shuffle, Vote},
    memory,
};
use crate::{
    error::Flaw,
    parse::syntax::{Instruction, Operand, Space},
};

impl Decoder<'_> {
    pub(super) fn load(&mut self, inst: &Instruction) -> Decoded<()> {
        let access = memory::access(inst)?;
        let [to, address] = self.exactly(inst)?;
        let place = self.place(inst, &access, address)?;
        let to = self.elements(inst, to, access.count, Decoder::target)?;
        self.emit_inst(inst, Op::Load { place, to })
    }

    pub(super) fn store(&mut self, inst: &Instruction) -> Decoded<()> {
        let access = memory::access(inst)?;
        let [address, from] = self.exactly(inst)?;
        let place = self.place(inst, &access, address)?;
        let from = self.elements(inst, from, access.count, Decoder::operand)?;
        self.emit_inst(inst, Op::Store { place, from })
    }

    fn elements(
        &mut self,
        inst: &Instruction,
        operand: &Operand,
        count: usize,
        row: fn(&mut Self, &Instruction, &Operand) -> Decoded<RowId>,
    ) -> Decoded<Vec<RowId>> {
        match operand {
            Operand::Vector(parts) if parts.len() == count => parts.iter().map(|part| row(self, inst, part)).collect(),
            operand if count == 1 => Ok(vec![row(self, inst, operand)?]),
            _ => Err(Flaw::new(inst.line, format!("`{}` needs {count} registers", inst.full_opcode()))),
        }
    }

    pub(super) fn atomic(&mut self, inst: &Instruction) -> Decoded<()> {
        let (access, f) = memory::atomic(inst)?;
        let returns = inst.opcode[0] == "atom";
        let operands = &inst.operands[..];
        let (to, operands) =
            if returns { operands.split_at_checked(1).unwrap_or((&[], &[])) } else { (&[][..], operands) };
        let (address, from) = match operands {
            [address, b] if !inst.has("cas") => (address, [self.operand(inst, b)?, 0]),
            [address, b, c] if inst.has("cas") => (address, [self.operand(inst, b)?, self.operand(inst, c)?]),
            _ => return Err(Flaw::new(inst.line, format!("operands of `{}`", inst.full_opcode()))),
        };
        let to = to.first().map(|to| self.target(inst, to)).transpose()?;
        let place = self.place(inst, &access, address)?;
        self.emit_inst(inst, Op::Atomic { place, f, to, from })
    }

    fn place(&mut self, inst: &Instruction, access: &memory::Access, address: &Operand) -> Decoded<Place> {
        let Operand::Address(name, offset) = address else {
            return Err(Flaw::new(inst.line, format!("`{}` needs an address in brackets", inst.full_opcode())));
        };
        let (space, base) = match self.meaning(inst, name)? {
            Meaning::Register(row) => (access.space, row),
            // An argument of a call is written `ld.param` but lies in the thread's memory.
            Meaning::Variable { space, address } => (space, self.constant(address)),
            Meaning::DynamicShared => (Space::Shared, self.dynamic_shared),
        };
        Ok(Place { space, size: access.size, signed: access.signed, base, offset: *offset })
    }

    pub(super) fn barrier(&mut self, inst: &Instruction, opcode: &str) -> Decoded<()> {
        let unknown =
            || Flaw::new(inst.line, format!("unknown instruction `{opcode}` with {} operands", inst.operands.len()));
        let how = match opcode {
            "bar.warp.sync" => {
                let [mask] = self.exactly(inst)?;
                let mask = self.operand(inst, mask)?;
                return self.emit_inst(inst, Op::Warp { mask, what: Exchange::Sync });
            }
            "bar.sync" | "barrier.sync" | "barrier.sync.aligned" => {
                let [id] = self.exactly(inst)?;
                self.operand(inst, id)?;
                return self.emit_inst(inst, Op::Barrier { reduce: None });
            }
            "bar.red.popc.u32" => Reduction::Count,
            "bar.red.and.pred" => Reduction::And,
            "bar.red.or.pred" => Reduction::Or,
            _ => return Err(unknown()),
        };
        let [to, id, from] = &inst.operands[..] else { return Err(unknown()) };
        let to = self.target(inst, to)?;
        self.operand(inst, id)?;
        let (from, negated) = self.predicate(inst, from)?;
        self.emit_inst(inst, Op::Barrier { reduce: Some(Reduce { how, to, from, negated }) })
    }

    pub(super) fn warp(&mut self, inst: &Instruction, opcode: &str) -> Decoded<()> {
        let unknown = || Flaw::new(inst.line, format!("unknown instruction `{opcode}`"));
        let mode = match opcode {
            "activemask.b32" => {
                let [to] = self.exactly(inst)?;
                let to = self.target(inst, to)?;
                return self.emit_inst(inst, Op::ActiveMask { to });
            }
            "vote.sync.all.pred" => return self.vote(inst, Vote::All),
            "vote.sync.any.pred" => return self.vote(inst, Vote::Any),
            "vote.sync.uni.pred" => return self.vote(inst, Vote::Uniform),
            "vote.sync.ballot.b32" => return self.vote(inst, Vote::Ballot),
            "shfl.sync.up.b32" => Some(Shuffle::Up),
            "shfl.sync.down.b32" => Some(Shuffle::Down),
            "shfl.sync.bfly.b32" => Some(Shuffle::Butterfly),
            "shfl.sync.idx.b32" => Some(Shuffle::Index),
            _ => None,
        };
        let mode = mode.ok_or_else(unknown)?;
        let [to, from, lane, clamp, mask] = self.exactly(inst)?;
        let (to, inside) = match to {
            Operand::Pair(to, inside) => (self.register(inst, to)?, Some(self.register(inst, inside)?)),
            to => (self.target(inst, to)?, None),
        };
        let [from, lane, clamp, mask] = [from, lane, clamp, mask].map(|operand| self.operand(inst, operand));
        let what = Exchange::Shuffle { mode, to, inside, from: from?, lane: lane?, clamp: clamp? };
        self.emit_inst(inst, Op::Warp { mask: mask?, what })
    }

    fn vote(&mut self, inst: &Instruction, mode: Vote) -> Decoded<()> {
        let [to, from, mask] = self.exactly(inst)?;
        let to = self.target(inst, to)?;
        let (from, negated) = self.predicate(inst, from)?;
        let mask = self.operand(inst, mask)?;
        self.emit_inst(inst, Op::Warp { mask, what: Exchange::Vote { mode, to, from, negated } })
    }
}
