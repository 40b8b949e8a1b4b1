//! Senders that nobody declared, proposed for the institution file.
//!
//! Only those whose datagrams agree with an export protocol are proposed, each once, a few at a time: over UDP anybody
//! can make up senders, and the log is for people.

use std::collections::BTreeSet;

use intake::collect::{UndeclaredSender, merge_undeclared};
use wire::Address;

use super::shared::{Shared, WorkerReport};

/// Proposals of one look.
const MOST_AT_ONCE: usize = 5;
/// Senders that are remembered as proposed; after that many nothing is proposed any more.
const MOST_EVER: usize = 256;

/// Who was proposed already.
#[derive(Default)]
pub(super) struct Proposals {
    proposed: BTreeSet<Address>,
}

impl Proposals {
    /// Texts for the log, about those who are new.
    pub(super) fn look(&mut self, shared: &Shared) -> Vec<String> {
        let reports: Vec<WorkerReport> = shared.workers.iter().map(|slot| slot.read()).collect();
        let senders = merge_undeclared(reports.iter().flat_map(|report| report.undeclared_senders.clone()));
        self.of(&senders)
    }

    fn of(&mut self, senders: &[UndeclaredSender]) -> Vec<String> {
        let mut texts = Vec::new();
        for sender in senders {
            let Some(protocol) = sender.protocol else { continue };
            if texts.len() >= MOST_AT_ONCE || self.proposed.len() >= MOST_EVER {
                break;
            }
            if self.proposed.insert(sender.address) {
                let (address, name) = (sender.address, protocol.name());
                texts.push(format!(
                    "undeclared: {address} sends {name} and is not believed; if it is yours, declare it:\n    \
                     [exporter.NAME]\n    address = \"{address}\""
                ));
            }
        }
        texts
    }
}

#[cfg(test)]
mod tests {
    use wire::Time;
    use wire::flow::Protocol;

    use super::*;

    fn sender(last: u8, protocol: Option<Protocol>) -> UndeclaredSender {
        let address = Address::from_ipv4([203, 0, 113, last]);
        let (first, last) = (Time::default(), Time::default());
        UndeclaredSender { address, datagrams: 3, bytes: 300, first, last, protocol }
    }

    #[test]
    fn every_exporter_is_proposed_once_and_a_few_at_a_time() {
        let mut senders: Vec<_> = (1..=12).map(|last| sender(last, Some(Protocol::Ipfix))).collect();
        senders.push(sender(99, None));
        let mut proposals = Proposals::default();
        let counts: Vec<usize> = (0..4).map(|_| proposals.of(&senders).len()).collect();
        assert_eq!(counts, [5, 5, 2, 0]);
        let text = Proposals::default().of(&senders[..1]).remove(0);
        assert!(
            text.contains("203.0.113.1 sends IPFIX") && text.contains("address = \"203.0.113.1\""),
            "{text}"
        );
    }
}
