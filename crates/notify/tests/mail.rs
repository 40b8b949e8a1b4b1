//! Mail to relays that follow a script, and to a real one; loopback only.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use common::{PATIENCE, accepted, certificate, hasty, notice, open, until};
use notify::{ChannelKind, ChannelOptions, Login, MailOptions, MailSecurity, Phase, Secret};
use rustls::ServerConfig;

/// What a relay says. A line of the client is answered by the first rule whose beginning fits and that is not used up.
#[derive(Clone)]
struct Script {
    rules: Vec<(&'static str, &'static str, usize)>,
    /// What comes with the answer to STARTTLS, in the clear.
    injected: &'static str,
    tls: Option<Arc<ServerConfig>>,
    tls_at_once: bool,
}

impl Script {
    fn new(rules: &[(&'static str, &'static str, usize)]) -> Self {
        Self { rules: rules.to_vec(), injected: "", tls: None, tls_at_once: false }
    }

    fn answer(&mut self, line: &str) -> &'static str {
        let rule = self.rules.iter_mut().find(|rule| line.starts_with(rule.0) && rule.2 > 0);
        if let Some(rule) = rule {
            rule.2 -= 1;
            return rule.1;
        }
        match line.split([' ', ':']).next().unwrap_or_default() {
            "EHLO" if self.tls.is_some() => "250-relay\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN",
            "EHLO" => "250-relay\r\n250 AUTH PLAIN LOGIN",
            "STARTTLS" => "220 go on",
            "AUTH" => "235 2.7.0 welcome",
            "DATA" => "354 go on",
            "QUIT" => "221 bye",
            _ => "250 2.0.0 fine",
        }
    }
}

/// A relay, and what it was told: lines, mails as one entry each, and where TLS began.
fn relay(script: Script) -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, told) = channel();
    thread::spawn(move || {
        let mut script = script;
        for socket in listener.incoming().flatten() {
            let _ = sender.send("(connected)".to_owned());
            let mut tell = |line: String| sender.send(line).is_ok();
            if script.tls_at_once {
                let tls = script.tls.clone().unwrap();
                talk(accepted(socket, &tls), &mut script, &mut tell, true);
            } else if let Some(socket) = talk(socket, &mut script, &mut tell, true) {
                tell("(tls)".into());
                let tls = script.tls.clone().unwrap();
                talk(accepted(socket, &tls), &mut script, &mut tell, false);
            }
        }
    });
    (address, told)
}

/// One connection until it ends; the socket if TLS comes next.
fn talk<S: Read + Write>(
    stream: S,
    script: &mut Script,
    tell: &mut impl FnMut(String) -> bool,
    greet: bool,
) -> Option<S> {
    let mut reader = BufReader::new(stream);
    if greet {
        reader.get_mut().write_all(b"220-relay\r\n220 ESMTP\r\n").ok()?;
    }
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
        let line = line.trim_end().to_owned();
        let answer = script.answer(&line);
        let is_tls = line == "STARTTLS" && answer.starts_with("220");
        let injected = if is_tls { script.injected } else { "" };
        let is_data = line == "DATA" && answer.starts_with("354");
        tell(line);
        reader.get_mut().write_all(format!("{answer}\r\n{injected}").as_bytes()).ok()?;
        reader.get_mut().flush().ok()?;
        if is_tls {
            return Some(reader.into_inner());
        }
        if is_data {
            let mut mail = String::new();
            while !mail.ends_with("\r\n.\r\n") {
                reader.read_line(&mut mail).ok().filter(|length| *length > 0)?;
            }
            tell(mail);
            let answer = script.answer("(mail)");
            reader.get_mut().write_all(format!("{answer}\r\n").as_bytes()).ok()?;
            reader.get_mut().flush().ok()?;
        }
    }
}

fn options(port: u16) -> MailOptions {
    MailOptions {
        host: "localhost".into(),
        port,
        security: MailSecurity::Plain,
        ca_file: None,
        login: None,
        from: "hemicycle@parliament.example".into(),
        to: vec!["duty@parliament.example".into()],
        hello: "sensor.parliament.example".into(),
        allow_plain: false,
    }
}

fn mail(options: MailOptions) -> ChannelOptions {
    hasty(ChannelKind::Mail(options))
}

fn login() -> Option<Login> {
    Some(Login { user: "hemicycle".into(), password: Secret::Value("correct horse".into()) })
}

fn lines(told: &Receiver<String>) -> Vec<String> {
    let mut lines = Vec::new();
    while lines.last().is_none_or(|line: &String| line != "QUIT") {
        lines.push(told.recv_timeout(PATIENCE).unwrap());
    }
    lines
}

#[test]
fn a_mail_goes_to_a_local_relay_and_its_title_stays_in_its_line() {
    let (address, told) = relay(Script::new(&[]));
    let notifier = open(&[mail(options(address.port()))]);
    let mut notice = notice("a", Phase::Start);
    notice.title = "x\r\nBcc: evil@example.org\r\n\r\nbody".into();
    notice.text = ".\r\n.hidden\r\nQUIT".into();
    notice.services = vec!["www\r\nX-Evil: 1".into()];
    notifier.notify(notice);
    let lines = lines(&told);
    let mail = lines[5].clone();
    let expected = [
        "(connected)",
        "EHLO sensor.parliament.example",
        "MAIL FROM:<hemicycle@parliament.example>",
        "RCPT TO:<duty@parliament.example>",
        "DATA",
        &mail,
        "QUIT",
    ];
    assert_eq!(lines, expected);
    let (head, body) = mail.split_once("\r\n\r\n").unwrap();
    let names: Vec<&str> =
        head.lines().filter_map(|line| line.split_once(": ")).map(|(name, _)| name).collect();
    let fields =
        ["Date", "From", "To", "Subject", "Message-ID", "References", "Auto-Submitted", "MIME-Version"];
    assert_eq!(names, [fields.as_slice(), &["Content-Type", "Content-Transfer-Encoding"]].concat());
    assert!(head.contains("Subject: [hemicycle] critical: x  Bcc: evil@example.org    body\r\n"), "{head}");
    assert!(head.starts_with("Date: Fri, 27 Nov 2026 16:00:00 +0000\r\n"), "{head}");
    assert!(body.contains("\r\n..\r\n..hidden\r\nQUIT\r\n"), "{body}");
    assert!(body.ends_with("\r\n.\r\n") && body.contains("Services: www  X-Evil: 1\r\n"), "{body}");
    until(&notifier, |state| state.sent == 1);
}

#[test]
fn other_letters_are_encoded() {
    let (address, told) = relay(Script::new(&[]));
    let notifier = open(&[mail(options(address.port()))]);
    let mut notice = notice("a", Phase::Start);
    notice.title = "Überlastung der Website des Bundestages ".repeat(5);
    notifier.notify(notice);
    let mail = lines(&told).remove(5);
    assert!(mail.is_ascii() && mail.lines().all(|line| line.len() <= 78), "{mail}");
    assert!(mail.contains("Content-Transfer-Encoding: base64\r\n"));
}

#[test]
fn a_password_goes_only_through_tls() {
    let (file, tls) = certificate("mail");
    for security in [MailSecurity::StartTls, MailSecurity::Tls] {
        let at_once = security == MailSecurity::Tls;
        let (address, told) =
            relay(Script { tls: Some(tls.clone()), tls_at_once: at_once, ..Script::new(&[]) });
        let options =
            MailOptions { security, ca_file: Some(file.clone()), login: login(), ..options(address.port()) };
        let notifier = open(&[mail(options)]);
        notifier.test("channel").unwrap();
        let lines = lines(&told);
        let find = |wanted: &str| lines.iter().position(|line| line.starts_with(wanted));
        // `\0hemicycle\0correct horse`.
        let sign_in = find("AUTH PLAIN AGhlbWljeWNsZQBjb3JyZWN0IGhvcnNl");
        assert!(sign_in.is_some() && sign_in > find("(tls)"), "{lines:?}");
        assert_eq!(find("(tls)").is_some(), !at_once);
        assert!(find("Date: ").is_some_and(|at| lines[at].contains("Subject: [hemicycle] test: info: Test")));
    }
}

#[test]
fn nothing_is_said_to_who_does_not_offer_tls_or_meddles_with_it() {
    let (file, tls) = certificate("mail_meddled");
    let starttls = |port: u16| {
        let security = MailSecurity::StartTls;
        mail(MailOptions { security, ca_file: Some(file.clone()), login: login(), ..options(port) })
    };
    let (address, told) = relay(Script::new(&[]));
    let why = open(&[starttls(address.port())]).test("channel").unwrap_err().to_string();
    assert_eq!(why, "the server does not offer STARTTLS; nothing is sent in the clear");
    let meddled = Script { tls: Some(tls), injected: "250 AUTH PLAIN\r\n", ..Script::new(&[]) };
    let (address, meddled) = relay(meddled);
    let why = open(&[starttls(address.port())]).test("channel").unwrap_err().to_string();
    assert_eq!(why, "STARTTLS: somebody put an answer before TLS began");
    for told in [told, meddled] {
        let heard: Vec<String> = told.try_iter().collect();
        assert!(heard.iter().all(|line| !line.starts_with("AUTH") && !line.starts_with("MAIL")), "{heard:?}");
    }
    let plain = MailOptions { host: "mail.example".into(), ..options(25) };
    assert_eq!(mail(plain).validate()[0].option, "security");
}

#[test]
fn each_recipient_gets_it_once_whoever_must_wait() {
    // Later, for ever, and at once.
    let script = Script::new(&[
        ("RCPT TO:<grey@x.example>", "450 4.2.0 later", 2),
        ("RCPT TO:<gone@x.example>", "550 5.1.1 nobody", 9),
    ]);
    let (address, told) = relay(script);
    let to = ["grey@x.example", "gone@x.example", "duty@x.example"].map(str::to_owned).to_vec();
    let notifier = open(&[mail(MailOptions { to, ..options(address.port()) })]);
    notifier.notify(notice("a", Phase::Start));
    let state = until(&notifier, |state| state.sent == 1);
    assert_eq!((state.failed, state.refused, state.refused_recipients), (2, 0, 1));
    let told: Vec<String> =
        told.try_iter().filter(|line| line.starts_with("RCPT") || line.contains("Subject")).collect();
    let count = |wanted: &str| told.iter().filter(|line| line.starts_with(wanted)).count();
    assert_eq!(
        (count("RCPT TO:<grey"), count("RCPT TO:<gone"), count("RCPT TO:<duty"), count("Date")),
        (3, 1, 1, 2)
    );
}

#[test]
fn refusals_are_final_and_troubles_are_not() {
    for (rule, is_final, words) in [
        (
            ("RCPT", "550 5.7.1 the password is correct horse", 99),
            true,
            "recipient: the server answered 550 5.7.1",
        ),
        (("MAIL", "451 4.3.0 full", 99), false, "sender: the server answered 451 4.3.0"),
        (("AUTH", "535 5.7.8 no", 99), true, "sign-in: the server answered 535 5.7.8"),
        (("AUTH", "334 ", 99), false, "sign-in: the server answered 334"),
        (("(mail)", "554 5.7.1 spam", 99), true, "message: the server answered 554 5.7.1"),
        (("EHLO", "HTTP/1.1 400 Bad Request", 99), false, "greeting: the answer is not one of a mail server"),
        (("EHLO", "250-a\r\n2501 b", 99), false, "greeting: the answer is not one of a mail server"),
    ] {
        let (address, _told) = relay(Script::new(&[rule]));
        let notifier = open(&[mail(MailOptions { login: login(), ..options(address.port()) })]);
        notifier.notify(notice("a", Phase::Start));
        let state = until(&notifier, |state| if is_final { state.refused == 1 } else { state.failed >= 2 });
        assert_eq!(state.last_error.as_deref(), Some(words));
        assert_eq!((state.sent, state.retried > 0), (0, !is_final), "{words}");
    }
}

#[test]
fn a_relay_that_never_ends_its_answer_is_left() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for (index, mut socket) in listener.incoming().flatten().enumerate() {
            let endless: &[u8] = if index == 0 { b"220-more\r\n" } else { b"220 xxxxxxxx" };
            while socket.write_all(endless).is_ok() {}
        }
    });
    let notifier = open(&[mail(options(port))]);
    notifier.notify(notice("a", Phase::Start));
    let mut errors = vec![until(&notifier, |state| state.failed >= 1).last_error.unwrap()];
    errors.push(until(&notifier, |state| state.failed >= 2).last_error.unwrap());
    for error in errors {
        assert!(error.starts_with("greeting: the answer has too "), "{error}");
    }
}

#[test]
fn a_real_server_takes_it() {
    let name = "a_real_server_takes_it";
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut server = Command::new("aiosmtpd");
    server.args(["-n", "-l", &format!("127.0.0.1:{port}"), "-c", "aiosmtpd.handlers.Debugging", "stdout"]);
    server.env("PYTHONUNBUFFERED", "1");
    let Ok(mut server) = server.stdout(Stdio::piped()).stderr(Stdio::null()).spawn() else {
        println!("skipped: {name}: aiosmtpd is not installed");
        return;
    };
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(server.try_wait().unwrap().is_none(), "aiosmtpd ended");
        thread::park_timeout(std::time::Duration::from_millis(20));
    }
    let notifier = open(&[mail(MailOptions { host: "127.0.0.1".into(), ..options(port) })]);
    let mut told = notice("a", Phase::Start);
    told.text = ".\nend".into();
    notifier.notify(told);
    until(&notifier, |state| state.sent == 1);
    server.kill().unwrap();
    let output = server.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("Subject: [hemicycle] critical: syn_flood on www, a\n"), "{text}");
    assert!(text.contains("\n.\nend\n"), "{text}");
}
