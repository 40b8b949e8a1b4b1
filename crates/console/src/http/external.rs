//! Floods that others saw: who may tell of them, and what is made of what they say.
//!
//! A signed webhook carries `Hemicycle-Signature: t=SECONDS,v1=HEX`, where HEX is the HMAC-SHA-256 under the shared secret
//! of `SECONDS.BODY`. A signature is good for [`SIGNATURE_SECONDS`] each way and once.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ring::hmac;
use serde::Serialize;
use serde_json::Value;

use crate::options::Signer;

/// Seconds that the sender's clock may differ.
pub(crate) const SIGNATURE_SECONDS: i64 = 300;
/// Most signatures that are remembered; when there are more in ten minutes, further ones are refused.
pub(crate) const MAXIMUM_SIGNATURES: usize = 8_192;
/// Most floods of one message.
const MAXIMUM_ALERTS: usize = 256;
/// Longest text that is kept of what others say, in characters.
const LONGEST_TEXT_CHARACTERS: usize = 200;

/// A flood that somebody else saw.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExternalFlood {
    /// Who told of it: the name of the signer or of the token.
    pub told_by: String,
    /// `fastnetmon` or `alertmanager`.
    pub form: &'static str,
    /// Whether it is over.
    pub over: bool,
    /// The address that it goes to, where one is named.
    pub address: Option<IpAddr>,
    /// The service that it goes to, where one is named (label `service`).
    pub service: Option<String>,
    /// What kind it is, in the words of who told of it.
    pub vector: Option<String>,
    /// Packets a second, as told.
    pub packets_per_second: Option<f64>,
    /// Bits a second, as told.
    pub bits_per_second: Option<f64>,
    /// Whether it leaves the institution instead of coming in.
    pub outgoing: bool,
    /// A name for it that stays the same from message to message.
    pub id: Option<String>,
    /// A sentence of who told of it.
    pub summary: Option<String>,
}

/// Signatures that were used.
#[derive(Default)]
pub(crate) struct Replays(BTreeMap<Vec<u8>, i64>);

impl Replays {
    /// Takes a signature, once.
    fn take(&mut self, tag: &[u8], now: i64) -> bool {
        if self.0.len() >= MAXIMUM_SIGNATURES {
            self.0.retain(|_, until| *until >= now);
        }
        if self.0.len() >= MAXIMUM_SIGNATURES || self.0.contains_key(tag) {
            return false;
        }
        // Until a message with this time would be too old whatever the sender's clock says.
        self.0.insert(tag.to_vec(), now + 2 * SIGNATURE_SECONDS);
        true
    }
}

/// Who signed a message, if somebody did, lately, and for the first time.
pub(crate) fn verify_signature(
    signers: &[Signer],
    replays: &mut Replays,
    header: &str,
    body: &[u8],
    now: i64,
) -> Option<String> {
    let mut parts = header.split(',').filter_map(|part| part.trim().split_once('='));
    let (_, time) = parts.next().filter(|(name, _)| *name == "t")?;
    let (_, signature) = parts.next().filter(|(name, _)| *name == "v1")?;
    let seconds: i64 = time.parse().ok()?;
    if (seconds.checked_sub(now)?).abs() > SIGNATURE_SECONDS {
        return None;
    }
    let tag = unhex(signature)?;
    let message = [time.as_bytes(), b".", body].concat();
    let signer = signers.iter().find(|signer| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &signer.secret);
        hmac::verify(&key, &message, &tag).is_ok()
    })?;
    replays.take(&tag, now).then(|| signer.name.clone())
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 64 {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.as_bytes().chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

fn text(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let plain: String =
        text.chars().filter(|letter| !letter.is_control()).take(LONGEST_TEXT_CHARACTERS).collect();
    (!plain.is_empty()).then_some(plain)
}

fn number(value: &Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    (number.is_finite() && number >= 0.0).then_some(number)
}

impl ExternalFlood {
    /// One message of FastNetMon (`notify_json`), Community or Advanced.
    pub(crate) fn of_fastnetmon(value: &Value, told_by: &str) -> Option<Self> {
        let details =
            if value["attack_details"].is_object() { &value["attack_details"] } else { &value["details"] };
        let address = value["ip"].as_str()?.parse().ok()?;
        let outgoing =
            text(&details["attack_direction"]).is_some_and(|way| way.eq_ignore_ascii_case("outgoing"));
        let way = if outgoing { "outgoing" } else { "incoming" };
        let total = |what: &str| number(&details[format!("total_{way}_{what}").as_str()]);
        let action = text(&value["action"]).unwrap_or_default();
        Some(Self {
            told_by: told_by.to_owned(),
            form: "fastnetmon",
            over: action == "unban",
            address: Some(address),
            service: None,
            vector: text(&details["attack_type"]).or_else(|| text(&details["attack_protocol"])),
            packets_per_second: total("pps").or_else(|| number(&details["attack_power"])),
            bits_per_second: total("traffic_bits").or_else(|| total("traffic").map(|bytes| bytes * 8.0)),
            outgoing,
            id: text(&details["attack_uuid"]).or_else(|| text(&value["attack_uuid"])),
            summary: text(&value["alert_scope"]),
        })
    }

    /// The alerts of one message of Alertmanager (version 4 of its webhook).
    pub(crate) fn of_alertmanager(value: &Value, told_by: &str) -> Option<Vec<Self>> {
        let alerts = value["alerts"].as_array()?;
        let flood = |alert: &Value| {
            let (labels, notes) = (&alert["labels"], &alert["annotations"]);
            // `instance` is often `address:port`.
            let place = text(&labels["address"]).or_else(|| text(&labels["instance"]));
            let address = place.as_deref().and_then(|place| {
                place
                    .parse()
                    .ok()
                    .or_else(|| place.parse().ok().map(|socket: std::net::SocketAddr| socket.ip()))
            });
            Self {
                told_by: told_by.to_owned(),
                form: "alertmanager",
                over: alert["status"] == "resolved",
                address,
                service: text(&labels["service"]),
                vector: text(&labels["vector"]).or_else(|| text(&labels["alertname"])),
                packets_per_second: number(&notes["packets_per_second"]),
                bits_per_second: number(&notes["bits_per_second"]),
                outgoing: false,
                id: text(&alert["fingerprint"]),
                summary: text(&notes["summary"]),
            }
        };
        Some(alerts.iter().take(MAXIMUM_ALERTS).filter(|alert| alert.is_object()).map(flood).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::people::secret::hex;
    use super::*;

    fn signed(secret: &[u8], time: i64, body: &[u8]) -> String {
        let message = [time.to_string().as_bytes(), b".", body].concat();
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), &message);
        format!("t={time},v1={}", hex(tag.as_ref()))
    }

    #[test]
    fn a_signature_is_good_once_lately_and_for_its_body_only() {
        let signers = [Signer { name: "edge".into(), secret: b"0123456789abcdef".to_vec() }];
        let mut replays = Replays::default();
        let mut check =
            |header: &str, body: &[u8], now| verify_signature(&signers, &mut replays, header, body, now);
        let good = signed(b"0123456789abcdef", 1_000, b"{}");
        assert_eq!(check(&good, b"{ }", 1_000), None, "another body");
        assert_eq!(check(&signed(b"another secret!!", 1_000, b"{}"), b"{}", 1_000), None);
        assert_eq!(check(&good.replace("t=1000", "t=1001"), b"{}", 1_000), None, "another time");
        assert_eq!(check(&good, b"{}", 1_301), None, "too old");
        assert_eq!(check(&good, b"{}", 699), None, "from the future");
        assert_eq!(check(&good, b"{}", 1_010).as_deref(), Some("edge"));
        assert_eq!(check(&good, b"{}", 1_020), None, "replayed");
        for broken in ["", "t=,v1=", "v1=00,t=1", "t=1000", "t=9223372036854775807,v1=00", "t=1000,v1=zz"] {
            assert_eq!(check(broken, b"{}", 1_000), None, "{broken}");
        }
    }

    #[test]
    fn remembered_signatures_are_bounded_and_fail_closed() {
        let mut replays = Replays::default();
        let taken =
            (0..MAXIMUM_SIGNATURES + 10).filter(|number| replays.take(&number.to_be_bytes(), 0)).count();
        assert_eq!(taken, MAXIMUM_SIGNATURES);
        assert!(replays.take(b"later", 2 * SIGNATURE_SECONDS + 1));
    }

    #[test]
    fn fastnetmon_says_where_to_and_how_much() {
        let message = json!({"ip": "192.0.2.10", "action": "ban", "attack_details": {"attack_type": "syn_flood",
            "attack_direction": "incoming", "attack_power": 900, "total_incoming_pps": 210000,
            "total_incoming_traffic": 1000, "attack_uuid": "a-b"}});
        let flood = ExternalFlood::of_fastnetmon(&message, "edge").unwrap();
        assert_eq!(flood.address, Some([192, 0, 2, 10].into()));
        assert_eq!((flood.packets_per_second, flood.bits_per_second), (Some(210_000.0), Some(8_000.0)));
        assert_eq!((flood.over, flood.outgoing, flood.vector.as_deref()), (false, false, Some("syn_flood")));
        assert!(ExternalFlood::of_fastnetmon(&json!({"ip": "nowhere"}), "edge").is_none());
        assert!(ExternalFlood::of_fastnetmon(&json!([1]), "edge").is_none());
    }

    #[test]
    fn alertmanager_says_several_things_at_once() {
        let message = json!({"version": "4", "alerts": [
            {"status": "firing", "labels": {"alertname": "SynFlood", "instance": "[2001:db8::1]:443"},
             "annotations": {"packets_per_second": "1e5", "summary": "a\u{0}b"}, "fingerprint": "f"},
            {"status": "resolved", "labels": {"service": "www"}}, 5]});
        let floods = ExternalFlood::of_alertmanager(&message, "prom").unwrap();
        assert_eq!(floods.len(), 2);
        assert_eq!(floods[0].address, Some("2001:db8::1".parse().unwrap()));
        assert_eq!((floods[0].packets_per_second, floods[0].summary.as_deref()), (Some(1e5), Some("ab")));
        assert!(floods[1].over && floods[1].service.as_deref() == Some("www"));
        assert!(ExternalFlood::of_alertmanager(&json!({}), "prom").is_none());
    }
}
