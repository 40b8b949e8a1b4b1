//! The ticket of one sign-in, from which everything about it follows under a secret of this run.

use ring::{digest, hmac};

use super::encode::base64url;
use crate::people::secret::{hex, random};

/// A sign-in takes no longer.
pub(crate) const TICKET_SECONDS: i64 = 600;

/// A random ticket with its time.
pub(super) fn new(now_seconds: i64) -> Result<String, ()> {
    let random = random::<24>().map_err(|_| ())?;
    Ok(format!("{}-{now_seconds}", hex(&random)))
}

/// Whether it is young enough.
pub(super) fn is_fresh(ticket: &str, now_seconds: i64) -> bool {
    let made = ticket.split_once('-').and_then(|(_, seconds)| seconds.parse::<i64>().ok());
    made.is_some_and(|made| (0..=TICKET_SECONDS).contains(&now_seconds.saturating_sub(made)))
}

/// What belongs to a ticket for one purpose: 43 characters that nobody can work out who has not the secret.
pub(super) fn derive(secret: &hmac::Key, purpose: &str, ticket: &str) -> String {
    base64url(hmac::sign(secret, format!("{purpose} {ticket}").as_bytes()).as_ref())
}

/// RFC 7636 section 4.2.
pub(super) fn challenge(verifier: &str) -> String {
    base64url(digest::digest(&digest::SHA256, verifier.as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_good_for_ten_minutes_and_each_purpose_has_its_own_word() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
        let (one, two) = (new(1_000).unwrap(), new(1_000).unwrap());
        assert_ne!(one, two);
        assert!(
            is_fresh(&one, 1_000) && is_fresh(&one, 1_600) && !is_fresh(&one, 1_601) && !is_fresh(&one, 999)
        );
        assert!(!is_fresh("", 0) && !is_fresh("abc", 0) && !is_fresh("a-b", 0));
        assert_ne!(derive(&key, "state", &one), derive(&key, "nonce", &one));
        assert_ne!(derive(&key, "state", &one), derive(&key, "state", &two));
        assert_eq!(derive(&key, "verifier", &one).len(), 43);
    }

    #[test]
    fn the_challenge_is_that_of_rfc_7636() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(challenge(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
