//! The outlook as the console is told it: words and whole numbers, ready to be shown. Nothing of it is computed here.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// How likely something is, in words.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct Odds {
    /// Whom it is about: `country`, `own`, `degraded`.
    pub who: String,
    /// Days ahead, today included.
    pub days: usize,
    /// `quiet`, `raised` or `listed`.
    pub state: String,
    /// From a fixed vocabulary, without decimals.
    pub words: String,
    /// Why.
    pub reasons: Vec<String>,
}

/// A thing of the institution, of a party or of a supplier on a list of targets.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct Listed {
    /// The organisation's key.
    pub organisation: String,
    /// What the list names.
    pub named: String,
    /// The service, if it names one.
    pub service: Option<String>,
    /// When the list was seen, RFC 3339.
    pub seen: String,
    /// Whose list it is.
    pub actor: String,
    /// What is asked of the attackers, in words.
    pub techniques: Vec<String>,
    /// Filters to look at: layer, what it meets, what it would do.
    pub proposals: Vec<[String; 3]>,
    /// What people should look at.
    pub checks: Vec<String>,
}

/// Something on the calendar.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct Coming {
    /// The day, `2026-12-01`.
    pub date: String,
    /// Its type.
    pub kind: String,
    /// What it is.
    pub title: String,
    /// What events of this type did in the past, in words.
    pub effect: String,
}

/// A likely technique and what of ours it would hit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct Likely {
    /// In words.
    pub technique: String,
    /// Of ten listings so many ask for it.
    pub of_ten: u8,
    /// What of ours it would hit, by key.
    pub hits: Vec<String>,
}

/// How often it happened, of forecasts of about one height.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct Height {
    /// What was said, in hundredths.
    pub said_percent: u8,
    /// What happened, in hundredths.
    pub happened_percent: u8,
    /// How many forecasts it was.
    pub forecasts: u32,
}

/// How forecasts of one kind did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct Reliability {
    /// Whom they were about: `country` or `own`.
    pub who: String,
    /// Whose they were.
    pub title: String,
    /// How good they were, in words.
    pub words: String,
    /// By what they said.
    pub heights: Vec<Height>,
}

/// How ready to be right now, and what the detector does about it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct Readiness {
    /// `watch` or `ready`.
    pub state: String,
    /// Since when, RFC 3339.
    pub from: String,
    /// Until when, RFC 3339.
    pub until: String,
    /// So many hundredths of the usual are needed to say that there is a flood.
    pub floors_percent: u8,
    /// Whether the usual floors hold all the same, because lowered ones told of as much as they may in a month.
    pub is_spent: bool,
    /// Why.
    pub reasons: Vec<String>,
    /// What people do.
    pub checklist: Vec<String>,
}

/// The outlook of a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Outlook {
    /// Of when, RFC 3339.
    #[schemars(with = "String")]
    pub time: Timestamp,
    /// The highest state: `quiet`, `raised` or `listed`.
    pub state: String,
    /// The threat level: `low`, `medium`, `high` or `critical`.
    pub level: String,
    /// What that level stands for.
    pub level_meaning: String,
    /// How likely what is.
    pub odds: Vec<Odds>,
    /// What of ours is listed.
    pub listed: Vec<Listed>,
    /// The next days.
    pub coming: Vec<Coming>,
    /// How they attack.
    pub likely: Vec<Likely>,
    /// `calm`, `watch` or `ready`.
    pub readiness: String,
    /// Until when, RFC 3339.
    pub readiness_until: String,
    /// Why.
    pub readiness_reasons: Vec<String>,
    /// What people do.
    pub checklist: Vec<String>,
    /// How past forecasts did, in words.
    pub record: Vec<String>,
    /// The same in numbers, for plots.
    pub reliability: Vec<Reliability>,
    /// What became of it, where that is known already.
    pub became: Vec<String>,
    /// What else is known.
    pub notes: Vec<String>,
    /// Why there is no newer one, where there should be; empty where there need be none.
    pub stale: String,
}
