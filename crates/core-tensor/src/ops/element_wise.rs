//! Arithmetic on two operands, element by element.

use serde::{Deserialize, Serialize};

/// What becomes of two elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ElementWiseOperation {
    /// The sum.
    #[default]
    Add,
    /// The first less the second.
    Subtract,
    /// The product.
    Multiply,
    /// The first divided by the second.
    Divide,
}

impl ElementWiseOperation {
    /// All of them.
    pub const ALL: [ElementWiseOperation; 4] = [Self::Add, Self::Subtract, Self::Multiply, Self::Divide];

    /// The kernel that does it.
    pub fn kernel(self) -> &'static str {
        match self {
            Self::Add => "elementwise.add",
            Self::Subtract => "elementwise.subtract",
            Self::Multiply => "elementwise.multiply",
            Self::Divide => "elementwise.divide",
        }
    }
}
