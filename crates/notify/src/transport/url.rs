//! Addresses of the web, as far as a webhook needs them: `http` or `https`, a host, a port, a path with a query.

use std::net::{IpAddr, Ipv6Addr};

use crate::limits::MAX_URL_BYTES;

/// Where to post.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) is_tls: bool,
    /// Without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Begins with `/`. Secret.
    pub(crate) path: String,
}

impl Url {
    /// Host and port as a `Host` field has them.
    pub(crate) fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let usual = if self.is_tls { 443 } else { 80 };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }

    /// What may be shown.
    pub(crate) fn shown(&self) -> String {
        format!("{}://{}", if self.is_tls { "https" } else { "http" }, self.authority())
    }
}

/// Reads one.
///
/// # Errors
/// What is wrong with it, without showing it.
pub(crate) fn parse(text: &str, allow_plain: bool) -> Result<Url, &'static str> {
    if text.len() > MAX_URL_BYTES {
        return Err("it is too long");
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("it holds spaces or letters outside ASCII; write them with % or xn--");
    }
    let (is_tls, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        _ => return Err("it must begin with https:// or http://"),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if path.contains('#') {
        return Err("what follows # is never sent");
    }
    if authority.contains('@') {
        return Err("a user in it is not possible");
    }
    let (host, port) = split(authority).ok_or("its host or port is wrong")?;
    let port = match port {
        None => {
            if is_tls {
                443
            } else {
                80
            }
        }
        Some(digits) => digits.parse().ok().filter(|port| *port != 0).ok_or("its port is wrong")?,
    };
    if !is_tls && !allow_plain && !is_loopback(host) {
        return Err("it leads to another machine in the clear; use https://, or say allow_plain if it may");
    }
    let slash = if path.starts_with('/') { "" } else { "/" };
    Ok(Url { is_tls, host: host.to_owned(), port, path: format!("{slash}{path}") })
}

fn split(authority: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        host.parse::<Ipv6Addr>().ok()?;
        return match rest {
            "" => Some((host, None)),
            _ => Some((host, Some(rest.strip_prefix(':')?))),
        };
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    is_host(host).then_some((host, port))
}

/// Whether a text is the name or the address of a machine.
pub(crate) fn is_host(text: &str) -> bool {
    let is_name = |text: &str| {
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
                && !label.starts_with('-')
        };
        text.len() <= 253 && text.strip_suffix('.').unwrap_or(text).split('.').all(label)
    };
    text.parse::<IpAddr>().is_ok() || is_name(text)
}

/// Whether it is surely this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let read = |text: &str| {
            parse(text, true).map(|url| (url.shown(), url.port, url.path.clone())).map_err(str::to_owned)
        };
        assert_eq!(
            read("https://a.example/x/y?z=1"),
            Ok(("https://a.example".into(), 443, "/x/y?z=1".into()))
        );
        assert_eq!(read("http://a.example:8080"), Ok(("http://a.example:8080".into(), 8080, "/".into())));
        assert_eq!(
            read("https://[2001:db8::1]:8443?q"),
            Ok(("https://[2001:db8::1]:8443".into(), 8443, "/?q".into()))
        );
        assert_eq!(read("http://[::1]/"), Ok(("http://[::1]".into(), 80, "/".into())));
        for wrong in [
            "ftp://a.example/",
            "https://",
            "https:///x",
            "https://u:p@a.example/",
            "https://a.example:0/",
            "https://a.example:70000/",
            "https://a b.example/",
            "https://a.example/\r\nX: y",
            "https://a.example/#x",
            "https://[::1/",
            "https://[a]/",
            "https://[::1]8/",
            "https://ä.example/",
            "https://-a.example/",
            "https://a..b/",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert!(parse(&format!("https://a.example/{}", "x".repeat(2_000)), true).is_err());
    }

    #[test]
    fn in_the_clear_only_to_this_machine() {
        for (text, is_fit) in [
            ("http://127.0.0.1:1/", true),
            ("http://localhost/", true),
            ("http://[::1]/", true),
            ("http://127.example/", false),
            ("http://192.0.2.1/", false),
            ("http://localhost.example/", false),
        ] {
            assert_eq!(parse(text, false).is_ok(), is_fit, "{text}");
        }
    }
}
