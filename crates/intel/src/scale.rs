//! Scales for what is thought of a source, of a statement and of a threat.
//!
//! Sources and statements have the Admiralty code (NATO AJP-2.1; MISP's taxonomy `admiralty-scale` has the same letters). Threats and actors have the four words
//! low, medium, high and critical, after the sections "Threat levels" and "Threat actor levels" of CERT-EU's Cyber Threat Intelligence Framework (February 2026, TLP:CLEAR, CC BY
//! 4.0, cert.europa.eu/publications/threat-intelligence/cyber-threat-intelligence-framework). What each word stands for *here* is written here, because the definitions could
//! not be read when this was written: check them before a level is quoted to CERT-EU.

use serde::{Deserialize, Serialize};

/// How far a source can be relied on, and how credible a statement is: `B2`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Admiralty {
    /// `A` to `F`.
    pub source: char,
    /// `1` to `6`.
    pub statement: char,
}

impl Admiralty {
    /// From two characters.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let mut characters = text.trim().chars();
        let code = Self { source: characters.next()?.to_ascii_uppercase(), statement: characters.next()? };
        let fits = ('A'..='F').contains(&code.source) && ('1'..='6').contains(&code.statement);
        (fits && characters.next().is_none()).then_some(code)
    }

    /// In words.
    #[must_use]
    pub fn words(self) -> String {
        let source = match self.source {
            'A' => "a completely reliable source",
            'B' => "a usually reliable source",
            'C' => "a fairly reliable source",
            'D' => "a source that is not usually reliable",
            'E' => "an unreliable source",
            _ => "a source that cannot be judged",
        };
        let statement = match self.statement {
            '1' => "confirmed by others",
            '2' => "probably true",
            '3' => "possibly true",
            '4' => "doubtful",
            '5' => "improbable",
            _ => "truth cannot be judged",
        };
        format!("{source}; {statement}")
    }
}

impl Serialize for Admiralty {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}{}", self.source, self.statement))
    }
}

impl<'de> Deserialize<'de> for Admiralty {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::of(&text).ok_or_else(|| serde::de::Error::custom("not an Admiralty code such as B2"))
    }
}

/// A level of a threat or of an actor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Nothing points at us or at those like us.
    #[default]
    Low,
    /// Those like us are hit, or something makes it likelier than usual.
    Medium,
    /// We, or those whom we depend on, are named or about to be hit.
    High,
    /// We are being hit, or will be within hours, in what we cannot do without.
    Critical,
}

impl Level {
    /// The word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// What it stands for here.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Low => "nothing points at us or at those like us",
            Self::Medium => "those like us are hit, or something makes it likelier than usual",
            Self::High => "we, or those whom we depend on, are named on a list or about to be hit",
            Self::Critical => "we are being hit, or will be within hours, in what we cannot do without",
        }
    }
}

/// Words for how sure somebody is (the seven of ICD 203, which CERT-EU's reports use too), with the range of each in percent.
pub const ESTIMATES: [(&str, u8, u8); 7] = [
    ("almost no chance", 1, 5),
    ("very unlikely", 5, 20),
    ("unlikely", 20, 45),
    ("roughly even chance", 45, 55),
    ("likely", 55, 80),
    ("very likely", 80, 95),
    ("almost certain", 95, 99),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_and_said() {
        let code = Admiralty::of("b2").unwrap();
        assert_eq!(code.words(), "a usually reliable source; probably true");
        assert_eq!(serde_json::to_string(&code).unwrap(), "\"B2\"");
        assert_eq!(serde_json::from_str::<Admiralty>("\"B2\"").unwrap(), code);
        assert!(
            Admiralty::of("G1").is_none() && Admiralty::of("A7").is_none() && Admiralty::of("A12").is_none()
        );
        assert!(ESTIMATES.windows(2).all(|pair| pair[0].2 == pair[1].1), "no gap between words");
    }
}
