//! Roles. What each may do stands in the table of routes, nowhere else.

use serde::{Deserialize, Serialize};

/// What an account is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks.
    Viewer,
    /// Looks, writes notes, reads the ledger.
    Analyst,
    /// Acts on floods, once there is something to act with.
    Operator,
    /// Manages people and settings.
    Administrator,
    /// Looks at who looked at what, reports and erases what is held about a person; manages nothing.
    DataProtection,
}

impl Role {
    /// Every role, the least first.
    pub const ALL: [Self; 5] =
        [Self::Viewer, Self::Analyst, Self::Operator, Self::Administrator, Self::DataProtection];

    /// The word in files, forms and the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Analyst => "analyst",
            Self::Operator => "operator",
            Self::Administrator => "administrator",
            Self::DataProtection => "data_protection",
        }
    }

    /// The word on pages.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Viewer => "Viewer",
            Self::Analyst => "Analyst",
            Self::Operator => "Operator",
            Self::Administrator => "Administrator",
            Self::DataProtection => "Data protection",
        }
    }

    /// One sentence for the form that gives the role.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::Viewer => "sees services, floods and sensors",
            Self::Analyst => "also writes notes and reads the ledger",
            Self::Operator => "also acts on floods",
            Self::Administrator => "also manages people and settings",
            Self::DataProtection => {
                "sees what is kept and who looked, and answers to persons: reports and erasures"
            }
        }
    }

    /// The role of a word.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// A set of roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles(u8);

impl Roles {
    /// Everybody who has an account.
    pub const EVERYBODY: Self = Self(0b11111);
    /// Who works on floods.
    pub const ANALYSTS: Self = Self(0b01110);
    /// Who reads the ledger.
    pub const AUDITORS: Self = Self(0b11110);
    /// Who answers to persons for what is kept about them.
    pub const GUARDIANS: Self = Self(0b11000);
    /// Who manages.
    pub const ADMINISTRATORS: Self = Self(0b01000);

    /// Whether a role is one of these.
    #[must_use]
    pub const fn has(self, role: Role) -> bool {
        self.0 & (1 << role as u8) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_and_sets_hold_what_they_say() {
        for role in Role::ALL {
            assert_eq!(Role::named(role.name()), Some(role));
            assert!(Roles::EVERYBODY.has(role));
        }
        assert_eq!(Role::named("root"), None);
        let held = |roles: Roles| Role::ALL.into_iter().filter(|role| roles.has(*role)).collect::<Vec<_>>();
        assert_eq!(held(Roles::ADMINISTRATORS), [Role::Administrator]);
        assert_eq!(held(Roles::ANALYSTS), [Role::Analyst, Role::Operator, Role::Administrator]);
        assert_eq!(held(Roles::AUDITORS).len(), 4);
    }
}
