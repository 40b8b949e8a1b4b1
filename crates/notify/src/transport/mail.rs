//! Mail to a relay (RFC 5321), with TLS, STARTTLS or, on this machine, without.
//!
//! Each recipient gets a message once: one that the relay wants to have asked for again later (greylisting) is asked for
//! alone. Where a relay hangs up between the end of the message and its answer, nobody knows whether it has it; it is sent
//! again, with the same `Message-ID`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::ClientConfig;

use super::connection::Connection;
use super::reply::{Dialogue, Reply};
use super::{Failure, Progress, TransportError, message, trust};
use crate::delivery::Delivery;
use crate::options::{MailOptions, MailSecurity};

/// The way to a relay.
pub(crate) struct Mail {
    host: String,
    port: u16,
    security: MailSecurity,
    tls: Option<Arc<ClientConfig>>,
    login: Option<(String, String)>,
    from: String,
    to: Vec<String>,
    hello: String,
    timeout: Duration,
}

impl std::fmt::Debug for Mail {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Mail").field("target", &self.target()).finish_non_exhaustive()
    }
}

impl Mail {
    pub(super) fn open(options: &MailOptions, timeout: Duration) -> Result<Self, TransportError> {
        let tls = match options.security {
            MailSecurity::Plain => None,
            _ => Some(trust::configuration(options.ca_file.as_deref())?),
        };
        let login = match &options.login {
            Some(login) => Some((login.user.clone(), login.password.read()?)),
            None => None,
        };
        if login.as_ref().is_some_and(|(_, password)| password.contains('\0') || password.is_empty()) {
            return Err(TransportError::Unfit {
                option: "password",
                why: "it is empty or holds a NUL".into(),
            });
        }
        Ok(Self {
            host: options.host.clone(),
            port: options.port,
            security: options.security,
            tls,
            login,
            from: options.from.clone(),
            to: options.to.clone(),
            // An address greets as a literal (RFC 5321 section 4.1.3).
            hello: match options.hello.parse() {
                Ok(std::net::IpAddr::V4(address)) => format!("[{address}]"),
                Ok(std::net::IpAddr::V6(address)) => format!("[IPv6:{address}]"),
                Err(_) => options.hello.clone(),
            },
            timeout,
        })
    }

    pub(super) fn target(&self) -> String {
        format!("smtp://{}:{}", self.host, self.port)
    }

    pub(super) fn send(&self, delivery: &Delivery, now: i64, progress: &mut Progress) -> Result<(), Failure> {
        let mut dialogue = self.greet()?;
        good(dialogue.say(&format!("MAIL FROM:<{}>", self.from), "sender")?, "sender")?;
        let (accepted, last) = self.recipients(&mut dialogue, progress)?;
        if accepted != 0 {
            good(dialogue.say("DATA", "message")?, "message")?;
            let mail = message::compose(delivery, now, &self.from, &self.to);
            good(dialogue.send(&message::stuffed(&mail), "message")?, "message")?;
            progress.settled |= accepted;
        }
        // It has the message; a relay that fails now fails in vain.
        let _ = dialogue.say("QUIT", "end");
        let everybody = (1u64 << self.to.len().min(63)) - 1;
        match last {
            None => Ok(()),
            Some(failure) if progress.settled != everybody => Err(Failure { is_permanent: false, ..failure }),
            Some(failure) if progress.refused == everybody => Err(failure),
            Some(_) => Ok(()),
        }
    }

    /// Connects and signs in.
    fn greet(&self) -> Result<Dialogue, Failure> {
        let mut connection = Connection::open(&self.host, self.port, Instant::now() + self.timeout)?;
        if let (MailSecurity::Tls, Some(tls)) = (self.security, &self.tls) {
            connection = connection.secure(&self.host, tls)?;
        }
        let mut dialogue = Dialogue::new(connection);
        good(dialogue.reply("greeting")?, "greeting")?;
        let hello = format!("EHLO {}", self.hello);
        let mut offers = good(dialogue.say(&hello, "greeting")?, "greeting")?;
        if let (MailSecurity::StartTls, Some(tls)) = (self.security, &self.tls) {
            if offer(&offers, "STARTTLS").is_none() {
                return Err(Failure::temporary(
                    "the server does not offer STARTTLS; nothing is sent in the clear",
                ));
            }
            good(dialogue.say("STARTTLS", "STARTTLS")?, "STARTTLS")?;
            dialogue = dialogue.secure(&self.host, tls)?;
            offers = good(dialogue.say(&hello, "greeting")?, "greeting")?;
        }
        if let Some((user, password)) = &self.login {
            sign_in(&mut dialogue, &offers, user, password)?;
        }
        Ok(dialogue)
    }

    /// Names those who are not settled. Gives which were accepted, and the last refusal.
    fn recipients(
        &self,
        dialogue: &mut Dialogue,
        progress: &mut Progress,
    ) -> Result<(u64, Option<Failure>), Failure> {
        let (mut accepted, mut last) = (0, None);
        for (index, address) in self.to.iter().enumerate() {
            let bit = 1u64 << index.min(63);
            if progress.settled & bit != 0 {
                continue;
            }
            let reply = dialogue.say(&format!("RCPT TO:<{address}>"), "recipient")?;
            if reply.is_good() {
                accepted |= bit;
                continue;
            }
            let failure = reply.failure("recipient");
            if failure.is_permanent {
                progress.settled |= bit;
                progress.refused |= bit;
            }
            last = Some(failure);
        }
        Ok((accepted, last))
    }
}

fn good(reply: Reply, stage: &str) -> Result<Reply, Failure> {
    if reply.is_good() { Ok(reply) } else { Err(reply.failure(stage)) }
}

/// The words after a keyword that the server offers.
fn offer<'a>(offers: &'a Reply, keyword: &str) -> Option<&'a str> {
    offers.lines.iter().skip(1).find_map(|line| {
        let (word, rest) = line.split_once([' ', '=']).unwrap_or((line, ""));
        word.eq_ignore_ascii_case(keyword).then_some(rest)
    })
}

/// `AUTH PLAIN` (RFC 4616) or, where a server offers nothing better, `AUTH LOGIN`.
fn sign_in(dialogue: &mut Dialogue, offers: &Reply, user: &str, password: &str) -> Result<(), Failure> {
    const STAGE: &str = "sign-in";
    let methods = offer(offers, "AUTH").unwrap_or_default();
    let has = |method: &str| methods.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case(method));
    let reply = if has("PLAIN") {
        let secret = STANDARD.encode(format!("\0{user}\0{password}").as_bytes());
        dialogue.say(&format!("AUTH PLAIN {secret}"), STAGE)?
    } else if has("LOGIN") {
        good(dialogue.say("AUTH LOGIN", STAGE)?, STAGE)?;
        good(dialogue.say(&STANDARD.encode(user.as_bytes()), STAGE)?, STAGE)?;
        dialogue.say(&STANDARD.encode(password.as_bytes()), STAGE)?
    } else {
        return Err(Failure::temporary("sign-in: the server offers neither PLAIN nor LOGIN"));
    };
    // 334 asks for more, and there is no more.
    if reply.code == 235 { Ok(()) } else { Err(reply.failure(STAGE)) }
}
