//! The Traffic Light Protocol 2.0 (FIRST, August 2022), and who may be given what.
//!
//! Nothing leaves without an [`Audience`]: every way out asks [`Tlp::may_reach`], and what carries no marking is treated as
//! [`Tlp::UNMARKED`], the strictest that still lets the own house work.

use serde::{Deserialize, Serialize};

/// A marking, from the widest to the narrowest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Tlp {
    /// Everybody.
    #[serde(rename = "TLP:CLEAR")]
    Clear,
    /// The community, not in public.
    #[serde(rename = "TLP:GREEN")]
    Green,
    /// The own organisation and its clients.
    #[serde(rename = "TLP:AMBER")]
    Amber,
    /// The own organisation alone.
    #[serde(rename = "TLP:AMBER+STRICT")]
    AmberStrict,
    /// Nobody but who was there.
    #[serde(rename = "TLP:RED")]
    Red,
}

/// Whom something is given to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Everybody: a public page, a press release.
    Public,
    /// Peers and partners, such as other parliaments and CSIRTs.
    Community,
    /// Those whom the own organisation serves: parties, members, suppliers that need it.
    Clients,
    /// The own organisation.
    Organisation,
}

impl Tlp {
    /// What carries no marking is treated so.
    pub const UNMARKED: Self = Self::AmberStrict;
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Clear, Self::Green, Self::Amber, Self::AmberStrict, Self::Red];

    /// Whether somebody may be given it. What is red goes to nobody by a machine.
    #[must_use]
    pub fn may_reach(self, audience: Audience) -> bool {
        match self {
            Self::Clear => true,
            Self::Green => audience >= Audience::Community,
            Self::Amber => audience >= Audience::Clients,
            Self::AmberStrict => audience >= Audience::Organisation,
            Self::Red => false,
        }
    }

    /// `TLP:CLEAR` and so on.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Clear => "TLP:CLEAR",
            Self::Green => "TLP:GREEN",
            Self::Amber => "TLP:AMBER",
            Self::AmberStrict => "TLP:AMBER+STRICT",
            Self::Red => "TLP:RED",
        }
    }

    /// From a label in any case, with or without `tlp:`, blanks and signs between its words; that of version 1 too.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let letters = text.chars().filter(char::is_ascii_alphanumeric).take(32);
        let word: String = letters.map(|letter| letter.to_ascii_lowercase()).collect();
        Some(match word.strip_prefix("tlp").unwrap_or(&word) {
            "clear" | "white" => Self::Clear,
            "green" => Self::Green,
            "amber" => Self::Amber,
            "amberstrict" => Self::AmberStrict,
            "red" | "exchr" => Self::Red,
            _ => return None,
        })
    }

    /// From a tag as MISP has them (`tlp:amber`, in any case); nothing where it is about something else. One of TLP whose word is not known restricts, as
    /// far as anybody can tell, and is taken as [`Tlp::UNMARKED`].
    #[must_use]
    pub fn of_tag(tag: &str) -> Option<Self> {
        let tag = tag.trim();
        let rest = tag.get(..3).filter(|start| start.eq_ignore_ascii_case("tlp")).and(tag.get(3..))?;
        let is_one = rest.chars().next().is_none_or(|next| !next.is_alphanumeric());
        is_one.then(|| Self::of(tag).unwrap_or(Self::UNMARKED))
    }

    /// Of a field that may be empty: what `unmarked` says if it is, and never wider than [`Tlp::UNMARKED`] if its word is not known.
    #[must_use]
    pub fn of_field(text: &str, unmarked: Self) -> Self {
        if text.trim().is_empty() { unmarked } else { Self::of(text).unwrap_or(unmarked.max(Self::UNMARKED)) }
    }

    /// The id of its marking definition in STIX 2.1: TLP 2.0 as published by OASIS with its extension, and those of TLP 1
    /// (STIX 2.1, 7.2.1.4).
    #[must_use]
    pub fn of_marking(id: &str) -> Option<Self> {
        Some(match id {
            "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487"
            | "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9" => Self::Clear,
            "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"
            | "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da" => Self::Green,
            "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421"
            | "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82" => Self::Amber,
            "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003" => Self::AmberStrict,
            "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"
            | "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed" => Self::Red,
            _ => return None,
        })
    }

    /// The id of its marking definition of TLP 2.0.
    #[must_use]
    pub const fn marking(self) -> &'static str {
        match self {
            Self::Clear => "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
            Self::Green => "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
            Self::Amber => "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
            Self::AmberStrict => "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
            Self::Red => "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
        }
    }
}

impl Audience {
    /// From its name.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        Some(match text {
            "public" => Self::Public,
            "community" => Self::Community,
            "clients" => Self::Clients,
            "organisation" => Self::Organisation,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_marking_reaches_whom_it_may() {
        let reaches = |tlp: Tlp| {
            [Audience::Public, Audience::Community, Audience::Clients, Audience::Organisation]
                .map(|who| tlp.may_reach(who))
        };
        assert_eq!(reaches(Tlp::Clear), [true; 4]);
        assert_eq!(reaches(Tlp::Green), [false, true, true, true]);
        assert_eq!(reaches(Tlp::Amber), [false, false, true, true]);
        assert_eq!(reaches(Tlp::AmberStrict), [false, false, false, true]);
        assert_eq!(reaches(Tlp::Red), [false; 4]);
        for tlp in Tlp::ALL {
            assert_eq!((Tlp::of(tlp.label()), Tlp::of_marking(tlp.marking())), (Some(tlp), Some(tlp)));
        }
        assert_eq!(Tlp::of("tlp:white"), Some(Tlp::Clear));
        assert_eq!(Tlp::of("mauve"), None);
    }

    #[test]
    fn however_it_is_written_it_is_not_read_too_widely() {
        for text in [
            "tlp:Amber+Strict",
            "TLP:AMBER+STRICT",
            "amber strict",
            "TLP AMBER_STRICT",
            "tlp=\"amber+strict\"",
        ] {
            assert_eq!(Tlp::of(text), Some(Tlp::AmberStrict), "{text}");
        }
        assert_eq!(Tlp::of_tag("TLP:RED"), Some(Tlp::Red));
        assert_eq!(Tlp::of_tag("tlp:mauve"), Some(Tlp::UNMARKED), "a word that is not known restricts");
        assert_eq!((Tlp::of_tag("tlpx"), Tlp::of_tag("red"), Tlp::of_tag("")), (None, None, None));
        assert_eq!(Tlp::of_field("", Tlp::Clear), Tlp::Clear);
        assert_eq!(Tlp::of_field("TLP:ROT", Tlp::Clear), Tlp::UNMARKED);
        assert_eq!(Tlp::of_field("TLP:ROT", Tlp::Red), Tlp::Red);
    }
}
