//! The few cookies: session, device, theme.
//!
//! `__Host-` binds them to this host and to TLS. `Strict` keeps them at home when another site links here.

use axum::http::{HeaderMap, HeaderValue, header};

/// The cookie of the session.
pub(crate) const SESSION: &str = "__Host-session";
/// The cookie of a known device.
pub(crate) const DEVICE: &str = "__Host-device";
/// The cookie of a sign-in by the provider that is under way.
pub(crate) const TICKET: &str = "__Host-ticket";
/// The cookie of the chosen colours.
pub(crate) const THEME: &str = "__Host-theme";
/// Longest value that is looked at.
const LONGEST_BYTES: usize = 128;

/// What the browser sent.
pub(crate) struct Cookies<'a>(pub(crate) &'a HeaderMap);

impl<'a> Cookies<'a> {
    fn get(&self, name: &str) -> Option<&'a str> {
        let values = self.0.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        values
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(key, value)| *key == name && value.len() <= LONGEST_BYTES)
            .map(|(_, value)| value)
    }

    pub(crate) fn session(&self) -> Option<&'a str> {
        self.get(SESSION)
    }

    pub(crate) fn device(&self) -> Option<&'a str> {
        self.get(DEVICE)
    }

    pub(crate) fn ticket(&self) -> Option<&'a str> {
        self.get(TICKET)
    }

    pub(crate) fn theme(&self) -> &'static str {
        match self.get(THEME) {
            Some("dark") => "dark",
            Some("light") => "light",
            _ => "auto",
        }
    }
}

/// A cookie to be kept or forgotten.
pub(crate) enum Keep<'a> {
    Session(&'a str),
    Device(&'a str, i64),
    Theme(&'a str),
    NoSession,
    Ticket(&'a str, i64),
    NoTicket,
}

impl Keep<'_> {
    pub(crate) fn header(&self) -> HeaderValue {
        let (name, value, age) = match self {
            // No age: the browser forgets it when it closes, the server decides anyway.
            Self::Session(value) => (SESSION, *value, String::new()),
            Self::NoSession => (SESSION, "", "; Max-Age=0".to_owned()),
            Self::Device(value, seconds) => (DEVICE, *value, format!("; Max-Age={seconds}")),
            Self::Theme(value) => (THEME, *value, "; Max-Age=31536000".to_owned()),
            Self::Ticket(value, seconds) => (TICKET, *value, format!("; Max-Age={seconds}")),
            Self::NoTicket => (TICKET, "", "; Max-Age=0".to_owned()),
        };
        // The provider's site leads back here, and that is all that this one cookie is for.
        let site = if matches!(self, Self::Ticket(..) | Self::NoTicket) { "Lax" } else { "Strict" };
        let text = format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite={site}{age}");
        HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_found_by_their_whole_name() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, "x__Host-session=no; a=b".parse().unwrap());
        headers.append(header::COOKIE, "__Host-session=yes; __Host-theme=purple".parse().unwrap());
        let cookies = Cookies(&headers);
        assert_eq!((cookies.session(), cookies.device(), cookies.theme()), (Some("yes"), None, "auto"));
    }

    #[test]
    fn every_cookie_is_bound_to_host_tls_and_site() {
        for keep in [Keep::Session("a"), Keep::NoSession, Keep::Device("a", 5), Keep::Theme("dark")] {
            let header = keep.header();
            let text = header.to_str().unwrap();
            assert!(text.starts_with("__Host-") && !text.contains("Domain"), "{text}");
            assert!(text.contains("; Path=/; Secure; HttpOnly; SameSite=Strict"), "{text}");
        }
        let ticket = Keep::Ticket("a", 600).header();
        assert_eq!(
            ticket.to_str().unwrap(),
            "__Host-ticket=a; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=600",
            "it has to come back from the provider's site, and is worth nothing without what that brings"
        );
    }
}
