//! What the detector counted about itself.

use serde::Serialize;

/// Counts since the detector was made. Whatever is left out is counted here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Records taken.
    pub observations: u64,
    /// Steps closed.
    pub steps: u64,
    /// Records to groups of hosts, which nobody floods.
    pub multicast: u64,
    /// Records neither from nor to a protected address.
    pub unprotected: u64,
    /// Records to addresses of others that were asked for, and so are nobody's flood.
    pub outside_wanted: u64,
    /// Records out of order that were still counted, into the running step.
    pub reordered: u64,
    /// Records too late to be counted.
    pub late: u64,
    /// Times that the clock was taken to have been set back.
    pub clock_resets: u64,
    /// Addresses counted now.
    pub targets: u64,
    /// Quiet addresses that made room for others.
    pub targets_evicted: u64,
    /// Records to addresses for which there was no room.
    pub targets_refused: u64,
    /// Automatic prefixes that were not made because there were too many.
    pub prefixes_refused: u64,
    /// Conversations that were pushed out.
    pub conversations_evicted: u64,
    /// Targets under closer look now.
    pub suspects: u64,
    /// Times that a target was not looked at closer for lack of room.
    pub suspects_refused: u64,
    /// Flow records' packets that were left out because nothing came for minutes while they were spread.
    pub spreads_cut: u64,
    /// Floods found, muted ones included.
    pub floods: u64,
    /// Floods of which a line was not told because of a mute.
    pub floods_muted: u64,
    /// Campaigns found: floods on several targets by the same sources.
    pub campaigns: u64,
    /// Floods that were not compared with all others of their time, since there were too many.
    pub campaign_floods_left_out: u64,
    /// Seconds whose figures nobody took in time.
    pub metered_seconds_lost: u64,
    /// Ceilings of the institution file on what is not watched: neither a protected address nor a declared service,
    /// group or prefix.
    pub ceilings_unwatched: u64,
}
