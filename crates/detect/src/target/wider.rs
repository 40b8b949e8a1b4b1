//! What holds several addresses: services, groups and prefixes add up their members.

use super::{TargetState, members_kept};
use crate::fade::faded;
use crate::sampled;
use crate::sequential::{NEVER, bits};
use crate::tally::{Tally, flag};

impl TargetState {
    /// A wider target.
    pub(crate) fn wider(factor: f32) -> Self {
        Self { factor, ..Self::default() }
    }

    /// Takes out what an address added since its tests began: a flood of its own explains it.
    pub(crate) fn explain(&mut self, member: &Self) {
        let tests = self.tests.get_or_insert_default();
        for index in bits(member.active) {
            let (cell, since) = (member.cell(index), member.sum(index));
            let own = &mut tests.cells[index];
            own.packets -= cell.packets;
            own.unwanted -= cell.unwanted;
            own.fresh -= cell.fresh;
            let sum = &mut tests.sums[index];
            sum.unwanted = (sum.unwanted - since.unwanted_packets + cell.unwanted).max(0.0);
            sum.unwanted_packets = (sum.unwanted_packets - since.unwanted_packets + cell.unwanted).max(0.0);
            sum.volume = (sum.volume - since.volume).max(0.0);
        }
        self.reservoirs.take_out(&member.reservoirs);
        self.members_unwanted = (self.members_unwanted - member.recent_unwanted).max(0.0);
    }

    /// Adds what came to an address to this wider target. What the address's own flood explains is not unwanted here.
    #[inline]
    pub(crate) fn add(&mut self, tally: &Tally, is_explained: bool) {
        if !is_explained {
            self.take_in(tally);
        }
        self.sum_up(tally);
        self.fragments_excused += tally.excuses_fragments;
        if tally.sampling > 1 && !is_explained {
            sampled::excuse_by_inbound(self, tally);
        }
        self.sampling = self.sampling.max(tally.sampling);
        self.sends |= tally.has(flag::SENDS);
        self.last_packet = self.last_packet.max(tally.last_packet);
    }

    /// Notes the recent unwanted packets of an address, of which `unwanted` are of the step.
    #[inline]
    pub(crate) fn note_member(&mut self, index: u32, recent: f32, unwanted: f32, step: i64) {
        if self.members_step != step {
            let kept = if self.members_step == NEVER { 0.0 } else { members_kept(step - self.members_step) };
            self.members_unwanted = faded(self.members_unwanted * kept);
            self.heaviest_member.0 = faded(self.heaviest_member.0 * kept);
            self.members_step = step;
        }
        self.members_unwanted += unwanted;
        if self.heaviest_member.1 == index || recent > self.heaviest_member.0 {
            self.heaviest_member = (recent, index);
        }
    }
}
