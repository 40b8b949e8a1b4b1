//! One sign-in: name, password and code together, one answer for whatever was wrong.

use std::net::IpAddr;

use super::password::{Cost, Hashed, LONGEST_PASSWORD_BYTES};
use super::secret::digest;
use super::throttle::Source;
use super::totp::step_of;
use super::{Account, People, Result, Started, accounts};

/// What somebody typed, and from where.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The name of the account.
    pub name: String,
    /// The password.
    pub password: String,
    /// The code of the app, or a recovery code.
    pub code: String,
    /// The cookie of the device, if it has one.
    pub device: Option<String>,
    /// The address it comes from.
    pub address: IpAddr,
    /// What the browser calls itself.
    pub agent: String,
}

/// Why somebody is not signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Name, password or code is wrong; which one is not said.
    Wrong,
    /// Too many tries; the next one after so many seconds.
    Wait(i64),
}

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// Who.
    pub account: Account,
    /// What the browser keeps.
    pub started: Started,
    /// Whether a recovery code was used up, which is worth telling.
    pub by_recovery_code: bool,
}

impl People {
    /// Whether an attempt comes from a device that signed in to this account before.
    pub fn is_known(&self, attempt: &Attempt) -> Result<bool> {
        match &attempt.device {
            Some(device) => self.knows_device(device, &attempt.name),
            None => Ok(false),
        }
    }

    /// Tries to sign in. Takes as long as one password's hash whatever was wrong.
    pub fn sign_in(&self, attempt: &Attempt) -> Result<std::result::Result<SignedIn, Refusal>> {
        let now = self.now();
        let source = match attempt.device.as_deref().filter(|_| self.is_known(attempt).unwrap_or(false)) {
            Some(device) => Source::Device(digest("device", device)),
            None => Source::address(attempt.address),
        };
        if let Err(seconds) = self.throttle().ask(&source, &attempt.name, now) {
            return Ok(Err(Refusal::Wait(seconds)));
        }
        let Some((account, by_recovery_code)) = self.prove(attempt, now)? else {
            self.throttle().failed(&source, &attempt.name, now);
            return Ok(Err(Refusal::Wrong));
        };
        let started =
            self.start_session(&account, &attempt.address.to_canonical().to_string(), &attempt.agent)?;
        Ok(Ok(SignedIn { account, started, by_recovery_code }))
    }

    /// The account, if password and code are both right; and whether the code was a recovery code.
    fn prove(&self, attempt: &Attempt, now: i64) -> Result<Option<(Account, bool)>> {
        let found =
            if accounts::acceptable(&attempt.name).is_ok() { self.credentials(&attempt.name)? } else { None };
        if attempt.password.len() > LONGEST_PASSWORD_BYTES {
            return Ok(None);
        }
        let Some(found) = found else {
            // As much work as for a name that there is, so that the time tells nothing.
            nobody(self.policy.cost).is(&attempt.password)?;
            return Ok(None);
        };
        if !found.password.is(&attempt.password)? || found.account.disabled {
            return Ok(None);
        }
        // Codes are looked at only after the password, so that nobody can use them up who does not have it.
        if let Some(step) = step_of(&found.secret, &attempt.code, now, found.last_step)
            && attempt.code.chars().filter(char::is_ascii_alphabetic).count() == 0
        {
            return Ok(self.take_step(found.account.id, step)?.then_some((found.account, false)));
        }
        let used = self.use_recovery_code(found.account.id, &attempt.code)?;
        Ok(used.then_some((found.account, true)))
    }
}

fn nobody(cost: Cost) -> Hashed {
    Hashed { salt: vec![0; 16], hash: vec![0; 32], cost }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{member, people};
    use super::super::{Role, code_at};
    use super::*;

    const PASSWORD: &str = "correct horse battery";

    fn attempt(name: &str, password: &str, code: &str) -> Attempt {
        let (name, password, code) = (name.into(), password.into(), code.into());
        Attempt { name, password, code, device: None, address: [192, 0, 2, 1].into(), agent: String::new() }
    }

    #[test]
    fn password_and_code_are_both_needed_and_no_code_is_good_twice() {
        let (hand, people) = people();
        let (_, secret) = member(&hand, &people, "ada", Role::Viewer, None);
        let code = code_at(&secret, hand.now());
        for (name, password, code) in [
            ("ada", "wrong", code.as_str()),
            ("ada", PASSWORD, ""),
            ("ada", PASSWORD, "000000"),
            ("eve", PASSWORD, &code),
        ] {
            let refused = people.sign_in(&attempt(name, password, code)).unwrap();
            assert_eq!(refused.err(), Some(Refusal::Wrong), "{name} {password} {code}");
        }
        let signed_in = people.sign_in(&attempt("Ada", PASSWORD, &code)).unwrap().unwrap();
        assert!(people.session(&signed_in.started.token).unwrap().is_some());
        assert_eq!(
            people.sign_in(&attempt("ada", PASSWORD, &code)).unwrap().err(),
            Some(Refusal::Wrong),
            "replayed"
        );
        hand.clone().on(30);
        assert!(people.sign_in(&attempt("ada", PASSWORD, &code_at(&secret, hand.now()))).unwrap().is_ok());
    }

    #[test]
    fn a_recovery_code_signs_in_once() {
        let (hand, people) = people();
        let (ada, _) = member(&hand, &people, "ada", Role::Viewer, None);
        let codes = people.new_recovery_codes(ada.id).unwrap();
        assert_eq!(people.sign_in(&attempt("ada", "wrong", &codes[0])).unwrap().err(), Some(Refusal::Wrong));
        assert!(people.sign_in(&attempt("ada", PASSWORD, &codes[0])).unwrap().unwrap().by_recovery_code);
        assert!(people.sign_in(&attempt("ada", PASSWORD, &codes[0])).unwrap().is_err());
    }

    #[test]
    fn a_known_device_signs_in_while_its_address_and_account_are_under_fire() {
        let (hand, people) = people();
        let (_, secret) = member(&hand, &people, "duty", Role::Operator, None);
        let first =
            people.sign_in(&attempt("duty", PASSWORD, &code_at(&secret, hand.now()))).unwrap().unwrap();
        hand.clone().on(60);
        let mut waits = 0;
        for _ in 0..40 {
            let refused = people.sign_in(&attempt("duty", "guess", "123456")).unwrap();
            waits += i32::from(matches!(refused, Err(Refusal::Wait(_))));
        }
        assert_eq!(waits, 30);
        let code = code_at(&secret, hand.now());
        let stranger = attempt("duty", PASSWORD, &code);
        assert!(matches!(people.sign_in(&stranger).unwrap(), Err(Refusal::Wait(_))));
        let known = Attempt { device: Some(first.started.device), ..stranger };
        assert!(people.sign_in(&known).unwrap().is_ok());
    }
}
