//! Losses that compare two blobs element by element.

/// What a pair of elements (a, b), of the first bottom and of the second, adds to a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PairLoss {
    /// `(a - b)^2 / 2`.
    Square,
    /// `-b log a - (1 - b) log(1 - a)` for a probability a, with logarithms cut off at 1e-20.
    BinaryCrossEntropy,
    /// The same for a logit a: `max(a, 0) - a b + log(1 + exp(-|a|))`, which needs no cutting off.
    SigmoidCrossEntropy,
    /// `max(0, 1 - a b)`, with labels b of 1 and -1.
    Hinge,
    /// `(a^2 + b^2 - log b^2 - 1) / 2`: the divergence of the normal distribution with mean a and standard deviation b from
    /// the one with 0 and 1.
    GaussianKl,
}

impl PairLoss {
    /// The number that kernels know the loss by (also in `kernels/pair_loss.cu`).
    pub fn code(self) -> usize {
        match self {
            PairLoss::Square => 0,
            PairLoss::BinaryCrossEntropy => 1,
            PairLoss::SigmoidCrossEntropy => 2,
            PairLoss::Hinge => 3,
            PairLoss::GaussianKl => 4,
        }
    }

    /// Whether a pair is outside of the loss's domain: a probability below 0 or above 1, a standard deviation that is not
    /// positive. NaN is not told apart from other numbers; it makes the loss NaN.
    pub fn is_outside(self, a: f64, b: f64) -> bool {
        match self {
            PairLoss::BinaryCrossEntropy => !a.is_nan() && !(0.0..=1.0).contains(&a),
            PairLoss::GaussianKl => b <= 0.0,
            PairLoss::Square | PairLoss::SigmoidCrossEntropy | PairLoss::Hinge => false,
        }
    }
}
