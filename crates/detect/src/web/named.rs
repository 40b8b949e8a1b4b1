//! Which services there are: those of an institution, those that a log names, and addresses where any is looked at.

use wire::Address;

use super::calendar::Calendar;
use super::service::Service;
use super::{MAXIMUM_SERVICES, WebDetector};
use crate::event::{Target, TargetKind};

impl WebDetector {
    /// The same for the services of an institution: connections to other addresses are not looked at.
    pub fn of_institution(institution: &institution::Institution, key: [u8; 16]) -> Self {
        let mut detector = Self::new(key);
        detector.watches_all = false;
        detector.replace_institution(institution);
        detector
    }

    /// The number of a service with this name, for [`WebDetector::observe`]. Its addresses are shown with its events, and
    /// connections to them are its own. `None`: there are too many.
    pub fn service(&mut self, name: &str, addresses: &[Address]) -> Option<u32> {
        if let Some(&index) = self.by_name.get(name.as_bytes()) {
            return Some(index);
        }
        let texts: Vec<_> = addresses.iter().map(|address| address.to_ip().to_string()).collect();
        let target = Target { kind: TargetKind::Service, name: name.to_owned(), addresses: texts };
        let index = self.add(target)?;
        self.by_name.insert(name.as_bytes().into(), index);
        for &address in addresses {
            self.by_address.entry(address).or_insert(index);
        }
        Some(index)
    }

    /// The number of the service at an address: a declared one, or the address itself if any is looked at.
    pub fn service_at(&mut self, address: Address) -> Option<u32> {
        if let Some(&index) = self.by_address.get(&address) {
            return Some(index);
        }
        if !self.watches_all {
            return None;
        }
        let index = self.add(Target::of_address(None, address.to_ip()))?;
        self.by_address.insert(address, index);
        Some(index)
    }

    fn add(&mut self, target: Target) -> Option<u32> {
        if self.services.len() >= MAXIMUM_SERVICES {
            self.counters.services_refused += 1;
            return None;
        }
        self.services.push(Service::new(target, self.second.unwrap_or(0)));
        self.is_touched.push(false);
        self.counters.services += 1;
        Some(self.services.len() as u32 - 1)
    }

    /// Takes another institution: its services have the addresses that it says. Those that it has no more keep their number,
    /// but no connection is theirs; what goes on goes on.
    pub fn replace_institution(&mut self, institution: &institution::Institution) {
        self.by_address.clear();
        for service in &mut self.services {
            service.target.addresses.clear();
        }
        let mut numbers = Vec::with_capacity(institution.services.len());
        for service in &institution.services {
            let addresses: Vec<_> = service.addresses.iter().map(|address| Address::from(*address)).collect();
            let number = self.service(&service.id, &addresses);
            numbers.push(number);
            let Some(index) = number else { continue };
            if let Some(service) = self.services.get_mut(index as usize) {
                service.target.addresses =
                    addresses.iter().map(|address| address.to_ip().to_string()).collect();
            }
            for address in addresses {
                self.by_address.entry(address).or_insert(index);
            }
        }
        self.calendar = Calendar::of(institution, &numbers);
    }
}
