//! What happens to gradients between backward and update: the mean over several batches, and clipping.

use crate::{Result, check};
use core_tensor::{Role, Shape, Tensor, ops::kernels};
use layers::Net;

/// Multiplies the gradients of all parameters that learn.
pub(crate) fn scale(net: &Net, factor: f64) -> Result<()> {
    for (_, gradient) in learning(net) {
        kernels::scale(net.backend(), factor, gradient)?;
    }
    Ok(())
}

/// Clipping by the global norm: the length of all gradients together, as if they were one vector (Caffe's `clip_gradients`;
/// Pascanu, Mikolov, Bengio, *On the difficulty of training recurrent neural networks*, 2013).
#[derive(Debug)]
pub(crate) struct Clipping {
    most: f64,
    /// A norm for each parameter, on the backend and here.
    norms: Tensor,
    read: Vec<f64>,
}

impl Clipping {
    /// Checks the norm that gradients shall have at most.
    pub(crate) fn check(most: f64) -> Result<()> {
        check::positive("the solver's", "clip_gradients", most)
    }

    /// Gets ready for a net.
    pub(crate) fn new(most: f64, net: &Net) -> Result<Self> {
        let count = net.params().len();
        let norms = net.backend().alloc(Shape::new(&[count])?, net.dtype(), Role::Param)?;
        Ok(Clipping { most, norms, read: vec![0.0; count] })
    }

    /// Scales all gradients down together if they are longer. A gradient that is not finite stays as it is: the next loss
    /// says so.
    pub(crate) fn apply(&mut self, net: &Net) -> Result<()> {
        for (i, gradient) in learning(net) {
            kernels::l2_norm(net.backend(), gradient, i, &self.norms)?;
        }
        self.norms.read_into(&mut self.read)?;
        let norm = learning(net).map(|(i, _)| self.read[i] * self.read[i]).sum::<f64>().sqrt();
        if norm.is_finite() && norm > self.most { scale(net, self.most / norm) } else { Ok(()) }
    }
}

/// The gradients of the parameters that are not frozen, with the parameters' numbers.
fn learning(net: &Net) -> impl Iterator<Item = (usize, &Tensor)> {
    let params = net.params().iter().enumerate().filter(|(_, param)| !param.is_frozen());
    params.filter_map(|(i, param)| Some((i, param.diff()?)))
}
