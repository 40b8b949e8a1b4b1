//! Numbers that fade away are gone when next to nothing is left of them.
//!
//! What is multiplied by a part of one at every step never becomes nought by itself: it ends among the smallest numbers
//! there are, and stays there. Many processors take a hundred times as long for those (subnormal numbers, IEEE 754-2019
//! section 3.4), so that a service would cost more the longer it runs.

/// Below this there is nothing: a packet or request of a day ago, faded over a minute, is far below it.
const NEXT_TO_NOTHING: f32 = 1e-12;

/// The number, or nought if it is next to nothing.
#[inline]
pub(crate) const fn faded(number: f32) -> f32 {
    if number.abs() < NEXT_TO_NOTHING { 0.0 } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fades_ends_at_nought_and_what_is_there_stays_as_it_is() {
        for kept in [0.9, 0.967, 0.998] {
            let (mut number, mut steps) = (1e6_f32, 0);
            while number != 0.0 {
                number = faded(number * kept);
                assert!(number == 0.0 || number.is_normal(), "{number}");
                steps += 1;
            }
            assert!(steps < 30_000, "{kept}: {steps}");
        }
        assert_eq!((faded(0.25), faded(-3.0), faded(-1e-20)), (0.25, -3.0, 0.0));
        assert!(faded(f32::NAN).is_nan() && faded(f32::INFINITY).is_infinite());
    }
}
