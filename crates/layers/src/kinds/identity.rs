//! Blobs under other names. Mocha: `src/layers/identity.jl`.

use super::sharing::Shared;
use crate::{Arity, Count, Example, ExampleBottom, Examples, Layer, LayerState, Result, Setup, Wired, Wiring};
use serde::{Deserialize, Serialize};

/// Each top *is* the bottom of the same place: same data, same gradient, nothing is copied.
///
/// ```
/// use layers::prelude::*;
/// let renamed = Identity::new("rename").bottom("ip2").top("logits");
/// assert_eq!(renamed.wiring.tops, ["logits"]);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
}

impl Identity {
    /// Other names for blobs.
    pub fn new(name: impl Into<String>) -> Self {
        Identity { wiring: Wiring::named(name) }
    }
}

impl Wired for Identity {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for Identity {
    fn kind(&self) -> &'static str {
        "Identity"
    }

    fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    fn arity(&self) -> Arity {
        Arity { bottoms: Count::AtLeast(1), tops: Count::SameAsBottoms }
    }

    fn setup(&self, setup: &mut Setup<'_>) -> Result<Box<dyn LayerState>> {
        Shared::setup(setup, Ok)
    }
}

impl Examples for Identity {
    fn examples() -> Vec<Example> {
        let two = vec![ExampleBottom::Numbers(vec![2, 3]), ExampleBottom::Numbers(vec![17, 2, 2])];
        vec![Example::one_to_one(Identity::new("identity"), &[1, 5]), Example::new(Identity::new("identity"), two, 2)]
    }
}
