//! The channels by which people and their tools are told, running: who hands notices over never waits for them.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use std::{fs, slice};

use anyhow::{Context, Result, bail};
use institution::Institution;
use ipnet::IpNet;
use notify::{ChannelOptions, ChannelState, Notice, Notifier, Surroundings};

use super::now_nanoseconds;
use crate::files::{exposed, shown};
use crate::serve::config::{in_zone, secrets};

/// Kinds of notice that the service gives.
pub(crate) const KINDS: [&str; 5] = ["flood", "surge", "sensor", "disk", "certificate"];
/// For what waits to get its last attempt when the service stops.
const PATIENCE: Duration = Duration::from_secs(5);

/// Every channel, or none. Clones are the same ones.
#[derive(Clone, Default)]
pub(crate) struct Channels(Arc<RwLock<Option<Notifier>>>);

impl Channels {
    /// Opens every channel of the configuration. Nobody is connected to.
    ///
    /// # Errors
    /// When a secret cannot be read, or others can, or a channel names what the institution does not have.
    pub(super) fn open(options: &[ChannelOptions], institution: &Institution) -> Result<Self> {
        if options.is_empty() {
            return Ok(Self::default());
        }
        check(options, institution)?;
        let zoned: Vec<_> = options.iter().map(|options| in_zone(options, &institution.time_zone)).collect();
        let notifier =
            Notifier::open(&zoned, &surroundings(institution)).context("cannot open the channels")?;
        Ok(Self(Arc::new(RwLock::new(Some(notifier)))))
    }

    fn with<T>(&self, look: impl FnOnce(&Notifier) -> T) -> Option<T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(look)
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.with(|_| ()).is_none()
    }

    /// Tells every channel, without waiting: what does not fit is counted there.
    pub(super) fn notify(&self, notice: Notice) {
        self.with(|notifier| notifier.notify(notice));
    }

    /// The institution file is another one.
    pub(super) fn declare(&self, institution: &Institution) {
        self.with(|notifier| notifier.declare(own(institution)));
    }

    /// What the start says.
    pub(super) fn lines(&self) -> Vec<String> {
        let line =
            |state: ChannelState| format!("channel {}: {} to {}", state.name, state.kind, state.target);
        self.states().into_iter().map(line).collect()
    }

    /// How each does, in the order of the configuration.
    pub(in crate::serve) fn states(&self) -> Vec<ChannelState> {
        self.with(Notifier::states).unwrap_or_default()
    }

    /// What waits gets one more attempt; whether all were done in time.
    pub(super) fn stop(&self) -> bool {
        let notifier = self.0.write().unwrap_or_else(PoisonError::into_inner).take();
        notifier.is_none_or(|notifier| notifier.stop(PATIENCE))
    }
}

/// Channels that lead nowhere, told from look to look.
#[derive(Debug, Default)]
pub(super) struct Dead(BTreeSet<String>);

impl Dead {
    /// A warning for each that is dead, and lines for the log where that is new or over.
    pub(super) fn look(&mut self, channels: &Channels) -> (Vec<String>, Vec<String>) {
        let (mut warnings, mut lines) = (Vec::new(), Vec::new());
        for state in channels.states() {
            let ChannelState { name, target, last_error, .. } = state;
            let Some(why) = state.dead else {
                if self.0.remove(&name) {
                    lines.push(format!("the channel {name} to {target} works again"));
                }
                continue;
            };
            let error = last_error.map(|error| format!(": {error}")).unwrap_or_default();
            let warning = format!("nobody is told by the channel {name} to {target}: {}{error}", why.name());
            if self.0.insert(name) {
                lines.push(format!("warning: {warning}"));
            }
            warnings.push(warning);
        }
        (warnings, lines)
    }
}

/// One message that says that it is a test; how long it took.
///
/// # Errors
/// When the channel cannot be opened or the test did not get through.
pub(crate) fn test(options: &ChannelOptions, institution: &Institution) -> Result<Duration> {
    check(slice::from_ref(options), institution)?;
    let notifier = Notifier::open(slice::from_ref(options), &surroundings(institution))?;
    let outcome = notifier.test(&options.name);
    notifier.stop(PATIENCE);
    Ok(outcome?)
}

/// What can be seen without opening anything.
///
/// # Errors
/// When others can read a secret, or a channel names what the institution does not have: it would never be told of it.
pub(in crate::serve) fn check(channels: &[ChannelOptions], institution: &Institution) -> Result<()> {
    for options in channels {
        let (name, rule) = (&options.name, &options.rule);
        for service in &rule.services {
            if !institution.services.iter().any(|known| known.id == *service) {
                bail!("channel {name}: the institution file has no service `{service}`");
            }
        }
        for organisation in &rule.organisations {
            if !institution.organisations.iter().any(|known| known.id == *organisation) {
                bail!("channel {name}: the institution file has no organisation `{organisation}`");
            }
        }
        for path in secrets(options) {
            private(path).with_context(|| format!("channel {name}"))?;
        }
    }
    Ok(())
}

/// A secret is its owner's alone.
///
/// # Errors
/// When it is not, or cannot be read.
pub(super) fn private(path: &Path) -> Result<()> {
    let file = shown(path);
    let data = fs::metadata(path).with_context(|| format!("cannot read {file}"))?;
    if let Some(mode) = exposed(&data) {
        bail!("others may read the secret {file} (mode {mode:o}); `chmod 600` it");
    }
    Ok(())
}

fn surroundings(institution: &Institution) -> Surroundings {
    let seed = now_nanoseconds().unsigned_abs();
    Surroundings { clock: Arc::new(now_nanoseconds), own: own(institution), seed }
}

/// The networks that the institution file declares.
fn own(institution: &Institution) -> Vec<IpNet> {
    institution.prefixes.iter().map(|prefix| prefix.network).collect()
}
