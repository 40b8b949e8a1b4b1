//! Any bytes as the first record of a TLS connection: no panic, what is read lies in the record, and a fingerprint has its
//! form.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::tls::{ClientHello, Ja4, MAX_LISTED, Transport};

fuzz_target!(|data: &[u8]| {
    let Some(hello) = ClientHello::of_record(data) else { return };
    let (ciphers, extensions) = (hello.ciphers().count(), hello.extensions().count());
    assert!(2 * ciphers + 4 * extensions <= data.len());
    assert!(hello.protocols().map(|name| name.len() + 1).sum::<usize>() <= data.len());
    let listed = |values: &mut dyn Iterator<Item = u16>| {
        values.filter(|value| value & 0x0f0f != 0x0a0a || value >> 8 != value & 0xff).count()
    };
    let is_short = listed(&mut hello.ciphers()) <= MAX_LISTED
        && listed(&mut hello.extensions().map(|extension| extension.0)) <= MAX_LISTED;
    for transport in [Transport::Tcp, Transport::Quic] {
        let print = Ja4::of(&hello, transport);
        assert_eq!(print.is_some(), is_short);
        let Some(print) = print else { continue };
        let text = print.as_str();
        assert_eq!(text.len(), 36);
        assert!(text.starts_with(if transport == Transport::Quic { 'q' } else { 't' }));
        let parts: Vec<_> = text.split('_').collect();
        assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [10, 12, 12], "{text}");
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'), "{text}");
    }
});
