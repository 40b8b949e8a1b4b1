//! All channels of the service.

use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use ipnet::IpNet;

use crate::limits::{MAX_CHANNELS, TEST_PAUSE_SECONDS};
use crate::notice::Notice;
use crate::options::{ChannelOptions, OptionProblem};
use crate::state::ChannelState;
use crate::transport::{Transport, TransportError};
use crate::worker::{Message, Own, Shared, Worker};

/// The time of day: nanoseconds since 1970 in UTC. Only the binary reads a clock, so it comes from there.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// What channels get from the service around them.
#[derive(Clone)]
pub struct Surroundings {
    /// The time of day.
    pub clock: Clock,
    /// The institution's own networks: their addresses are not masked.
    pub own: Vec<IpNet>,
    /// For the chance in waits; any number.
    pub seed: u64,
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Surroundings").field("own", &self.own).finish_non_exhaustive()
    }
}

/// Why channels cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// More than [`MAX_CHANNELS`].
    #[error("{0} channels are more than {MAX_CHANNELS}")]
    TooMany(usize),
    /// Two have one name.
    #[error("two channels are called {0:?}")]
    SameName(String),
    /// Options outside their limits.
    #[error("channel {name:?}: {}", described(problems))]
    Options {
        /// The channel.
        name: String,
        /// All that is wrong with it.
        problems: Vec<OptionProblem>,
    },
    /// A secret or certificates cannot be had.
    #[error("channel {name:?}: {source}")]
    Open {
        /// The channel.
        name: String,
        /// The reason.
        source: TransportError,
    },
    /// The system gives no thread.
    #[error("channel {name:?}: no thread: {source}")]
    Thread {
        /// The channel.
        name: String,
        /// The reason.
        source: std::io::Error,
    },
}

fn described(problems: &[OptionProblem]) -> String {
    let each = problems.iter().map(|problem| format!("{}: {}", problem.option, problem.why));
    each.collect::<Vec<_>>().join("; ")
}

/// Why a test did not succeed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TestError {
    /// There is no such channel.
    #[error("there is no channel of this name")]
    Unknown,
    /// The last test of this channel was a moment ago, or is still under way.
    #[error("a test of this channel was made within the last {TEST_PAUSE_SECONDS} seconds")]
    TooSoon,
    /// The receiver was not reached, or refused; without secrets.
    #[error("{0}")]
    Failed(String),
}

struct Channel {
    name: String,
    sender: SyncSender<Message>,
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
    /// Behind a lock so that threads can share the notifier; only the end looks at it.
    ended: Mutex<Receiver<()>>,
    tested: Mutex<Option<Instant>>,
}

/// All channels, each with its thread and its queue. A reload opens a new one and stops the old one.
pub struct Notifier {
    channels: Vec<Channel>,
    own: Own,
}

impl fmt::Debug for Notifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.channels.iter().map(|channel| &channel.name)).finish()
    }
}

impl Notifier {
    /// Opens every channel, or none: checks options, reads secrets and certificates, starts threads. Connects to nobody.
    ///
    /// # Errors
    /// [`NotifyError`] for the first channel that cannot be opened.
    pub fn open(channels: &[ChannelOptions], surroundings: &Surroundings) -> Result<Self, NotifyError> {
        if channels.len() > MAX_CHANNELS {
            return Err(NotifyError::TooMany(channels.len()));
        }
        for (index, options) in channels.iter().enumerate() {
            let name = options.name.clone();
            if channels.iter().take(index).any(|other| other.name == name) {
                return Err(NotifyError::SameName(name));
            }
            let problems = options.validate();
            if !problems.is_empty() {
                return Err(NotifyError::Options { name, problems });
            }
        }
        let mut transports = Vec::new();
        for options in channels {
            let opened = Transport::open(options);
            transports
                .push(opened.map_err(|source| NotifyError::Open { name: options.name.clone(), source })?);
        }
        let own: Own = Arc::new(RwLock::new(surroundings.own.clone().into()));
        let mut started = Vec::new();
        for ((options, transport), number) in channels.iter().zip(transports).zip(0u64..) {
            let clock = Arc::clone(&surroundings.clock);
            let shared = Arc::new(Shared::new(options, transport, clock, Arc::clone(&own)));
            let seed = surroundings.seed.wrapping_add(number.wrapping_mul(0x0001_0000_0001));
            started.push(start(options, shared, seed)?);
        }
        Ok(Self { channels: started, own })
    }

    /// Gives a notice to every channel and never waits: a channel whose queue is full loses it and counts that.
    /// Returns the number of channels that took it.
    pub fn notify(&self, notice: Notice) -> usize {
        let notice = Arc::new(notice);
        let mut taken = 0;
        for Channel { sender, shared, .. } in &self.channels {
            shared.queued.fetch_add(1, Ordering::AcqRel);
            if sender.try_send(Message::Notice(Arc::clone(&notice))).is_ok() {
                taken += 1;
            } else {
                shared.queued.fetch_sub(1, Ordering::AcqRel);
                shared.overflow.fetch_add(1, Ordering::Relaxed);
                shared.untold.fetch_add(1, Ordering::AcqRel);
            }
        }
        taken
    }

    /// The institution's own networks from now on.
    pub fn declare(&self, own: Vec<IpNet>) {
        *self.own.write().unwrap_or_else(PoisonError::into_inner) = own.into();
    }

    /// Sends a message that says that it is a test, and waits for what becomes of it: at most the timeout of the channel and
    /// the time to look its host up. Gives how long it took. What waits on a channel that is back is tried at once.
    ///
    /// # Errors
    /// [`TestError`], with the reason in words.
    pub fn test(&self, name: &str) -> Result<Duration, TestError> {
        let channel = self.channels.iter().find(|channel| channel.name == name).ok_or(TestError::Unknown)?;
        let pause = Duration::from_secs(TEST_PAUSE_SECONDS);
        // Held during the test: a second press of the button does not send a second one.
        let Ok(mut tested) = channel.tested.try_lock() else { return Err(TestError::TooSoon) };
        if tested.is_some_and(|at| at.elapsed() < pause) {
            return Err(TestError::TooSoon);
        }
        let started = Instant::now();
        let result = channel.shared.test(name);
        *tested = Some(Instant::now());
        drop(tested);
        // If the queue is full, the thread is busy and looks by itself.
        let _ = channel.sender.try_send(Message::Wake);
        result.map(|()| started.elapsed()).map_err(|failure| TestError::Failed(failure.text))
    }

    /// How each channel does, in the order of the options.
    pub fn states(&self) -> Vec<ChannelState> {
        self.channels.iter().map(|channel| channel.shared.state(channel.thread.is_finished())).collect()
    }

    /// Ends every channel: what waits gets one more attempt. Gives whether all were done within `patience`; those that
    /// were not are left to themselves.
    pub fn stop(self, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        for channel in &self.channels {
            channel.shared.stopping.store(true, Ordering::Release);
            let _ = channel.sender.try_send(Message::Wake);
        }
        // Each is waited for, also after one that was too late.
        let late = self.channels.iter().filter(|channel| {
            let left = until.saturating_duration_since(Instant::now());
            let ended = channel.ended.lock().unwrap_or_else(PoisonError::into_inner);
            ended.recv_timeout(left) != Err(RecvTimeoutError::Disconnected)
        });
        late.count() == 0
    }
}

fn start(options: &ChannelOptions, shared: Arc<Shared>, seed: u64) -> Result<Channel, NotifyError> {
    let queue = usize::try_from(options.queue).unwrap_or(1);
    let (sender, receiver) = sync_channel(queue);
    let (alive, ended) = channel();
    let worker = Worker::new(options, Arc::clone(&shared), receiver, alive, seed);
    let thread = Builder::new().name("notify".into()).spawn(move || worker.run());
    let thread = thread.map_err(|source| NotifyError::Thread { name: options.name.clone(), source })?;
    let (name, ended) = (options.name.clone(), Mutex::new(ended));
    Ok(Channel { name, sender, shared, thread, ended, tested: Mutex::new(None) })
}
