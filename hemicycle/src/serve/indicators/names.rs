//! Names that hosts ask for, out of their packets: in a ClientHello of TLS (RFC 6066 section 3) and in a question of DNS (RFC 1035 section 4.1).

use wire::Packet;
use wire::tls::ClientHello;

use super::scout::What;

/// Longest name (RFC 1035 section 2.3.4).
pub(super) const MAXIMUM_NAME_BYTES: usize = 255;
const TCP: u8 = 6;
const UDP: u8 = 17;
const DNS_PORT: u16 = 53;
const DNS_HEADER_BYTES: usize = 12;
const SERVER_NAME: u16 = 0;

/// Whether it is worth a look: a handshake record of TLS, or something for a DNS server.
#[inline]
pub(super) fn may_have_one(packet: &Packet<'_>) -> bool {
    match packet.protocol {
        TCP => matches!(packet.payload, [22, 3, _, _, _, 1, ..]),
        UDP => packet.destination_port == DNS_PORT && packet.payload.len() > DNS_HEADER_BYTES,
        _ => false,
    }
}

/// The name that a packet asks for, in small letters, and how long it is.
pub(super) fn of(packet: &Packet<'_>, buffer: &mut [u8; MAXIMUM_NAME_BYTES]) -> Option<(What, usize)> {
    if packet.protocol == TCP {
        let hello = ClientHello::of_record(packet.payload)?;
        let length = server_name(hello.extension(SERVER_NAME)?, buffer)?;
        return Some((What::TlsName, length));
    }
    Some((What::DnsName, question(packet.payload, buffer)?))
}

/// The first host name of a list of server names.
fn server_name(extension: &[u8], buffer: &mut [u8; MAXIMUM_NAME_BYTES]) -> Option<usize> {
    // Length of the list, type 0, length of the name.
    let [_, _, 0, high, low, name @ ..] = extension else { return None };
    let name = name.get(..usize::from(u16::from_be_bytes([*high, *low])))?;
    let into = buffer.get_mut(..name.len())?;
    into.copy_from_slice(name);
    finish(buffer, name.len())
}

/// The name of the first question. Pointers are not followed: a question has none.
fn question(message: &[u8], buffer: &mut [u8; MAXIMUM_NAME_BYTES]) -> Option<usize> {
    let (flags, questions) = (*message.get(2)?, u16::from_be_bytes([*message.get(4)?, *message.get(5)?]));
    if flags & 0x80 != 0 || questions == 0 {
        return None;
    }
    let (mut rest, mut length) = (message.get(DNS_HEADER_BYTES..)?, 0);
    loop {
        let (&size, after) = rest.split_first()?;
        let size = usize::from(size);
        match size {
            0 => return finish(buffer, length),
            1..=63 => {
                if length > 0 {
                    *buffer.get_mut(length)? = b'.';
                    length += 1;
                }
                buffer.get_mut(length..length + size)?.copy_from_slice(after.get(..size)?);
                length += size;
                rest = after.get(size..)?;
            }
            _ => return None,
        }
    }
}

/// Whether it is a name at all: letters, digits, hyphens, underscores and dots.
fn finish(buffer: &mut [u8; MAXIMUM_NAME_BYTES], length: usize) -> Option<usize> {
    let name = buffer.get_mut(..length)?;
    name.make_ascii_lowercase();
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    (name.contains(&b'.') && name.iter().all(is_name)).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(labels: &[&str]) -> Vec<u8> {
        let mut message = vec![0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in labels {
            message.push(label.len() as u8);
            message.extend(label.as_bytes());
        }
        message.extend([0, 0, 1, 0, 1]);
        message
    }

    fn name(payload: &[u8]) -> Option<String> {
        let packet = Packet { protocol: UDP, destination_port: DNS_PORT, payload, ..Packet::default() };
        let mut buffer = [0; MAXIMUM_NAME_BYTES];
        let (what, length) = of(&packet, &mut buffer).filter(|_| may_have_one(&packet))?;
        assert_eq!(what, What::DnsName);
        Some(String::from_utf8(buffer[..length].to_vec()).unwrap())
    }

    #[test]
    fn a_question_has_a_name_and_what_is_none_has_not() {
        assert_eq!(name(&asked(&["A", "Evil", "Example"])).as_deref(), Some("a.evil.example"));
        assert_eq!(name(&asked(&["evil"])), None, "no dot");
        assert_eq!(name(&asked(&["e vil", "example"])), None);
        let long = "a".repeat(63);
        let long = long.as_str();
        assert_eq!(name(&asked(&[long; 5])), None, "longer than a name can be");
        let mut answer = asked(&["evil", "example"]);
        answer[2] = 0x81;
        assert_eq!(name(&answer), None);
        let pointer = [&asked(&[])[..12], &[0xc0, 12, 0, 1, 0, 1]].concat();
        assert_eq!(name(&pointer), None);
    }

    #[test]
    fn nothing_that_is_cut_off_or_made_up_reads_too_far() {
        let whole = asked(&["some", "long", "name", "example"]);
        for end in 0..whole.len() {
            let _ = name(&whole[..end]);
        }
        for start in 0..=255_u8 {
            let bytes: Vec<u8> = (0..64)
                .map(|number: u8| start.wrapping_mul(31).wrapping_add(number.wrapping_mul(start)))
                .collect();
            let mut buffer = [0; MAXIMUM_NAME_BYTES];
            let _ = (question(&bytes, &mut buffer), server_name(&bytes, &mut buffer));
        }
    }

    #[test]
    fn a_client_of_tls_says_whom_it_wants() {
        let mut buffer = [0; MAXIMUM_NAME_BYTES];
        let extension = [&[0, 15, 0, 0, 12][..], b"Evil.Example"].concat();
        assert_eq!(server_name(&extension, &mut buffer), Some(12));
        assert_eq!(&buffer[..12], b"evil.example");
        assert_eq!(server_name(&[0, 15, 0, 0xff, 0xff, b'a'], &mut buffer), None);
    }
}
