//! A bounded queue to a thread of its own, for what may be slow or closed: standard output and standard error.
//!
//! Whoever puts something in never waits. What does not fit is counted and gone. Less important things are refused
//! earlier than important ones, so that the last places are kept for the start and the end of a flood.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// Counts of one outlet, readable from every thread.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    taken: AtomicU64,
    dropped: AtomicU64,
    waiting: AtomicUsize,
}

impl Counts {
    /// Put in.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// Not put in for want of room, or not written because nobody reads any more.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// One that was put in could not be written.
    pub(crate) fn drop_one(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

/// Where things are put in; clones share one queue.
pub(crate) struct Outlet<T> {
    sender: SyncSender<T>,
    counts: Arc<Counts>,
    places: usize,
}

impl<T> Clone for Outlet<T> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone(), counts: self.counts.clone(), places: self.places }
    }
}

/// The other end: ends when every [`Outlet`] is gone and all is written.
pub(crate) struct Drain(Receiver<()>);

impl Drain {
    /// The end of a thread that has the first of the two until it ends.
    pub(crate) fn pair() -> (SyncSender<()>, Self) {
        let (alive, ended) = sync_channel(0);
        (alive, Self(ended))
    }

    /// Waits for the end, no longer than this. Whether it came.
    pub(crate) fn wait(&self, time: Duration) -> bool {
        // Nothing is ever sent: the other side ends by being dropped.
        matches!(self.0.recv_timeout(time), Err(std::sync::mpsc::RecvTimeoutError::Disconnected))
    }
}

impl<T: Send + 'static> Outlet<T> {
    /// A queue of so many places to a thread of this name, which hands everything to `write`.
    ///
    /// # Errors
    /// When the system refuses another thread.
    pub(crate) fn open(
        name: &str,
        places: usize,
        write: impl FnOnce(Arc<Counts>) -> Box<dyn FnMut(T)> + Send + 'static,
    ) -> std::io::Result<(Self, Drain)> {
        let (sender, receiver) = sync_channel::<T>(places);
        let (alive, drain) = sync_channel(0);
        let counts = Arc::new(Counts::default());
        let shared = counts.clone();
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            let mut write = write(shared.clone());
            for item in receiver {
                write(item);
                shared.waiting.fetch_sub(1, Ordering::Relaxed);
            }
            drop(write);
            drop::<SyncSender<()>>(alive);
        })?;
        Ok((Self { sender, counts, places }, Drain(drain)))
    }

    /// Puts something in that must not be missed.
    pub(crate) fn put(&self, item: T) {
        self.put_below(item, self.places);
    }

    /// Puts something in that can be missed: refused while three quarters of the places are taken.
    pub(crate) fn put_minor(&self, item: T) {
        self.put_below(item, self.places / 4 * 3);
    }

    fn put_below(&self, item: T, places: usize) {
        // Counted first, so that the count is never behind the thread that takes out.
        let waiting = self.counts.waiting.fetch_add(1, Ordering::Relaxed);
        if waiting < places && self.sender.try_send(item).is_ok() {
            self.counts.taken.fetch_add(1, Ordering::Relaxed);
        } else {
            self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
            self.counts.drop_one();
        }
    }

    /// What was counted.
    pub(crate) fn counts(&self) -> &Arc<Counts> {
        &self.counts
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn nobody_waits_for_a_slow_reader_and_what_does_not_fit_is_counted() {
        let (go, wait) = channel::<()>();
        let (seen, saw) = channel();
        let (outlet, drain) = Outlet::open("test", 8, move |_| {
            Box::new(move |item: u32| {
                let _ = wait.recv();
                seen.send(item).unwrap();
            })
        })
        .unwrap();
        for item in 0..100 {
            outlet.put_minor(item);
        }
        let minor = outlet.counts().taken();
        assert!((6..=7).contains(&minor), "{minor}: the last quarter is kept");
        for item in 100..200 {
            outlet.put(item);
        }
        let counts = outlet.counts().clone();
        assert!((8..=9).contains(&counts.taken()), "one may be in the writer's hand");
        assert_eq!(counts.taken() + counts.dropped(), 200);
        drop((go, outlet));
        assert!(drain.wait(Duration::from_secs(60)));
        let written: Vec<u32> = saw.try_iter().collect();
        assert_eq!(written.len() as u64, counts.taken());
        assert_eq!(written.iter().filter(|&&item| item < 100).count() as u64, minor);
    }
}
