//! What fields are called: variables of nginx, keys of JSON logs, columns. One table, since they borrow from each other.

use super::field::{Field, Unit};

/// Longest name that is looked up; none of the table is longer.
const MAX_NAME_BYTES: usize = 40;

/// What a name means, and how good it is among names of the same meaning: the highest rank of a line counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Known {
    pub(super) field: Field,
    pub(super) rank: u8,
}

const fn known(field: Field, rank: u8) -> Option<Known> {
    Some(Known { field, rank })
}

const NANOSECONDS: Field = Field::Duration(Unit::Nanoseconds);
const MICROSECONDS: Field = Field::Duration(Unit::Microseconds);
const MILLISECONDS: Field = Field::Duration(Unit::Milliseconds);
const SECONDS: Field = Field::Duration(Unit::Seconds);
const END: Field = Field::Time { is_begin: false };
const BEGIN: Field = Field::Time { is_begin: true };

/// What a field of this name is. Upper and lower case are the same, and so are `-` and `_`.
pub(super) fn of(name: &[u8]) -> Option<Known> {
    // The one name whose case has a meaning: of Traefik it is in nanoseconds, elsewhere in seconds.
    if name == b"Duration" {
        return known(NANOSECONDS, 9);
    }
    let mut buffer = [0_u8; MAX_NAME_BYTES];
    let lower = buffer.get_mut(..name.len())?;
    for (to, from) in lower.iter_mut().zip(name) {
        *to = if *from == b'-' { b'_' } else { from.to_ascii_lowercase() };
    }
    let lower = &*lower;
    who(lower)
        .or_else(|| what(lower))
        .or_else(|| answer(lower))
        .or_else(|| when(lower))
        .or_else(|| header(lower))
}

fn who(name: &[u8]) -> Option<Known> {
    match name {
        b"clienthost" => known(Field::Client, 9),
        b"remote_addr" | b"client_ip" | b"c_ip" => known(Field::Client, 6),
        b"remote_ip" | b"clientip" | b"client" | b"remote_host" | b"source_ip" => known(Field::Client, 4),
        b"clientaddr" | b"ip" | b"realip_remote_addr" | b"binary_remote_addr" => known(Field::Client, 2),
        b"http_x_forwarded_for" | b"cs(x_forwarded_for)" => known(Field::ForwardedFor, 9),
        b"x_forwarded_for" | b"xff" | b"forwarded_for" | b"request_x_forwarded_for" => {
            known(Field::ForwardedFor, 6)
        }
        b"http_forwarded" | b"forwarded" => known(Field::ForwardedFor, 3),
        b"proxy_add_x_forwarded_for" => known(Field::ForwardedFor, 1),
        _ => None,
    }
}

fn what(name: &[u8]) -> Option<Known> {
    match name {
        b"requesthost" => known(Field::Host, 9),
        b"host" | b"cs(host)" | b"cs_host" => known(Field::Host, 6),
        b"http_host" | b"vhost" | b"virtual_host" | b"x_host_header" | b"authority" => known(Field::Host, 5),
        b"requestaddr" | b"domain" => known(Field::Host, 3),
        b"server_name" => known(Field::Host, 2),
        b"request" | b"request_line" | b"http_request" => known(Field::RequestLine, 6),
        b"requestmethod" => known(Field::Method, 9),
        b"request_method" | b"method" | b"cs_method" => known(Field::Method, 6),
        b"http_method" | b"verb" => known(Field::Method, 4),
        b"requestpath" => known(Field::Target, 9),
        b"request_uri" => known(Field::Target, 6),
        b"cs_uri_stem" | b"url" | b"request_url" | b"target" => known(Field::Target, 5),
        b"uri" | b"document_uri" | b"cs_uri" | b"path" | b"request_path" => known(Field::Target, 3),
        b"args" | b"query_string" | b"query" | b"cs_uri_query" => known(Field::Query, 6),
        b"requestprotocol" => known(Field::Version, 9),
        b"server_protocol" | b"protocol" | b"proto" | b"cs_version" | b"cs_protocol_version" => {
            known(Field::Version, 6)
        }
        b"http_version" => known(Field::Version, 4),
        b"http_referer" | b"cs(referer)" => known(Field::Referrer, 9),
        b"referer" | b"referrer" | b"http_referrer" | b"request_referer" => known(Field::Referrer, 6),
        b"http_user_agent" | b"cs(user_agent)" => known(Field::Agent, 9),
        b"user_agent" | b"useragent" | b"agent" | b"request_user_agent" => known(Field::Agent, 6),
        _ => None,
    }
}

fn answer(name: &[u8]) -> Option<Known> {
    match name {
        b"downstreamstatus" => known(Field::Status, 9),
        b"status" | b"sc_status" => known(Field::Status, 6),
        b"status_code" | b"response_code" | b"http_status" | b"response" => known(Field::Status, 4),
        b"originstatus" => known(Field::Status, 2),
        b"downstreamcontentsize" => known(Field::ResponseBytes, 9),
        b"bytes_sent" | b"sc_bytes" => known(Field::ResponseBytes, 6),
        b"body_bytes_sent" | b"size" | b"response_bytes" | b"response_size" => known(Field::ResponseBytes, 4),
        b"bytes" | b"bytes_out" => known(Field::ResponseBytes, 2),
        b"requestcontentsize" => known(Field::RequestBytes, 9),
        b"request_length" | b"cs_bytes" | b"request_bytes" => known(Field::RequestBytes, 6),
        b"bytes_read" | b"bytes_received" | b"bytes_in" => known(Field::RequestBytes, 4),
        b"duration_ns" => known(NANOSECONDS, 6),
        b"duration_us" | b"request_time_us" => known(MICROSECONDS, 6),
        b"duration_ms" | b"request_time_ms" => known(MILLISECONDS, 6),
        b"request_time" | b"duration" => known(SECONDS, 6),
        b"time_taken" => known(Field::Duration(Unit::Taken), 6),
        b"response_time" => known(SECONDS, 1),
        b"upstream_response_time" | b"upstream_time" => known(Field::Upstream, 6),
        b"request_completion" => known(Field::Completion, 6),
        b"upstream_cache_status" => known(Field::Cache, 9),
        b"cache_status" | b"x_edge_result_type" | b"cache" | b"x_cache" => known(Field::Cache, 6),
        _ => None,
    }
}

fn when(name: &[u8]) -> Option<Known> {
    match name {
        b"startutc" => known(BEGIN, 9),
        b"startlocal" => known(BEGIN, 8),
        b"msec" => known(END, 7),
        b"time_iso8601" | b"@timestamp" | b"timestamp" | b"ts" => known(END, 6),
        b"time" | b"time_local" | b"datetime" | b"date_time" | b"epoch" => known(END, 5),
        b"date" => known(Field::Date, 1),
        _ => None,
    }
}

/// What the site calls the fingerprints of TLS clients differs, but their names are in it.
fn header(name: &[u8]) -> Option<Known> {
    let has = |word: &[u8]| name.windows(word.len()).any(|part| part == word);
    if has(b"ja4") {
        known(Field::Fingerprint, 6)
    } else if has(b"ja3") {
        known(Field::Fingerprint, 4)
    } else {
        None
    }
}

/// What a header of the request is. Whoever sends a request chooses its headers, so that only these four count.
pub(super) fn request_header(name: &[u8]) -> Option<Known> {
    let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
    if is("user-agent") {
        known(Field::Agent, 9)
    } else if is("referer") {
        known(Field::Referrer, 9)
    } else if is("x-forwarded-for") {
        known(Field::ForwardedFor, 9)
    } else if is("forwarded") {
        known(Field::ForwardedFor, 3)
    } else if is("host") {
        known(Field::Host, 5)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_however_they_are_written() {
        let field = |name: &str| of(name.as_bytes()).map(|known| known.field);
        assert_eq!(field("cs(User-Agent)"), Some(Field::Agent));
        assert_eq!(field("HTTP_USER_AGENT"), Some(Field::Agent));
        assert_eq!(field("http_ssl_ja3"), Some(Field::Fingerprint));
        assert_eq!(field("Duration"), Some(NANOSECONDS));
        assert_eq!(field("duration"), Some(SECONDS));
        assert_eq!(field("connection"), None);
        assert_eq!(field(&"x".repeat(41)), None);
    }

    #[test]
    fn a_header_that_is_named_like_a_field_is_none() {
        for name in ["Status", "Time", "Client-IP", "Method"] {
            assert_eq!(request_header(name.as_bytes()), None);
        }
    }
}
