//! Syslog over loopback: datagrams, streams, TLS.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod common;

use std::io::Read;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use common::{PATIENCE, accepted, certificate, hasty, notice, open, until};
use notify::{ChannelKind, ChannelOptions, Phase, SyslogOptions, SyslogTransport};

fn channel(host: &str, port: u16, transport: SyslogTransport) -> ChannelOptions {
    hasty(ChannelKind::Syslog(SyslogOptions::new(host, port, transport)))
}

/// The messages of a stream with counted octets.
fn messages(mut bytes: &[u8]) -> Vec<String> {
    let mut messages = Vec::new();
    while !bytes.is_empty() {
        let space = bytes.iter().position(|&byte| byte == b' ').unwrap();
        let length: usize = std::str::from_utf8(&bytes[..space]).unwrap().parse().unwrap();
        let (message, rest) = bytes[space + 1..].split_at(length);
        messages.push(String::from_utf8(message.to_vec()).unwrap());
        bytes = rest;
    }
    messages
}

#[test]
fn a_datagram_has_one_message_and_a_refusal_is_noticed() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let port = socket.local_addr().unwrap().port();
    let notifier = open(&[channel("127.0.0.1", port, SyslogTransport::Udp)]);
    let mut told = notice("a", Phase::Start);
    told.title = "one\ntwo".into();
    notifier.notify(told);
    let mut buffer = [0; 4_096];
    let length = socket.recv(&mut buffer).unwrap();
    let text = std::str::from_utf8(&buffer[..length]).unwrap();
    assert!(
        text.starts_with("<130>1 2026-11-27T16:00:00.000Z hemicycle hemicycle - notice [hemicycle@32473 "),
        "{text}"
    );
    assert!(
        text.contains("] critical: one two: 210,000 packets a second.; ") && !text.contains('\n'),
        "{text}"
    );
    until(&notifier, |state| state.sent == 1);
    drop(socket);
    notifier.notify(notice("b", Phase::Start));
    let state = until(&notifier, |state| state.failed > 0);
    assert_eq!((state.sent, state.dropped), (1, 0));
}

#[test]
fn a_stream_counts_octets_and_one_that_is_cut_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let SocketAddr::V4(address) = listener.local_addr().unwrap() else { panic!() };
    let notifier = open(&[channel("127.0.0.1", address.port(), SyslogTransport::Tcp)]);
    let mut told = notice("a", Phase::Start);
    told.title = "überall".into();
    notifier.notify(told);
    // Closed with unread bytes: the system resets the connection.
    let (mut first, _) = listener.accept().unwrap();
    first.read_exact(&mut [0; 1]).unwrap();
    drop(first);
    let (mut second, _) = listener.accept().unwrap();
    let mut bytes = Vec::new();
    second.read_to_end(&mut bytes).unwrap();
    drop(second);
    let messages = messages(&bytes);
    assert_eq!(messages.len(), 1);
    assert!(messages[0].contains("] \u{feff}critical: überall: "), "{}", messages[0]);
    let state = until(&notifier, |state| state.sent == 1);
    assert_eq!((state.failed, state.retried), (1, 1));
}

#[test]
fn tls_carries_it_and_a_wrong_name_does_not() {
    let (file, tls) = certificate("syslog");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let options = |host: &str| {
        let mut options = SyslogOptions::new(host, port, SyslogTransport::Tls);
        options.ca_file = Some(file.clone());
        hasty(ChannelKind::Syslog(options))
    };
    let server = std::thread::spawn(move || {
        let mut all = Vec::new();
        for _ in 0..2 {
            let (socket, _) = listener.accept().unwrap();
            let mut bytes = Vec::new();
            let _ = accepted(socket, &tls).read_to_end(&mut bytes);
            all.extend(messages(&bytes));
        }
        all
    });
    let wrong = open(&[options("127.0.0.1")]);
    let why = wrong.test("channel").unwrap_err().to_string();
    assert!(why.starts_with("TLS: invalid peer certificate"), "{why}");
    let right = open(&[options("localhost")]);
    right.notify(notice("a", Phase::Start));
    until(&right, |state| state.sent == 1);
    let messages = server.join().unwrap();
    assert_eq!(messages.len(), 1);
    assert!(messages[0].contains("subject=\"a\""));
}
