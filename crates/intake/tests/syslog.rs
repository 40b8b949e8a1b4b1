//! Syslog from real senders, loopback only.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

use std::{
    fs,
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use intake::syslog::{Syslog, SyslogCounters, SyslogError, SyslogOptions, TlsOptions, Transport};

const PATIENCE: Duration = Duration::from_secs(20);
const HERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

fn options() -> SyslogOptions {
    SyslogOptions::new(vec!["127.0.0.1/32".parse().unwrap()])
}

fn listening(syslog: &Syslog, transport: Transport) -> SocketAddr {
    syslog.listening().iter().find(|(found, _)| *found == transport).unwrap().1
}

/// Receives until something is so.
fn until(syslog: &mut Syslog, is_so: impl Fn(&SyslogCounters) -> bool) -> Vec<(Transport, String)> {
    let started = Instant::now();
    let mut all = Vec::new();
    while !is_so(&syslog.counters()) {
        assert!(started.elapsed() < PATIENCE, "{:?}", syslog.counters());
        syslog
            .receive(Duration::from_millis(10), &mut |message| {
                assert_eq!(message.sender, wire::Address::from(IpAddr::V4(Ipv4Addr::LOCALHOST)));
                all.push((message.transport, String::from_utf8_lossy(message.bytes).into_owned()));
            })
            .unwrap();
    }
    all
}

fn logger(to: SocketAddr, more: &[&str]) -> bool {
    let mut command = Command::new("logger");
    command.args(["--server", &to.ip().to_string(), "--port", &to.port().to_string(), "--tag", "nginx"]);
    match command.args(more).status() {
        Ok(status) => {
            assert!(status.success());
            true
        }
        Err(_) => false,
    }
}

#[test]
fn messages_of_logger_come_by_udp_and_tcp() {
    let mut syslog = Syslog::open(&SyslogOptions { udp: vec![HERE], tcp: vec![HERE], ..options() }).unwrap();
    let (udp, tcp) = (listening(&syslog, Transport::Udp), listening(&syslog, Transport::Tcp));
    if !logger(udp, &["--udp", "GET /one"]) {
        println!("skipped: messages_of_logger_come_by_udp_and_tcp: logger is not installed");
        return;
    }
    logger(tcp, &["--tcp", "GET /two"]);
    logger(tcp, &["--tcp", "--octet-count", "--rfc5424", "GET /three"]);
    let mut all = until(&mut syslog, |counters| counters.messages == 3 && counters.open_connections == 0);
    all.sort_by(|a, b| {
        (a.1.contains("three"), a.1.contains("two")).cmp(&(b.1.contains("three"), b.1.contains("two")))
    });
    for ((transport, text), (expected, end)) in
        all.iter().zip([(Transport::Udp, "/one"), (Transport::Tcp, "/two"), (Transport::Tcp, "/three")])
    {
        assert_eq!(*transport, expected);
        assert!(text.starts_with('<') && text.contains("nginx") && text.ends_with(end), "{text}");
    }
    let counters = syslog.counters();
    assert_eq!(
        (counters.connections, counters.malformed, counters.unfinished, counters.errors),
        (2, 0, 0, 0)
    );
}

/// A certificate of its own authority, made for the test.
fn credentials(test: &str) -> Option<TlsOptions> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("syslog-{test}"));
    fs::create_dir_all(&folder).unwrap();
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ])
        .args([
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output();
    match made {
        Ok(output) => {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            Some(TlsOptions { certificate, key })
        }
        Err(_) => {
            println!("skipped: {test}: openssl is not installed");
            None
        }
    }
}

fn openssl(to: SocketAddr, certificate: &PathBuf, version: &str, text: &str) -> std::process::Child {
    let mut child = Command::new("openssl")
        .args([
            "s_client",
            "-quiet",
            "-verify_return_error",
            "-verify_ip",
            "127.0.0.1",
            version,
            "-connect",
            &to.to_string(),
        ])
        .arg("-CAfile")
        .arg(certificate)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    child
}

#[test]
fn messages_come_by_tls() {
    let Some(credentials) = credentials("messages_come_by_tls") else { return };
    let certificate = credentials.certificate.clone();
    let mut syslog =
        Syslog::open(&SyslogOptions { tls: vec![HERE], credentials: Some(credentials), ..options() })
            .unwrap();
    let to = listening(&syslog, Transport::Tls);
    for (at, version) in ["-tls1_2", "-tls1_3"].into_iter().enumerate() {
        let long = "x".repeat(40_000);
        let text = format!("10 <13>one: 140007 <13>two{long}<13>three\n");
        let mut child = openssl(to, &certificate, version, &text);
        let wanted = 3 * (at as u64 + 1);
        let all = until(&mut syslog, |counters| counters.messages == wanted);
        assert!(all.iter().all(|(transport, _)| *transport == Transport::Tls));
        assert_eq!(all[0].1, "<13>one: 1");
        assert_eq!(all[1].1.len(), 40_007);
        assert_eq!(all[2].1, "<13>three");
        child.kill().unwrap();
        child.wait().unwrap();
    }
    // What is no TLS costs its connection.
    let mut plain = TcpStream::connect(to).unwrap();
    plain.write_all(b"<13>this is not encrypted\n").unwrap();
    until(&mut syslog, |counters| counters.tls_failures == 1 && counters.open_connections == 0);
    assert_eq!(syslog.counters().messages, 6);
}

#[test]
fn nobody_else_is_heard() {
    let other: Vec<ipnet::IpNet> = vec!["192.0.2.0/24".parse().unwrap()];
    let mut syslog =
        Syslog::open(&SyslogOptions { udp: vec![HERE], tcp: vec![HERE], senders: other, ..options() })
            .unwrap();
    let socket = UdpSocket::bind(HERE).unwrap();
    socket.send_to(b"<13>forged", listening(&syslog, Transport::Udp)).unwrap();
    let mut stream = TcpStream::connect(listening(&syslog, Transport::Tcp)).unwrap();
    stream.write_all(b"<13>line\n").unwrap();
    let all = until(&mut syslog, |counters| {
        counters.undeclared_datagrams == 1 && counters.undeclared_connections == 1
    });
    assert!(all.is_empty());
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)), "closed");
    // Declared, it is heard.
    syslog.declare(vec!["127.0.0.0/8".parse().unwrap()]);
    socket.send_to(b"<13>heard", listening(&syslog, Transport::Udp)).unwrap();
    assert_eq!(until(&mut syslog, |counters| counters.messages == 1)[0].1, "<13>heard");
}

#[test]
fn connections_are_bounded_and_silent_ones_end() {
    let limits = SyslogOptions { connections: 2, idle: Duration::from_millis(300), ..options() };
    let mut syslog = Syslog::open(&SyslogOptions { tcp: vec![HERE], ..limits }).unwrap();
    let to = listening(&syslog, Transport::Tcp);
    let mut streams: Vec<TcpStream> = (0..3).map(|_| TcpStream::connect(to).unwrap()).collect();
    until(&mut syslog, |counters| counters.connections == 2 && counters.refused_connections == 1);
    streams[0].write_all(b"<13>unfinished").unwrap();
    let mut all = until(&mut syslog, |counters| counters.idle_connections == 2);
    all.extend(until(&mut syslog, |counters| counters.open_connections == 0));
    assert_eq!(all.last().unwrap().1, "<13>unfinished", "what a line had is not lost");
    streams.push(TcpStream::connect(to).unwrap());
    streams[3].write_all(b"<13>there is room again\n").unwrap();
    until(&mut syslog, |counters| counters.messages == 2);
}

#[test]
fn a_fast_sender_waits_and_others_are_heard() {
    let mut syslog = Syslog::open(&SyslogOptions { tcp: vec![HERE], ..options() }).unwrap();
    let to = listening(&syslog, Transport::Tcp);
    let lines = 200_000;
    let sending = std::thread::spawn(move || {
        let mut stream = TcpStream::connect(to).unwrap();
        let piece = "<13>a line of a fast sender\n".repeat(1_000);
        (0..lines / 1_000).for_each(|_| stream.write_all(piece.as_bytes()).unwrap());
    });
    let mut other = TcpStream::connect(to).unwrap();
    other.write_all(b"<13>other\n").unwrap();
    let all = until(&mut syslog, |counters| counters.messages == lines + 1);
    sending.join().unwrap();
    let at = all.iter().position(|(_, text)| text == "<13>other").unwrap();
    assert!(at < lines as usize / 2, "the other one had its turn at {at}");
    assert!(syslog.counters().full_reads > 0);
}

#[test]
fn what_cannot_be_opened_is_named() {
    let refused = |options: SyslogOptions| Syslog::open(&options).unwrap_err();
    assert!(matches!(refused(options()), SyslogError::NothingToListenOn));
    assert!(matches!(
        refused(SyslogOptions { tcp: vec![HERE], senders: vec![], ..options() }),
        SyslogError::NoSenders
    ));
    assert!(matches!(refused(SyslogOptions { tls: vec![HERE], ..options() }), SyslogError::NoCredentials));
    let nowhere = TlsOptions { certificate: "/nowhere/certificate".into(), key: "/nowhere/key".into() };
    let error = refused(SyslogOptions { tls: vec![HERE], credentials: Some(nowhere), ..options() });
    assert!(error.to_string().contains("/nowhere/certificate"), "{error}");
    let taken = std::net::TcpListener::bind(HERE).unwrap();
    let error = refused(SyslogOptions { tcp: vec![taken.local_addr().unwrap()], ..options() });
    assert!(error.to_string().contains(&taken.local_addr().unwrap().to_string()), "{error}");
}
