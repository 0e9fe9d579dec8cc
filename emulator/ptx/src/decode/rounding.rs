//! f32 arithmetic rounded down, up or towards zero, which the host only has by switching a mode of the whole thread.
//!
//! The sum or product of two f32 and their fused combination have an exact representation as an f64 and a small f64 error term
//! (Knuth's two-sum; a product of two f32 fits an f64). The nearest f32 is corrected by one step where it lies on the wrong side.

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Zero,
    Down,
    Up,
}

pub(super) fn add_f32(a: f32, b: f32, direction: Direction) -> f32 {
    fma_f32(a, 1.0, b, direction)
}

pub(super) fn mul_f32(a: f32, b: f32, direction: Direction) -> f32 {
    // Added with the product's sign, a zero keeps it.
    let zero = if a.is_sign_negative() == b.is_sign_negative() { 0.0 } else { -0.0 };
    fma_f32(a, b, zero, direction)
}

pub(super) fn fma_f32(a: f32, b: f32, c: f32, direction: Direction) -> f32 {
    let product = f64::from(a) * f64::from(b);
    let c = f64::from(c);
    let sum = product + c;
    if !sum.is_finite() {
        return sum as f32;
    }
    if sum == 0.0 {
        // Zeros of two signs, or a difference of equals: -0 when rounding down, as IEEE 754 says.
        let same = product.is_sign_negative() == c.is_sign_negative();
        return if same {
            c as f32
        } else if direction == Direction::Down {
            -0.0
        } else {
            0.0
        };
    }
    let part = sum - product;
    let error = (product - (sum - part)) + (c - part);
    round(sum, error, direction)
}

/// The same for f64, where the two-sum of the operands is exact too.
pub(super) fn add_f64(a: f64, b: f64, direction: Direction) -> f64 {
    let sum = a + b;
    if sum.is_infinite() && a.is_finite() && b.is_finite() {
        let stays = match direction {
            Direction::Zero => true,
            Direction::Down => sum > 0.0,
            Direction::Up => sum < 0.0,
        };
        return if stays { f64::MAX.copysign(sum) } else { sum };
    }
    if sum == 0.0 || !sum.is_finite() {
        let cancels = a == -b && a != 0.0 || a.is_sign_negative() != b.is_sign_negative();
        return if sum == 0.0 && cancels && direction == Direction::Down { -0.0 } else { sum };
    }
    let part = sum - a;
    let error = (a - (sum - part)) + (b - part);
    let down = direction == Direction::Down || direction == Direction::Zero && sum > 0.0;
    match error {
        _ if error < 0.0 && down => sum.next_down(),
        _ if error > 0.0 && !down => sum.next_up(),
        _ => sum,
    }
}

/// `value + error` as f32; `error` is at most half a unit in the last place of `value`.
pub(super) fn round(value: f64, error: f64, direction: Direction) -> f32 {
    let nearest = value as f32;
    let above = if f64::from(nearest) == value { error < 0.0 } else { f64::from(nearest) > value };
    let below = if f64::from(nearest) == value { error > 0.0 } else { f64::from(nearest) < value };
    let down = match direction {
        Direction::Down => true,
        Direction::Up => false,
        Direction::Zero => value > 0.0,
    };
    match (above, below) {
        (true, _) if down => nearest.next_down(),
        (_, true) if !down => nearest.next_up(),
        _ => nearest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Down and up enclose the exact value, and are neighbours or equal.
    fn encloses(down: f32, nearest: f32, up: f32) {
        assert!(down <= nearest && nearest <= up, "{down:e} {nearest:e} {up:e}");
        assert!(down == up || down.next_up() == up, "{down:e} {up:e}");
    }

    proptest! {
        #[test]
        fn neighbours(a in any::<f32>(), b in any::<f32>(), c in any::<f32>()) {
            let nearest = a.mul_add(b, c);
            prop_assume!(nearest.is_finite() && nearest != 0.0);
            encloses(fma_f32(a, b, c, Direction::Down), nearest, fma_f32(a, b, c, Direction::Up));
            let zero = fma_f32(a, b, c, Direction::Zero);
            prop_assert!(zero.abs() <= nearest.abs());
            let sum = a + b;
            prop_assume!(sum.is_finite());
            encloses(add_f32(a, b, Direction::Down), sum, add_f32(a, b, Direction::Up));
            let product = a * b;
            prop_assume!(product.is_finite());
            encloses(mul_f32(a, b, Direction::Down), product, mul_f32(a, b, Direction::Up));
        }
    }

    #[test]
    fn overflow() {
        assert_eq!(mul_f32(f32::MAX, 2.0, Direction::Zero), f32::MAX);
        assert_eq!(mul_f32(f32::MAX, 2.0, Direction::Up), f32::INFINITY);
        assert_eq!(mul_f32(f32::MAX, -2.0, Direction::Up), f32::MIN);
    }
}
