//! The little mathematics that the forecast needs: a logistic regression, quantiles of two distributions, random numbers.
//!
//! Everything repeats: the generator has a seed, and no sum depends on the order of a hash.

/// The logit of a probability, held away from nought and one.
#[must_use]
pub fn logit(probability: f64) -> f64 {
    let p = probability.clamp(1e-4, 1.0 - 1e-4);
    (p / (1.0 - p)).ln()
}

/// The inverse of [`logit`].
#[must_use]
pub fn logistic(value: f64) -> f64 {
    1.0 / (1.0 + (-value).exp())
}

/// Most inputs of a regression.
pub const MAXIMUM_INPUTS: usize = 20;
/// Most steps of Newton's method.
const MAXIMUM_STEPS: usize = 30;

/// A fitted logistic regression.
#[derive(Clone, PartialEq, Debug)]
pub struct Fit {
    /// One weight for each input.
    pub weights: Vec<f64>,
    /// The inverse of the curvature, by rows: how uncertain the weights are.
    pub covariance: Vec<f64>,
}

impl Fit {
    /// The probability of inputs.
    #[must_use]
    pub fn probability(&self, inputs: &[f64]) -> f64 {
        logistic(self.score(inputs))
    }

    /// The logit of inputs.
    #[must_use]
    pub fn score(&self, inputs: &[f64]) -> f64 {
        self.weights.iter().zip(inputs).map(|(weight, input)| weight * input).sum()
    }

    /// The variance of the logit of inputs.
    #[must_use]
    pub fn variance(&self, inputs: &[f64]) -> f64 {
        let size = self.weights.len();
        let row = |row: &[f64]| row.iter().zip(inputs).map(|(value, input)| value * input).sum::<f64>();
        self.covariance.chunks(size.max(1)).zip(inputs).map(|(values, input)| input * row(values)).sum()
    }
}

/// Rows of inputs, of equal length, with an answer and a weight each.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// Inputs of a row.
    pub width: usize,
    /// All inputs, row after row.
    pub inputs: Vec<f64>,
    /// What was so.
    pub answers: Vec<f64>,
    /// How much a row counts.
    pub weights: Vec<f64>,
}

/// A logistic regression with a ridge around `centre`, by Newton's method. The first input is the constant and has no ridge.
#[must_use]
pub fn fit(sample: &Sample, ridge: f64, centre: &[f64], start: Option<&[f64]>) -> Fit {
    let size = sample.width;
    let mut weights = start.map_or_else(|| vec![0.0; size], <[f64]>::to_vec);
    weights.resize(size, 0.0);
    let penalty = |index: usize| if index == 0 { 0.0 } else { ridge };
    let mut covariance = vec![0.0; size * size];
    for _ in 0..MAXIMUM_STEPS {
        let mut gradient: Vec<f64> =
            (0..size).map(|i| penalty(i) * (weights[i] - centre.get(i).copied().unwrap_or(0.0))).collect();
        let mut curvature = vec![0.0; size * size];
        for ((row, answer), weight) in
            sample.inputs.chunks_exact(size.max(1)).zip(&sample.answers).zip(&sample.weights)
        {
            let p = logistic(row.iter().zip(&weights).map(|(input, weight)| input * weight).sum());
            let (error, spread) = (weight * (p - answer), weight * p * (1.0 - p));
            for i in 0..size {
                gradient[i] += row[i] * error;
                let part = spread * row[i];
                for j in 0..=i {
                    curvature[i * size + j] += part * row[j];
                }
            }
        }
        for i in 0..size {
            curvature[i * size + i] += penalty(i) + 1e-6;
            for j in 0..i {
                curvature[j * size + i] = curvature[i * size + j];
            }
        }
        covariance = inverse(&curvature, size);
        let step: Vec<f64> =
            (0..size).map(|i| (0..size).map(|j| covariance[i * size + j] * gradient[j]).sum()).collect();
        weights.iter_mut().zip(&step).for_each(|(weight, step)| *weight -= step.clamp(-5.0, 5.0));
        if step.iter().all(|step| step.abs() < 1e-6) {
            break;
        }
    }
    Fit { weights, covariance }
}

/// The inverse of a symmetric positive matrix (Gauss and Jordan with pivots); rows that have no pivot stay nought.
fn inverse(matrix: &[f64], size: usize) -> Vec<f64> {
    let mut left = matrix.to_vec();
    let mut right = vec![0.0; size * size];
    (0..size).for_each(|i| right[i * size + i] = 1.0);
    for column in 0..size {
        let pivot = (column..size)
            .max_by(|a, b| left[a * size + column].abs().total_cmp(&left[b * size + column].abs()))
            .unwrap_or(column);
        let value = left[pivot * size + column];
        if value.abs() < 1e-300 {
            continue;
        }
        for k in 0..size {
            left.swap(pivot * size + k, column * size + k);
            right.swap(pivot * size + k, column * size + k);
            left[column * size + k] /= value;
            right[column * size + k] /= value;
        }
        for row in (0..size).filter(|row| *row != column) {
            let factor = left[row * size + column];
            for k in 0..size {
                left[row * size + k] -= factor * left[column * size + k];
                right[row * size + k] -= factor * right[column * size + k];
            }
        }
    }
    right
}

/// The logarithm of the gamma function (Lanczos, g = 7).
#[must_use]
pub fn ln_gamma(x: f64) -> f64 {
    const COEFFICIENTS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    if x < 0.5 {
        return (std::f64::consts::PI / (std::f64::consts::PI * x).sin()).ln() - ln_gamma(1.0 - x);
    }
    let x = x - 1.0;
    let sum = COEFFICIENTS
        .iter()
        .enumerate()
        .fold(0.999_999_999_999_809_9, |sum, (index, value)| sum + value / (x + index as f64 + 1.0));
    let t = x + 7.5;
    0.5 * std::f64::consts::TAU.ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

/// The share of a gamma distribution with that shape and rate 1 below `x` (series and continued fraction).
#[must_use]
pub fn gamma_below(shape: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    let lead = (shape * x.ln() - x - ln_gamma(shape)).exp();
    if x < shape + 1.0 {
        let (mut term, mut sum) = (1.0 / shape, 1.0 / shape);
        for n in 1..500 {
            term *= x / (shape + f64::from(n));
            sum += term;
            if term < sum * 1e-12 {
                break;
            }
        }
        return (lead * sum).clamp(0.0, 1.0);
    }
    let (mut b, mut c) = (x + 1.0 - shape, 1e300);
    let mut d = 1.0 / b;
    let mut h = d;
    for n in 1..500 {
        let a = -f64::from(n) * (f64::from(n) - shape);
        b += 2.0;
        d = 1.0 / (a * d + b);
        c = b + a / c;
        let change = c * d;
        h *= change;
        if (change - 1.0).abs() < 1e-12 {
            break;
        }
    }
    (1.0 - lead * h).clamp(0.0, 1.0)
}

/// The share of a beta distribution below `x` (continued fraction, Numerical Recipes 6.4 describes the method).
#[must_use]
pub fn beta_below(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    let lead = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (1.0 - x).ln()).exp();
    if x < (a + 1.0) / (a + b + 2.0) {
        lead * fraction(a, b, x) / a
    } else {
        1.0 - lead * fraction(b, a, 1.0 - x) / b
    }
}

fn fraction(a: f64, b: f64, x: f64) -> f64 {
    let guard = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / guard(1.0 - (a + b) * x / (a + 1.0));
    let mut h = d;
    for n in 1..500 {
        let m = f64::from(n);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / guard(1.0 + even * d);
        c = guard(1.0 + even / c);
        h *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / guard(1.0 + odd * d);
        c = guard(1.0 + odd / c);
        h *= d * c;
        if (d * c - 1.0).abs() < 1e-12 {
            break;
        }
    }
    h
}

/// The value below which that share lies, by halving between `low` and `high`.
fn quantile(share: f64, mut low: f64, mut high: f64, below: impl Fn(f64) -> f64) -> f64 {
    for _ in 0..80 {
        let middle = 0.5 * (low + high);
        if below(middle) < share { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// A quantile of a gamma distribution.
#[must_use]
pub fn gamma_quantile(shape: f64, rate: f64, share: f64) -> f64 {
    quantile(share, 0.0, 20.0 * (shape + 10.0), |x| gamma_below(shape, x)) / rate
}

/// A quantile of a beta distribution.
#[must_use]
pub fn beta_quantile(a: f64, b: f64, share: f64) -> f64 {
    quantile(share, 0.0, 1.0, |x| beta_below(a, b, x))
}

/// The value of sorted numbers below which that share lies, between neighbours by proportion; nought of none.
#[must_use]
pub fn sorted_quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let place = share.clamp(0.0, 1.0) * last as f64;
    let at = place.floor() as usize;
    let (low, high) = (sorted[at.min(last)], sorted[(at + 1).min(last)]);
    low + (high - low) * (place - at as f64)
}

/// Numbers that repeat (SplitMix64, Steele, Lea and Flood, 2014): for resampling, of no use for secrets.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The stream of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `end`; nought if that is nought.
    pub const fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        ((bits as u128 * end as u128) >> 64) as usize
    }

    /// From nought to just under one.
    pub fn unit(&mut self) -> f64 {
        self.below(1 << 53) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_tables() {
        // Chi-squared with 2 degrees of freedom is gamma with shape 1 and rate 1/2: 95 % lie below 5.991.
        assert!((gamma_quantile(1.0, 0.5, 0.95) - 5.991_464_5).abs() < 1e-5);
        assert!((gamma_quantile(27.0, 1.0, 0.5) - 26.667_5).abs() < 1e-3);
        assert!((beta_quantile(1.0, 1.0, 0.3) - 0.3).abs() < 1e-9);
        // Beta(2, 3) has the distribution function 6x² - 8x³ + 3x⁴.
        assert!((beta_below(2.0, 3.0, 0.4) - (6.0 * 0.16 - 8.0 * 0.064 + 3.0 * 0.0256)).abs() < 1e-10);
        assert!((ln_gamma(5.0) - 24f64.ln()).abs() < 1e-10);
        assert!((sorted_quantile(&[1.0, 2.0, 4.0], 0.75) - 3.0).abs() < 1e-12);
        assert_eq!(sorted_quantile(&[], 0.5), 0.0);
    }

    #[test]
    fn a_regression_finds_what_was_put_in() {
        let mut random = Random::new(1);
        let mut sample = Sample { width: 3, ..Sample::default() };
        for _ in 0..20_000 {
            let row = [1.0, random.unit() * 4.0 - 2.0, f64::from(u8::from(random.unit() < 0.3))];
            let p = logistic(-1.0 + 0.8 * row[1] + 1.5 * row[2]);
            sample.inputs.extend(row);
            sample.answers.push(f64::from(u8::from(random.unit() < p)));
            sample.weights.push(1.0);
        }
        let found = fit(&sample, 1.0, &[0.0; 3], None);
        for (weight, truth) in found.weights.iter().zip([-1.0, 0.8, 1.5]) {
            assert!((weight - truth).abs() < 0.1, "{:?}", found.weights);
        }
        let deviation = found.variance(&[1.0, 0.0, 0.0]).sqrt();
        assert!((0.01..0.05).contains(&deviation), "{deviation}");
    }

    #[test]
    fn a_regression_without_rows_stays_at_its_centre() {
        let found = fit(&Sample { width: 2, ..Sample::default() }, 3.0, &[0.0, 1.0], None);
        assert!((found.weights[1] - 1.0).abs() < 1e-9 && found.weights[0].is_finite());
    }
}
