//! Whether an address is protected, for nearly all of them in one load.
//!
//! A detector asks this for every record that leaves the institution. One bit for each /16 of IPv4 says whether all of
//! it is protected, another one whether only parts are; only there the [`crate::Index`] is asked. IPv6 always asks it.

use crate::model::Institution;

/// Networks of 16 bits.
const BLOCKS: usize = 1 << 16;
const BITS: usize = u64::BITS as usize;

/// The bits, 16 KiB.
#[derive(Clone, Debug)]
pub(crate) struct Protected {
    whole: Box<[u64]>,
    partly: Box<[u64]>,
}

impl Default for Protected {
    /// Nothing is protected.
    fn default() -> Self {
        Self { whole: vec![0; BLOCKS / BITS].into(), partly: vec![0; BLOCKS / BITS].into() }
    }
}

impl Protected {
    /// The bits of an institution; `is_protected` gives the answer for one address.
    pub(crate) fn new(institution: &Institution, is_protected: impl Fn(u32) -> bool) -> Self {
        let mut bits = Self::default();
        for prefix in &institution.prefixes {
            let ipnet::IpNet::V4(network) = prefix.network else { continue };
            let blocks = block(network.network().to_bits())..=block(network.broadcast().to_bits());
            if network.prefix_len() > 16 {
                set(&mut bits.partly, *blocks.start());
            }
            // A longer prefix within may say otherwise for one of the blocks: each is asked for.
            for block in blocks {
                if is_protected((block as u32) << 16) {
                    set(&mut bits.whole, block);
                }
            }
        }
        bits
    }

    /// Whether an address is protected; `None`: it depends on the rest of the address.
    #[inline]
    pub(crate) fn of(&self, address: u32) -> Option<bool> {
        let block = block(address);
        if get(&self.partly, block) { None } else { Some(get(&self.whole, block)) }
    }
}

#[inline]
const fn block(address: u32) -> usize {
    (address >> 16) as usize
}

#[inline]
fn get(bits: &[u64], block: usize) -> bool {
    bits[block / BITS] >> (block % BITS) & 1 != 0
}

fn set(bits: &mut [u64], block: usize) {
    bits[block / BITS] |= 1 << (block % BITS);
}
