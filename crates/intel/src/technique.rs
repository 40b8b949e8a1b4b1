//! Techniques by their ids: those of MITRE ATT&CK and those of DISARM, which share the letter and differ in the number.
//!
//! Names come from a table that is read (`data/disarm/techniques.tsv` for DISARM); an id without a name is still an id. Names of ATT&CK are not
//! bundled, since its terms are none of the licences that data here has; its ids carry a link.

use std::collections::BTreeMap;

use serde::Serialize;

/// Most techniques of a table.
pub const MAXIMUM_TECHNIQUES: usize = 20_000;
/// Longest name.
const MAXIMUM_NAME: usize = 200;
/// From this number on ids that begin with `T0` are of ATT&CK for industrial control systems.
const FIRST_OF_CONTROL_SYSTEMS: u16 = 800;

/// Whose technique it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
pub enum Framework {
    /// MITRE ATT&CK: what is done to systems.
    #[serde(rename = "ATT&CK")]
    Attack,
    /// DISARM: what is done to what people believe.
    #[serde(rename = "DISARM")]
    Disarm,
}

impl Framework {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Attack => "ATT&CK",
            Self::Disarm => "DISARM",
        }
    }
}

/// A technique or sub-technique: `T1498`, `T1498.001`, `T0143.002`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Id {
    number: u16,
    sub: Option<u16>,
}

impl Id {
    /// From its text; nothing where it is none, such as the id of a group.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let (number, sub) = match text.split_once('.') {
            Some((number, sub)) => (number, Some(digits(sub, 3)?)),
            None => (text, None),
        };
        Some(Self { number: digits(number.strip_prefix('T')?, 4)?, sub })
    }

    /// Whose it is.
    #[must_use]
    pub const fn framework(self) -> Framework {
        if self.number < FIRST_OF_CONTROL_SYSTEMS { Framework::Disarm } else { Framework::Attack }
    }

    /// Where it is described.
    #[must_use]
    pub fn link(self) -> String {
        match (self.framework(), self.sub) {
            (Framework::Disarm, _) => format!(
                "https://github.com/DISARMFoundation/DISARMframeworks/blob/main/generated_pages/techniques/{self}.md"
            ),
            (Framework::Attack, None) => format!("https://attack.mitre.org/techniques/T{:04}/", self.number),
            (Framework::Attack, Some(sub)) => {
                format!("https://attack.mitre.org/techniques/T{:04}/{sub:03}/", self.number)
            }
        }
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "T{:04}", self.number)?;
        self.sub.map_or(Ok(()), |sub| write!(formatter, ".{sub:03}"))
    }
}

fn digits(text: &str, count: usize) -> Option<u16> {
    (text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

/// A technique as it is shown.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Named {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub framework: Framework,
    /// What it is called, if a table says so.
    pub name: Option<String>,
    /// Where it is described.
    pub link: String,
}

/// What techniques are called.
#[derive(Clone, Debug, Default)]
pub struct Names {
    names: BTreeMap<Id, String>,
    /// Rows that name none.
    pub skipped: usize,
}

impl Names {
    /// Reads a table with the columns `id` and `name`, separated by tabs; others are left out.
    pub fn read(&mut self, text: &str) {
        let mut lines = text.lines();
        let header: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
        let column = |name: &str| header.iter().position(|known| *known == name);
        let (Some(id), Some(name)) = (column("id"), column("name")) else {
            self.skipped += 1;
            return;
        };
        for line in lines.filter(|line| !line.trim().is_empty()) {
            let cells: Vec<&str> = line.split('\t').collect();
            let read = cells.get(id).and_then(|id| Id::of(id)).zip(cells.get(name));
            match read {
                Some((id, name)) if self.names.len() < MAXIMUM_TECHNIQUES && !name.trim().is_empty() => {
                    let name = name.trim().chars().filter(|character| !character.is_control());
                    self.names.insert(id, name.take(MAXIMUM_NAME).collect());
                }
                _ => self.skipped += 1,
            }
        }
    }

    /// How many are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether none is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// A technique as it is shown; nothing where the text is no id of one.
    #[must_use]
    pub fn named(&self, text: &str) -> Option<Named> {
        let id = Id::of(text)?;
        Some(Named {
            id: id.to_string(),
            framework: id.framework(),
            name: self.names.get(&id).cloned(),
            link: id.link(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_says_whose_a_technique_is() {
        for (text, framework) in [
            ("T1498", Framework::Attack),
            ("T1498.001", Framework::Attack),
            ("T0814", Framework::Attack),
            ("T0002", Framework::Disarm),
            ("T0143.002", Framework::Disarm),
        ] {
            let id = Id::of(text).unwrap();
            assert_eq!((id.framework(), id.to_string().as_str()), (framework, text));
        }
        for text in
            ["G0007", "T14", "T14981", "T1498.", "T1498.1", "T1498.0011", "t1498", "T+123", "T1498.001.2", ""]
        {
            assert!(Id::of(text).is_none(), "{text}");
        }
        assert!(Id::of("T1498.001").unwrap().link().ends_with("/T1498/001/"));
        assert!(Id::of("T0143.002").unwrap().link().ends_with("/T0143.002.md"));
    }

    #[test]
    fn the_shipped_table_has_a_name_for_every_technique_of_disarm_in_the_profiles() {
        let mut names = Names::default();
        names.read(include_str!("../../../data/disarm/techniques.tsv"));
        assert_eq!((names.len(), names.skipped), (391, 0));
        let profiles = crate::profile::read(include_str!("../../../data/foresee/profiles.json")).unwrap();
        let mut of_disarm = 0;
        for id in profiles.iter().flat_map(|profile| &profile.techniques) {
            if let Some(named) = names.named(id).filter(|named| named.framework == Framework::Disarm) {
                assert!(named.name.is_some(), "{id}");
                of_disarm += 1;
            }
        }
        assert!(of_disarm >= 4);
        assert_eq!(names.named("T1498").unwrap().name, None, "names of ATT&CK are not bundled");
    }

    #[test]
    fn broken_tables_cost_their_rows() {
        let mut names = Names::default();
        names.read("id\tname\nT0002\tA\x07b\nX\ty\nT0003\nT0004\t \n");
        assert_eq!((names.len(), names.skipped), (1, 3));
        assert_eq!(names.named("T0002").unwrap().name.as_deref(), Some("Ab"));
        names.read("nothing");
        assert_eq!(names.skipped, 4);
    }
}
