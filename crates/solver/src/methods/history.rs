//! What all update rules share: tensors of history beside each parameter, and the walk over the parameters that learn.

use crate::{Error, Result};
use core_tensor::{
    Role, Tensor,
    ops::kernels::{Decay, Update},
};
use layers::{Net, Param, Regularizer};

/// `N` tensors for each parameter of a net, all of its shape, that an update rule remembers from one iteration to the next.
#[derive(Debug)]
pub struct History<const N: usize> {
    groups: [&'static str; N],
    /// By group, in the order of the net's parameters. Frozen ones have theirs too: a coffee break may unfreeze them.
    tensors: [Vec<Tensor>; N],
    /// The parameters' keys.
    keys: Vec<String>,
}

impl<const N: usize> History<N> {
    /// A history without tensors yet; the groups are the names in snapshots, e.g. `momentum`.
    pub fn new(groups: [&'static str; N]) -> Self {
        History { groups, tensors: [const { Vec::new() }; N], keys: Vec::new() }
    }

    /// Makes the tensors, all zeros.
    ///
    /// # Errors
    /// The memory cannot be had.
    pub fn setup(&mut self, net: &Net) -> Result<()> {
        let zeros = |param: &Param| {
            let tensor = net.backend().alloc(param.data().shape(), param.data().dtype(), Role::Param)?;
            Ok(tensor)
        };
        for group in &mut self.tensors {
            *group = net.params().iter().map(zeros).collect::<Result<_>>()?;
        }
        self.keys = net.params().iter().map(Param::key).collect();
        Ok(())
    }

    /// Calls `rule` for each parameter that is not frozen, with what its update needs: the learning rate times the parameter's
    /// own factor, the regularizer times `regu_coef`, the gradient, the parameter, and its history.
    ///
    /// # Errors
    /// The rule's, or [`Error::Value`] if [`History::setup`] was not called with this net.
    pub fn update(
        &self,
        net: &Net,
        rate: f64,
        regu_coef: f64,
        mut rule: impl FnMut(Update<'_>, [&Tensor; N]) -> core_tensor::Result<()>,
    ) -> Result<()> {
        if self.keys.len() != net.params().len() {
            return Err(Error::Value {
                what: format!("the history ({}) of the update rule", self.groups.join(", ")),
                found: format!("made for {} parameters", self.keys.len()),
                expected: format!("{}; call `setup` with this net first", net.params().len()),
            });
        }
        for (i, param) in net.params().iter().enumerate() {
            let Some(gradient) = param.diff().filter(|_| !param.is_frozen()) else { continue };
            let rate = rate * param.spec().learning_rate;
            let update = Update { rate, decay: decay(param, regu_coef), gradient, w: param.data() };
            rule(update, std::array::from_fn(|group| &self.tensors[group][i]))?;
        }
        Ok(())
    }

    /// All tensors under their names, `group/layer___param`: what [`Method::history`](crate::Method::history) returns.
    pub fn tensors(&self) -> Vec<(String, Tensor)> {
        let groups = self.groups.iter().zip(&self.tensors);
        let named = |(group, tensors): (&&str, &Vec<Tensor>)| {
            let names = self.keys.iter().map(|key| format!("{group}/{key}"));
            names.zip(tensors.iter().cloned()).collect::<Vec<_>>()
        };
        groups.flat_map(named).collect()
    }
}

/// What a parameter's regularizer adds to its gradient.
fn decay(param: &Param, regu_coef: f64) -> Decay {
    match param.spec().regularizer {
        Regularizer::None => Decay::default(),
        Regularizer::L2 { coefficient } => Decay { l2: 2.0 * coefficient * regu_coef, l1: 0.0 },
        Regularizer::L1 { coefficient } => Decay { l2: 0.0, l1: coefficient * regu_coef },
    }
}
