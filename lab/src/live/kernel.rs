//! What the kernel says of UDP sockets of this network namespace.

use std::fs;

/// Datagrams that the kernel dropped at sockets bound to this port (all of them, IPv4 and IPv6), since they were opened.
/// `None`: nobody is bound to it.
pub(crate) fn drops(port: u16) -> Option<u64> {
    let mut total = None;
    for file in ["/proc/net/udp", "/proc/net/udp6"] {
        let text = fs::read_to_string(file).unwrap_or_default();
        for found in text.lines().skip(1).filter_map(|line| of_line(line, port)) {
            total = Some(total.unwrap_or(0) + found);
        }
    }
    total
}

/// A line of /proc/net/udp: the second word is the local address with the port in hexadecimal, the last one the drops.
fn of_line(line: &str, port: u16) -> Option<u64> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let bound = words.get(1)?.rsplit(':').next()?;
    if u16::from_str_radix(bound, 16).ok()? != port {
        return None;
    }
    words.last()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drops_of_a_port_are_read() {
        let line =
            "  123: 0100007F:0807 00000000:0000 07 00000000:00000000 00:00000000 00000000  0  0 42 2 0 17";
        assert_eq!(of_line(line, 2055), Some(17));
        assert_eq!(of_line(line, 2056), None);
        assert_eq!(of_line("sl local_address", 2055), None);
    }
}
