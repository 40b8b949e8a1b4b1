//! Adversaries: what is said of them, each statement with its source and its date, and how far both can be relied on.

use serde::{Deserialize, Serialize};

use crate::scale::{Admiralty, Level};
use crate::tlp::{Audience, Tlp};

/// Most profiles of a file.
pub const MAXIMUM_PROFILES: usize = 10_000;

/// One statement.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// What is said.
    pub text: String,
    /// Who says it: a title or an address.
    pub source: String,
    /// When it was said, or of when it is.
    pub date: String,
    /// How far source and statement can be relied on.
    pub admiralty: Admiralty,
}

/// An adversary.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// Other names.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// `hacktivism`, `espionage`, `influence`, `crime`.
    pub category: String,
    /// How it may be given on.
    pub tlp: Tlp,
    /// Its level for a parliament, as [`crate::scale`] has it.
    pub level: Level,
    /// Why that level.
    pub level_reason: String,
    /// Techniques of MITRE ATT&CK or DISARM.
    #[serde(default)]
    pub techniques: Vec<String>,
    /// What is said of it.
    pub statements: Vec<Statement>,
}

/// Why a file of profiles is none.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// It is not in the form.
    #[error("not a file of profiles: {0}")]
    Json(#[from] serde_json::Error),
    /// A profile says something without a source or a date.
    #[error("{0}: a statement has no source or no date")]
    Unfounded(String),
    /// There are too many.
    #[error("more than {MAXIMUM_PROFILES} profiles")]
    TooMany,
}

/// Reads profiles; a statement without source and date is refused.
///
/// # Errors
/// When it is not in the form.
pub fn read(text: &str) -> Result<Vec<Profile>, ProfileError> {
    let profiles: Vec<Profile> = serde_json::from_str(text)?;
    if profiles.len() > MAXIMUM_PROFILES {
        return Err(ProfileError::TooMany);
    }
    for profile in &profiles {
        let founded = |statement: &Statement| {
            !statement.source.trim().is_empty()
                && statement.date.get(..4).is_some_and(|year| year.parse::<u16>().is_ok())
        };
        if profile.statements.is_empty() || !profile.statements.iter().all(founded) {
            return Err(ProfileError::Unfounded(profile.name.clone()));
        }
    }
    Ok(profiles)
}

/// The profiles that an audience may see.
pub fn visible(profiles: &[Profile], audience: Audience) -> impl Iterator<Item = &Profile> {
    profiles.iter().filter(move |profile| profile.tlp.may_reach(audience))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_profiles_have_sources_and_dates() {
        let profiles = read(include_str!("../../../data/foresee/profiles.json")).unwrap();
        for name in ["Killnet", "NoName057(16)", "APT28", "Callisto"] {
            assert!(profiles.iter().any(|profile| profile.name == name), "{name}");
        }
        assert!(visible(&profiles, Audience::Public).count() > 3);
    }

    #[test]
    fn a_statement_without_a_source_is_refused() {
        let text = r#"[{"name":"x","category":"crime","tlp":"TLP:RED","level":"low","level_reason":"r",
            "statements":[{"text":"t","source":" ","date":"2024","admiralty":"B2"}]}]"#;
        assert!(matches!(read(text), Err(ProfileError::Unfounded(_))));
        let profiles = read(&text.replace("\" \"", "\"s\"")).unwrap();
        assert_eq!(visible(&profiles, Audience::Organisation).count(), 0, "red goes to nobody by a machine");
    }
}
