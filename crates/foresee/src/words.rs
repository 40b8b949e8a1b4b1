//! Words for members: a fixed vocabulary, whole numbers, no decimals.

/// Words for a probability, each up to and including it.
const ODDS: [(f64, &str); 7] = [
    (0.01, "very unlikely"),
    (0.05, "unlikely"),
    (0.2, "possible, more likely not"),
    (0.4, "possible"),
    (0.6, "as likely as not"),
    (0.8, "likely"),
    (1.0, "very likely"),
];
/// Round numbers for "about 1 in N".
const ROUND: [u32; 16] = [2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 50, 100, 200, 300, 500, 1000];

/// A probability in words; nothing known is a word too.
#[must_use]
pub fn odds(probability: Option<f64>) -> &'static str {
    let Some(probability) = probability else { return "not known" };
    ODDS.iter().find(|(limit, _)| probability <= *limit).map_or("very likely", |(_, word)| word)
}

/// A probability as one in so many days like this one.
#[must_use]
pub fn one_in(probability: f64) -> String {
    if probability >= 0.4 {
        return format!("about {} in 10", (probability * 10.0).round().clamp(4.0, 10.0));
    }
    if probability < 0.000_75 {
        return "less than 1 in 1000".to_owned();
    }
    let wanted = 1.0 / probability;
    let distance = |number: u32| (f64::from(number) / wanted).ln().abs();
    let best = ROUND.into_iter().min_by(|a, b| distance(*a).total_cmp(&distance(*b))).unwrap_or(1000);
    format!("about 1 in {best}")
}

/// How it compares with what is usual for the place.
#[must_use]
pub fn against_usual(probability: f64, base: f64) -> String {
    let times = probability / base.max(1e-9);
    match times {
        times if times < 0.67 => "less than usual".to_owned(),
        times if times < 1.5 => "about as usual".to_owned(),
        times if times < 2.5 => "twice the usual".to_owned(),
        times if times < 20.0 => format!("{} times the usual", times.round()),
        _ => "more than 20 times the usual".to_owned(),
    }
}

/// How good past forecasts were.
#[must_use]
pub fn skill(low: f64, skill: f64) -> &'static str {
    match skill {
        _ if low <= 0.0 => "no better than knowing how often it happens",
        skill if skill < 0.1 => "a little better than knowing how often it happens",
        skill if skill < 0.25 => "better than knowing how often it happens",
        _ => "clearly better than knowing how often it happens",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_no_decimals() {
        for step in 0..=1000 {
            let p = f64::from(step) / 1000.0;
            for text in [odds(Some(p)).to_owned(), one_in(p), against_usual(p, 0.013)] {
                assert!(!text.contains('.') && !text.contains('%'), "{text}");
            }
        }
        assert_eq!(
            (one_in(0.03), one_in(0.0001), one_in(0.86)),
            ("about 1 in 30".to_owned(), "less than 1 in 1000".to_owned(), "about 9 in 10".to_owned())
        );
        assert_eq!(against_usual(0.04, 0.013), "3 times the usual");
        assert_eq!(odds(None), "not known");
    }

    #[test]
    fn words_rise_with_the_odds() {
        let words: Vec<&str> = (0..=100).map(|p| odds(Some(f64::from(p) / 100.0))).collect();
        let mut distinct = words.clone();
        distinct.dedup();
        assert_eq!(distinct.len(), ODDS.len());
    }
}
