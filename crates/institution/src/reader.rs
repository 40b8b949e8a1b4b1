//! From parsed TOML to checked values, collecting what is wrong on the way. Other configuration files of the
//! product are read with it too, so that all of them complain in the same way.
//!
//! Every function that cannot give a value has reported why; callers go on with the rest of the file, so
//! that one run shows everything.

use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use ipnet::IpNet;
use jiff::tz::TimeZone;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::kinds::Choice;
use crate::problem::{Problems, Severity};
use crate::schema::Section;

/// Longest text value, in characters.
pub const MAXIMUM_TEXT_CHARACTERS: usize = 2000;
/// Longest name of a thing in the file, in characters.
pub const MAXIMUM_NAME_CHARACTERS: usize = 64;

const MAPPED: &str = "an IPv4-mapped IPv6 address never stands in a packet";

/// Bytes of the text.
pub type Span = Range<usize>;
/// A value as it was parsed.
pub type Value<'i> = Spanned<DeValue<'i>>;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

/// What has been found so far.
pub struct Reader {
    pub(crate) errors: Problems,
    pub(crate) warnings: Problems,
    pub(crate) time_zone: TimeZone,
}

impl Reader {
    /// Nothing is found yet in this text.
    pub fn new(file_name: &str, text: &str) -> Self {
        let shared: Arc<str> = Arc::from(text);
        Self {
            errors: Problems::new(file_name, shared.clone(), Severity::Error),
            warnings: Problems::new(file_name, shared, Severity::Warning),
            time_zone: TimeZone::UTC,
        }
    }

    /// The document, if it is TOML; else what it breaks has been reported.
    pub fn document<'i>(&mut self, text: &'i str) -> Option<Spanned<DeTable<'i>>> {
        let (document, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            self.error(error.span().unwrap_or(0..0), error.message());
        }
        self.errors.is_empty().then_some(document)
    }

    /// The warnings.
    ///
    /// # Errors
    /// What was reported, if there are errors in it.
    pub fn finish(self) -> Result<Problems, Problems> {
        if self.errors.is_empty() { Ok(self.warnings.finish()) } else { Err(self.errors.finish()) }
    }

    /// Reports an error.
    pub fn error(&mut self, span: Span, message: impl Into<String>) {
        self.errors.add(span, message.into(), None);
    }

    /// Reports an error, and how to put it right.
    pub fn error_with_help(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.errors.add(span, message.into(), Some(help.into()));
    }

    /// Reports what is odd, and how to put it right.
    pub fn warning(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.warnings.add(span, message.into(), Some(help.into()));
    }

    fn wrong_type(&mut self, value: &Value<'_>, expected: &str) {
        let found = value.get_ref().type_str();
        self.error(value.span(), format!("expected {expected}, found {}", with_article(found)));
    }

    /// Reports a word that is not among `known`, with the nearest one or all of them as help.
    pub fn unknown<'n>(
        &mut self,
        span: Span,
        what: &str,
        word: &str,
        known: impl IntoIterator<Item = &'n str>,
    ) {
        let message = format!("{what} `{}`", shortened(word));
        if self.errors.is_full() {
            return self.error(span, message);
        }
        let known: Vec<&str> = known.into_iter().collect();
        match suggestion(word, &known) {
            Some(help) => self.error_with_help(span, message, help),
            None => self.error(span, message),
        }
    }

    /// Opens a table: reports keys that the section does not have, and keys that it lacks.
    pub fn table<'t, 'i>(
        &mut self,
        value: &'t Value<'i>,
        heading: &Span,
        section: &'static Section,
    ) -> Option<Table<'t, 'i>> {
        let Some(items) = value.get_ref().as_table() else {
            self.wrong_type(value, "a table");
            return None;
        };
        Some(self.open(items, heading, section))
    }

    /// Compares the keys of a table with its section, as [`Reader::table`] does.
    pub fn open<'t, 'i>(
        &mut self,
        items: &'t DeTable<'i>,
        heading: &Span,
        section: &'static Section,
    ) -> Table<'t, 'i> {
        let path = section.path.replace("NAME", &shortened(self.errors.text_at(heading)));
        for (key, _) in in_file_order(items) {
            if !section.keys.iter().any(|known| known.name == key.get_ref()) {
                let known = section.keys.iter().map(|known| known.name);
                self.unknown(key.span(), &format!("{path} has no key"), key.get_ref(), known);
            }
        }
        for key in section.keys.iter().filter(|key| key.default.is_none()) {
            if !items.contains_key(key.name) {
                let message = format!("{path} lacks the key `{}`", key.name);
                self.errors.add(heading.clone(), message, (!key.doc.is_empty()).then(|| key.doc.to_owned()));
            }
        }
        Table { items, section }
    }

    /// The values of a list; none if the key is left out.
    pub fn list<'t, 'i>(&mut self, value: Option<&'t Value<'i>>) -> &'t [Value<'i>] {
        let Some(value) = value else { return &[] };
        match value.get_ref().as_array() {
            Some(list) => list.as_ref(),
            None => {
                self.wrong_type(value, "a list");
                &[]
            }
        }
    }

    /// Text that is not empty.
    pub fn text(&mut self, value: &Value<'_>) -> Option<Placed<String>> {
        let Some(text) = value.get_ref().as_str() else {
            self.wrong_type(value, "text");
            return None;
        };
        if text.trim().is_empty() {
            self.error(value.span(), "this must not be empty");
            return None;
        }
        if text.chars().count() > MAXIMUM_TEXT_CHARACTERS {
            self.error(value.span(), format!("this is longer than {MAXIMUM_TEXT_CHARACTERS} characters"));
            return None;
        }
        Some(Placed { value: text.trim().to_owned(), span: value.span() })
    }

    /// Text that may be left out.
    pub fn optional_text(&mut self, value: Option<&Value<'_>>) -> Option<String> {
        self.text(value?).map(|text| text.value)
    }

    /// True or false.
    pub fn flag(&mut self, value: Option<&Value<'_>>) -> Option<bool> {
        let value = value?;
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            self.wrong_type(value, "true or false");
        }
        flag
    }

    /// A number above nought that is finite.
    pub fn rate(&mut self, value: Option<&Value<'_>>) -> Option<f64> {
        let value = value?;
        let number = match value.get_ref() {
            DeValue::Integer(integer) => {
                i64::from_str_radix(integer.as_str(), integer.radix()).ok().map(|integer| integer as f64)
            }
            DeValue::Float(float) => float.as_str().parse::<f64>().ok(),
            _ => {
                self.wrong_type(value, "a number");
                return None;
            }
        };
        let good = number.filter(|number| number.is_finite() && *number > 0.0);
        if good.is_none() {
            self.error_with_help(
                value.span(),
                "this number must be finite and above 0",
                "leave the key out if it is unknown",
            );
        }
        good
    }

    /// A whole number within a range.
    pub fn whole(&mut self, value: &Value<'_>, range: std::ops::RangeInclusive<u32>) -> Option<u32> {
        let Some(integer) = value.get_ref().as_integer() else {
            self.wrong_type(value, "a whole number");
            return None;
        };
        let number = i64::from_str_radix(integer.as_str(), integer.radix()).ok();
        let number =
            number.and_then(|number| u32::try_from(number).ok()).filter(|number| range.contains(number));
        if number.is_none() {
            let (low, high) = range.into_inner();
            self.error(value.span(), format!("this number must be between {low} and {high}"));
        }
        number
    }

    /// One of a closed list of words.
    pub fn choice<T: Copy>(&mut self, value: Option<&Value<'_>>, choices: &[Choice<T>]) -> Option<T> {
        let text = self.text(value?)?;
        let found = choices.iter().find(|choice| choice.word == text.value).map(|choice| choice.value);
        if found.is_none() {
            self.unknown(text.span, "unknown word", &text.value, choices.iter().map(|choice| choice.word));
        }
        found
    }

    /// An address.
    pub fn address(&mut self, value: &Value<'_>) -> Option<Placed<IpAddr>> {
        let text = self.text(value)?;
        let Ok(address) = text.value.parse::<IpAddr>() else {
            let message = format!("`{}` is not an address", shortened(&text.value));
            if text.value.parse::<IpNet>().is_ok() {
                self.error_with_help(text.span, message, "a prefix cannot stand here; list the addresses");
            } else {
                self.error(text.span, message);
            }
            return None;
        };
        self.not_mapped(address, &text.span).then_some(Placed { value: address, span: text.span })
    }

    /// A list of addresses.
    pub fn addresses(&mut self, value: Option<&Value<'_>>) -> Vec<Placed<IpAddr>> {
        self.list(value).iter().filter_map(|value| self.address(value)).collect()
    }

    /// A prefix without host bits, or a single address.
    pub fn network(&mut self, value: &Value<'_>) -> Option<Placed<IpNet>> {
        let text = self.text(value)?;
        let Some(network) = as_network(&text.value) else {
            let message = format!("`{}` is not a prefix", shortened(&text.value));
            self.error_with_help(text.span, message, "write it like \"192.0.2.0/24\" or \"2001:db8::/32\"");
            return None;
        };
        self.good_network(network, text.span)
    }

    /// Refuses networks that mean something else than they look like.
    pub(crate) fn good_network(&mut self, network: IpNet, span: Span) -> Option<Placed<IpNet>> {
        if let IpNet::V6(v6) = network
            && let Some(v4) = v6.addr().to_ipv4_mapped()
        {
            let length = v6.prefix_len().saturating_sub(96);
            let twin = ipnet::Ipv4Net::new(v4, length).unwrap_or_default().trunc();
            self.error_with_help(span, MAPPED, format!("write it as IPv4: {twin}"));
            return None;
        }
        if network.addr() != network.network() {
            let message = format!("`{network}` has bits set behind its prefix length");
            self.error_with_help(span, message, format!("the network is {}", network.trunc()));
            return None;
        }
        Some(Placed { value: network, span })
    }

    /// A list of prefixes or addresses.
    pub fn networks(&mut self, value: Option<&Value<'_>>) -> Vec<Placed<IpNet>> {
        self.list(value).iter().filter_map(|value| self.network(value)).collect()
    }

    fn not_mapped(&mut self, address: IpAddr, span: &Span) -> bool {
        let IpAddr::V6(v6) = address else { return true };
        let Some(v4) = v6.to_ipv4_mapped() else { return true };
        self.error_with_help(span.clone(), MAPPED, format!("write it as IPv4: {v4}"));
        false
    }

    /// Whether a name that the writer chose can be used.
    pub(crate) fn good_name(&mut self, name: &str, span: &Span) -> bool {
        let fits = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
        let problem = if name.is_empty() {
            "a name must not be empty".to_owned()
        } else if name.chars().count() > MAXIMUM_NAME_CHARACTERS {
            format!("a name must not be longer than {MAXIMUM_NAME_CHARACTERS} characters")
        } else if !name.chars().all(fits) || name.parse::<IpAddr>().is_ok() {
            let message = format!("`{name}` cannot be a name");
            self.error_with_help(
                span.clone(),
                message,
                "use ASCII letters, digits, `-`, `_` and `.`; the key `name` or `description` takes any text",
            );
            return false;
        } else {
            return true;
        };
        self.error(span.clone(), problem);
        false
    }
}

/// A prefix, or an address as a network of one.
pub(crate) fn as_network(text: &str) -> Option<IpNet> {
    text.parse::<IpAddr>().map(IpNet::from).or_else(|_| text.parse::<IpNet>()).ok()
}

/// A table whose keys have been compared with its section.
#[derive(Clone, Copy)]
pub struct Table<'t, 'i> {
    items: &'t DeTable<'i>,
    section: &'static Section,
}

impl<'t, 'i> Table<'t, 'i> {
    /// The value of a key of the section.
    pub fn get(&self, key: &str) -> Option<&'t Value<'i>> {
        debug_assert!(self.section.keys.iter().any(|known| known.name == key), "{key} is not in the schema");
        self.items.get(key)
    }
}

/// Keys and values in the order in which they were written.
pub fn in_file_order<'t, 'i>(
    items: &'t DeTable<'i>,
) -> Vec<(&'t Spanned<std::borrow::Cow<'i, str>>, &'t Value<'i>)> {
    let mut order: Vec<_> = items.iter().collect();
    order.sort_by_key(|(key, _)| key.span().start);
    order
}

/// Texts of others are cut before they go into a message; the caret shows the whole.
pub fn shortened(text: &str) -> String {
    const SHOWN: usize = 60;
    if text.chars().count() <= SHOWN {
        return text.to_owned();
    }
    text.chars().take(SHOWN).chain("...".chars()).collect()
}

fn suggestion(word: &str, known: &[&str]) -> Option<String> {
    /// Known words that are listed when none is near, at most.
    const LISTED: usize = 20;
    /// Known words that are compared, at most.
    const COMPARED: usize = 500;
    // Longer words are not names, and the comparison takes the product of the lengths.
    if word.len() <= MAXIMUM_NAME_CHARACTERS {
        let lowered = word.to_lowercase();
        let distance = |candidate: &str| strsim::damerau_levenshtein(&lowered, &candidate.to_lowercase());
        let nearest = known.iter().take(COMPARED).map(|candidate| (distance(candidate), *candidate)).min();
        if let Some((distance, candidate)) = nearest
            && distance * 3 <= candidate.len().max(3)
        {
            return Some(format!("did you mean `{candidate}`?"));
        }
    }
    let all = known.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>();
    (!all.is_empty() && all.len() <= LISTED).then(|| format!("known are {}", all.join(", ")))
}

fn with_article(noun: &str) -> String {
    let article = if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {noun}")
}
