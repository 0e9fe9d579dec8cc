//! Which blobs share memory: those whose lives do not overlap.
//!
//! Time is a layer's place in the order of computation. A forward pass needs a blob's data from the place that makes it to the
//! last one that takes it. A backward pass goes through the same places the other way round and needs the blob's gradient
//! between the same two; but it needs all data, too. So one rule serves both kinds of net: built for inference, data share
//! memory; built for training, gradients do.
//!
//! Memory is given out while the net is built, in order of computation: a blob moves into the smallest block that is free and
//! large enough, or into a new one. Outputs, which no layer takes, stay where they are. Blobs that are kept live apart, and so does
//! what a data layer makes, since a source may deliver once what all passes read.
//!
//! Rejected: a plan for all blobs before anything is allocated, which may pack more tightly where a small blob comes before a
//! large one. Only a layer's setup knows how large its tops are, and it makes them at once, so every layer would have to be
//! set up twice.

use crate::{Result, net::NamedBlob};
use core_tensor::{Backend, DType, Role, Shape, Tensor};

/// The memory of a net's blobs while the net is built.
#[derive(Default)]
pub(crate) struct Memory {
    blocks: Vec<Block>,
    /// What shares memory; `None` where nothing does.
    shared: Option<Role>,
    /// The place of the layer that is set up now, and whether its tops have memory of their own.
    now: usize,
    apart: bool,
}

/// Memory for one tensor at a time.
struct Block {
    memory: Tensor,
    bytes: usize,
    /// The last place that needs what is in it.
    until: usize,
    /// Who lived in it, in order of the forward pass.
    tenants: Vec<Tenant>,
}

/// One tensor in a block.
struct Tenant {
    /// What a block of its own would take.
    bytes: usize,
    /// The blobs that have it, by their index: more than one where a layer's top is its bottom.
    blobs: Vec<usize>,
}

impl Memory {
    pub(super) fn new(training: bool) -> Self {
        Memory { shared: Some(if training { Role::Diff } else { Role::Data }), ..Self::default() }
    }

    /// Goes on to the layer at this place.
    pub(super) fn go_to(&mut self, place: usize) {
        self.now = place;
    }

    /// Whether the tops that are made next share memory with nobody.
    pub(super) fn keep_apart(&mut self, apart: bool) {
        self.apart = apart;
    }

    /// Memory for a top of the layer that is set up now; what is in it is undefined.
    pub(crate) fn take(&mut self, backend: &dyn Backend, shape: Shape, dtype: DType, role: Role) -> Result<Tensor> {
        if self.apart || self.shared != Some(role) {
            return Ok(backend.alloc(shape, dtype, role)?);
        }
        let bytes = backend.bytes(shape, dtype, role);
        let tenant = Tenant { bytes, blobs: Vec::new() };
        let free = self.blocks.iter_mut().filter(|block| block.until < self.now && block.bytes >= bytes);
        if let Some(block) = free.min_by_key(|block| block.bytes) {
            block.until = self.now;
            block.tenants.push(tenant);
            return Ok(Tensor::from_storage(shape, dtype, role, block.memory.storage().clone()));
        }
        let memory = backend.alloc(shape, dtype, role)?;
        self.blocks.push(Block { memory: memory.clone(), bytes, until: self.now, tenants: vec![tenant] });
        Ok(memory)
    }

    /// The same memory for a top of the layer that is set up now, if no other layer needs what is in it: then the layer may
    /// work in place.
    pub(crate) fn take_over(&mut self, tensor: &Tensor) -> Option<Tensor> {
        let (now, apart) = (self.now, self.apart);
        let block = self.block(tensor).filter(|block| block.until == now && !apart)?;
        let bytes = block.tenants.last().map_or(0, |tenant| tenant.bytes);
        block.tenants.push(Tenant { bytes, blobs: Vec::new() });
        Some(tensor.clone())
    }

    /// Says that a blob has this memory and until which place it is needed.
    pub(super) fn hold(&mut self, tensor: &Tensor, blob: usize, until: usize) {
        if let Some(block) = self.block(tensor) {
            block.until = block.until.max(until);
            block.tenants.last_mut().into_iter().for_each(|tenant| tenant.blobs.push(blob));
        }
    }

    /// Takes in a gradient's memory that was had elsewhere and is needed until now: others may move in after this place.
    pub(super) fn take_in(&mut self, backend: &dyn Backend, tensor: &Tensor) {
        if self.shared == Some(tensor.role()) {
            let bytes = backend.bytes(tensor.shape(), tensor.dtype(), tensor.role());
            let tenants = vec![Tenant { bytes, blobs: Vec::new() }];
            self.blocks.push(Block { memory: tensor.clone(), bytes, until: self.now, tenants });
        }
    }

    /// Marks the blobs that do not have their memory to themselves until the pass ends. Returns how many bytes more it would
    /// take if all had.
    pub(super) fn settle(self, blobs: &mut [NamedBlob]) -> usize {
        for Block { tenants, .. } in &self.blocks {
            if self.shared == Some(Role::Data) {
                for (tenant, next) in tenants.iter().zip(&tenants[1..]) {
                    let next = next.blobs.first().map(|&next| blobs[next].name.clone()).unwrap_or_default();
                    tenant.blobs.iter().for_each(|&blob| blobs[blob].replaced_by = Some(next.clone()));
                }
            } else {
                // Backward the first tenant comes last.
                tenants[1..].iter().flat_map(|tenant| &tenant.blobs).for_each(|&blob| blobs[blob].shown.diff = None);
            }
        }
        let needed = |block: &Block| block.tenants.iter().map(|tenant| tenant.bytes).sum::<usize>();
        self.blocks.iter().map(|block| needed(block) - block.bytes).sum()
    }

    fn block(&mut self, tensor: &Tensor) -> Option<&mut Block> {
        self.blocks.iter_mut().find(|block| block.memory.same_memory(tensor))
    }
}
