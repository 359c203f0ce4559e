//! Work whose result can be checked: the sum of the squares of all numbers in a range, modulo 2^64. The
//! work takes longer for a larger range, but the formula that checks it does not.

use std::{hint::black_box, ops::Range};

/// Squares the numbers one after the other and adds them up.
pub(crate) fn sum_of_squares(numbers: Range<u64>) -> u64 {
    // The black box keeps the compiler from replacing the loop by the formula.
    let squares = numbers.map(|number| black_box(number).wrapping_mul(number));
    squares.fold(0, u64::wrapping_add)
}

/// Returns the result of [`sum_of_squares`] for all numbers below `n`, computed by a formula.
pub(crate) fn squares_below(n: u64) -> u64 {
    // The product of three factors may exceed 128 bits, so the division by 6 is done before the last
    // multiplication.
    let n = u128::from(n);
    let pairs = n * n.saturating_sub(1) / 2;
    let odd = (2 * n).saturating_sub(1);
    let sum = match pairs % 3 {
        0 => (pairs / 3).wrapping_mul(odd),
        _ => pairs.wrapping_mul(odd / 3),
    };
    sum as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_formula_is_the_sum() {
        assert_eq!(squares_below(100), 328_350);
        for n in (0..20).chain([5_000_000]) {
            assert_eq!(squares_below(n), sum_of_squares(0..n), "{n}");
        }
        let n = u128::from(1_000_000_000_000_u64);
        assert_eq!(
            squares_below(n as u64),
            (((n - 1) * n / 2 * (2 * n - 1)) / 3) as u64
        );
        // The sum over a range equals the difference of the formula at its two ends.
        let end = u64::MAX;
        let last = sum_of_squares(end - 1000..end);
        let before = squares_below(end - 1000);
        assert_eq!(before.wrapping_add(last), squares_below(end));
    }
}
