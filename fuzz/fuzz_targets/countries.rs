//! A file that says which network is of which country, in the MMDB format.
//!
//! Held are: no panic, an end, and an answer that is two capital letters or none, whatever the file says.
#![no_main]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use console::Countries;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some(countries) = Countries::of(data.to_vec()) else { return };
    // Both families, and addresses that the file itself chooses.
    let mut bits = [0; 16];
    bits.iter_mut().zip(data).for_each(|(bit, byte)| *bit = *byte);
    let bits = u128::from_be_bytes(bits);
    let addresses = [
        IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7)),
        IpAddr::V4((bits as u32).into()),
        IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
        IpAddr::V6(bits.into()),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    ];
    for address in addresses {
        if let Some(code) = countries.of_address(address) {
            assert!(code.len() == 2 && code.bytes().all(|letter| letter.is_ascii_uppercase()), "{code:?}");
        }
    }
});
