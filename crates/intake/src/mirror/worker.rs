//! Reads the rings of one worker.

use std::{array, fmt, sync::Arc, time::Duration};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};
use wire::{Time, packet::LinkType};

use super::{
    counters::{MirrorPort, SharedCounters, add},
    error::MirrorError,
    options::{
        BLOCK_BYTES, MAX_INTERFACES, MAX_MIRROR_WORKERS, MirrorOptions, RING_BYTES_POSSIBLE,
        SNAP_BYTES_POSSIBLE,
    },
    port::{Group, Port},
    ring::Entry,
    sample::Sampler,
};

/// Longest time of one wait: an interface that comes back is noticed meanwhile.
const LONGEST_WAIT: Duration = Duration::from_millis(250);

/// A frame, borrowed from the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MirrorFrame<'a> {
    /// When the kernel received it.
    pub time: Time,
    /// The link layer that `bytes` begins with.
    pub link: LinkType,
    /// What was captured, up to [`MirrorOptions::snap_bytes`], with its VLAN tag.
    pub bytes: &'a [u8],
    /// Length on the link in bytes.
    pub original_length: u32,
    /// The interface, as a position in [`MirrorOptions::interfaces`].
    pub interface: usize,
}

/// Reads the rings of one worker, on the thread that calls it.
pub struct Mirror {
    ports: Vec<Port>,
    watched: Vec<MirrorPort>,
    sampler: Sampler,
    options: MirrorOptions,
}

impl fmt::Debug for Mirror {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Mirror").field("ports", &self.ports).finish_non_exhaustive()
    }
}

impl Mirror {
    /// Opens every interface for every worker, or none. The mirrors are for one thread each; frames come from now on,
    /// whether they are read or not.
    ///
    /// # Errors
    /// [`MirrorError`] for options outside their limits, an interface that is not there and whatever the system refuses.
    pub fn open(options: &MirrorOptions) -> Result<Vec<Self>, MirrorError> {
        check(options)?;
        let groups: Vec<Arc<Group>> = options.interfaces.iter().map(|_| Arc::default()).collect();
        let mut mirrors = Vec::with_capacity(options.workers);
        for worker in 0..options.workers {
            let (mut ports, mut watched) = (Vec::new(), Vec::new());
            for (name, group) in options.interfaces.iter().zip(&groups) {
                let counters = Arc::new(SharedCounters::default());
                ports.push(Port::open(name, group, counters.clone(), options)?);
                let ring_bytes = options.ring_bytes / BLOCK_BYTES * BLOCK_BYTES;
                watched.push(MirrorPort { interface: name.clone(), worker, ring_bytes, counters });
            }
            let sampler = Sampler::new(options.sampling, options.seed.wrapping_add(worker as u64));
            mirrors.push(Self { ports, watched, sampler, options: options.clone() });
        }
        // Only now, when every group is complete.
        for port in mirrors.iter().flat_map(|mirror: &Self| &mirror.ports) {
            port.begin(options)?;
        }
        Ok(mirrors)
    }

    /// Its interfaces, in the order of [`MirrorOptions::interfaces`], as they are seen from any thread.
    pub fn ports(&self) -> &[MirrorPort] {
        &self.watched
    }

    /// Waits up to `timeout` (a quarter of a second at most) for frames and gives them to `take`: up to 2 MiB of each ring.
    /// Gives how many blocks of the rings there were, 0 when the time is over. Nothing is allocated or copied.
    ///
    /// With a `timeout` of zero it takes what is there, which empties the rings if it is called until it gives 0. The
    /// kernel hands frames over after [`super::RETIRE_MILLISECONDS`] at the latest.
    ///
    /// # Errors
    /// [`MirrorError::Wait`] if the system refuses to wait. What happens to an interface is counted, and mended by itself.
    pub fn read(
        &mut self,
        timeout: Duration,
        take: &mut impl FnMut(MirrorFrame<'_>),
    ) -> Result<usize, MirrorError> {
        let mut blocks = self.take(take);
        if blocks == 0 && !timeout.is_zero() {
            self.wait(timeout.min(LONGEST_WAIT))?;
            blocks = self.take(take);
        }
        for port in &mut self.ports {
            port.look_sometimes(&self.options);
        }
        Ok(blocks)
    }

    fn take(&mut self, take: &mut impl FnMut(MirrorFrame<'_>)) -> usize {
        let Self { ports, sampler, options, .. } = self;
        let mut blocks = 0;
        for (interface, port) in ports.iter_mut().enumerate() {
            let mut tally = Tally::default();
            blocks += port.take(|entry| {
                if entry.is_outgoing && !options.outgoing {
                    tally.outgoing += 1;
                } else if !sampler.takes() {
                    tally.sampled_out += 1;
                } else {
                    tally.count(&entry);
                    take(MirrorFrame {
                        time: entry.time,
                        link: entry.link,
                        bytes: entry.bytes,
                        original_length: entry.length,
                        interface,
                    });
                }
            });
            tally.add_to(port.counters());
        }
        blocks
    }

    fn wait(&mut self, timeout: Duration) -> Result<(), MirrorError> {
        let timeout = Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(timeout.subsec_nanos()),
        };
        let descriptors =
            || self.ports.iter().enumerate().filter_map(|(at, port)| Some((at, port.descriptor()?)));
        let Some((_, spare)) = descriptors().next() else {
            return poll(&mut [], Some(&timeout)).map(drop).or_else(only_a_signal);
        };
        // A table of fixed size, so that nothing is allocated; places beyond the sockets are not given to the system.
        let mut given = descriptors();
        let mut places = [0_usize; MAX_INTERFACES];
        let mut waits: [PollFd<'_>; MAX_INTERFACES] = array::from_fn(|place| {
            let (at, descriptor) = given.next().unwrap_or((0, spare));
            if let Some(place) = places.get_mut(place) {
                *place = at;
            }
            PollFd::from_borrowed_fd(descriptor, PollFlags::IN)
        });
        let open = descriptors().count();
        let waits = waits.get_mut(..open).unwrap_or_default();
        poll(waits, Some(&timeout)).map(drop).or_else(only_a_signal)?;
        let troubled = waits.iter().map(|wait| !wait.revents().difference(PollFlags::IN).is_empty());
        let troubled: [bool; MAX_INTERFACES] = {
            let mut by_place = [false; MAX_INTERFACES];
            for (is_troubled, place) in troubled.zip(places) {
                if let Some(known) = by_place.get_mut(place) {
                    *known = is_troubled;
                }
            }
            by_place
        };
        for (port, _) in self.ports.iter_mut().zip(troubled).filter(|(_, troubled)| *troubled) {
            port.trouble(&self.options);
        }
        Ok(())
    }

    /// Asks the kernel what it counted since the last call: frames, and those that it dropped. Gives the drops. Exact as
    /// long as fewer than 2^32 frames come between two calls.
    pub fn kernel_drops(&mut self) -> u64 {
        self.ports.iter().map(Port::kernel_drops).sum()
    }
}

fn only_a_signal(cause: Errno) -> Result<(), MirrorError> {
    if cause == Errno::INTR { Ok(()) } else { Err(MirrorError::Wait(cause.into())) }
}

/// Counts of one turn.
#[derive(Default)]
struct Tally {
    frames: u64,
    bytes: u64,
    cut: u64,
    merged: u64,
    sampled_out: u64,
    outgoing: u64,
}

impl Tally {
    #[inline]
    fn count(&mut self, entry: &Entry<'_>) {
        self.frames += 1;
        self.bytes += u64::from(entry.length);
        self.cut += u64::from(entry.bytes.len() < entry.length as usize);
        self.merged += u64::from(entry.is_merged);
    }

    fn add_to(&self, counters: &SharedCounters) {
        add(&counters.frames, self.frames);
        add(&counters.bytes, self.bytes);
        add(&counters.cut, self.cut);
        add(&counters.merged, self.merged);
        add(&counters.sampled_out, self.sampled_out);
        add(&counters.outgoing, self.outgoing);
    }
}

fn check(options: &MirrorOptions) -> Result<(), MirrorError> {
    let interfaces = &options.interfaces;
    if !(1..=MAX_INTERFACES).contains(&interfaces.len()) {
        return Err(MirrorError::Interfaces(interfaces.len()));
    }
    if !(1..=MAX_MIRROR_WORKERS).contains(&options.workers) {
        return Err(MirrorError::Workers(options.workers));
    }
    for (at, name) in interfaces.iter().enumerate() {
        let is_good = (1..libc::IFNAMSIZ).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/');
        if !is_good {
            return Err(MirrorError::Name(name.clone()));
        }
        if interfaces.iter().take(at).any(|other| other == name) {
            return Err(MirrorError::Twice(name.clone()));
        }
    }
    range("snap_bytes", options.snap_bytes, *SNAP_BYTES_POSSIBLE.start(), *SNAP_BYTES_POSSIBLE.end())?;
    range("sampling", options.sampling, 1, 1 << 30)?;
    let (least, most) = (*RING_BYTES_POSSIBLE.start() as u64, *RING_BYTES_POSSIBLE.end() as u64);
    range("ring_bytes", options.ring_bytes as u64, least, most)
}

fn range<N: Into<u64>>(name: &'static str, value: N, least: N, most: N) -> Result<(), MirrorError> {
    let (value, least, most) = (value.into(), least.into(), most.into());
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(MirrorError::Range { name, value, least, most })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_outside_their_limits_are_refused_before_anything_is_opened() {
        let good = MirrorOptions::new("eth0");
        let refused = |change: fn(&mut MirrorOptions)| {
            let mut options = good.clone();
            change(&mut options);
            check(&options).unwrap_err().to_string()
        };
        assert!(check(&good).is_ok());
        assert!(refused(|options| options.interfaces.clear()).contains("0 interfaces"));
        assert!(refused(|options| options.interfaces.push("eth0".into())).contains("twice"));
        assert!(refused(|options| options.interfaces.push("an interface".into())).contains("no name"));
        assert!(refused(|options| options.interfaces.push("sixteen-bytes-xx".into())).contains("no name"));
        assert!(refused(|options| options.workers = 65).contains("65 workers"));
        assert!(refused(|options| options.snap_bytes = 63).contains("64 to 65536"));
        assert!(refused(|options| options.sampling = 0).contains("sampling is 0"));
        assert!(refused(|options| options.ring_bytes = 1).contains("ring_bytes"));
    }

    #[test]
    fn an_interface_that_is_not_there_is_named() {
        let error = Mirror::open(&MirrorOptions::new("no-such-port")).unwrap_err().to_string();
        assert!(error.contains("no-such-port"), "{error}");
    }
}
