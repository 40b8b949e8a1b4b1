//! All inputs of a run, merged by time.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    fs::File,
    io,
    path::{Path, PathBuf},
};

use wire::{
    Time,
    flow::{FlowCounters, FlowDecoder},
    web::Format,
};

use crate::{
    Clock, InputSummary, IntakeError, Memory, OpenOptions, Visitor,
    input::{Input, Shared},
    kind::{self, Foreign, Kind},
    options::PortSet,
    window::Window,
};

/// Inputs of one run. Each holds a window of at most about 1 MiB and an open file.
pub const MAX_INPUTS: usize = 512;

const STANDARD_INPUT: &str = "-";

/// A set of inputs that is read once.
pub struct Inputs {
    inputs: Vec<Input>,
    shared: Shared,
    decompressed_bytes_limit: u64,
    log_format: Option<Format>,
    standard_input_taken: bool,
    may_wait: bool,
    ran: bool,
}

impl Inputs {
    /// No inputs yet.
    pub fn new(options: &OpenOptions) -> Self {
        let decoder = FlowDecoder::new(options.flow_limits, options.key);
        Self {
            inputs: Vec::new(),
            shared: Shared { flow_ports: PortSet::new(&options.flow_ports), decoder },
            decompressed_bytes_limit: options.decompressed_bytes_limit,
            log_format: options.log_format.clone(),
            standard_input_taken: false,
            may_wait: false,
            ran: false,
        }
    }

    /// Opens files; `-` is standard input.
    ///
    /// # Errors
    /// The first file that cannot be used, see [`IntakeError`].
    pub fn open(paths: &[PathBuf], options: &OpenOptions) -> Result<Self, IntakeError> {
        let mut inputs = Self::new(options);
        for path in paths {
            inputs.add_file(path)?;
        }
        Ok(inputs)
    }

    /// One input that is in memory.
    ///
    /// # Errors
    /// As [`Inputs::add_memory`].
    pub fn from_memory(
        name: impl Into<String>,
        bytes: impl Into<Memory>,
        options: &OpenOptions,
    ) -> Result<Self, IntakeError> {
        let mut inputs = Self::new(options);
        inputs.add_memory(name, bytes)?;
        Ok(inputs)
    }

    /// Opens one more file; `-` is standard input.
    ///
    /// # Errors
    /// [`IntakeError`] if it cannot be read or is of no kind that is known; nothing is added then.
    pub fn add_file(&mut self, path: &Path) -> Result<(), IntakeError> {
        let name = path.display().to_string();
        if name == STANDARD_INPUT {
            if std::mem::replace(&mut self.standard_input_taken, true) {
                return Err(IntakeError::StandardInputTwice);
            }
            self.may_wait = true;
            return self.add(name, Window::stream(Box::new(io::stdin())));
        }
        let unreadable = |source| IntakeError::Unreadable { name: name.clone(), source };
        let file = File::open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        if metadata.is_dir() {
            return Err(IntakeError::Directory { name });
        }
        self.may_wait |= !metadata.is_file();
        self.add(name, Window::file(file))
    }

    /// Adds an input that is in memory, as it would be in a file.
    ///
    /// # Errors
    /// [`IntakeError`] if it is of no kind that is known; nothing is added then.
    pub fn add_memory(
        &mut self,
        name: impl Into<String>,
        bytes: impl Into<Memory>,
    ) -> Result<(), IntakeError> {
        self.add(name.into(), Window::memory(bytes.into()))
    }

    /// As [`Inputs::add_memory`], played by another clock than it was captured by.
    ///
    /// # Errors
    /// As [`Inputs::add_memory`].
    pub fn add_memory_at(
        &mut self,
        name: impl Into<String>,
        bytes: impl Into<Memory>,
        clock: Clock,
    ) -> Result<(), IntakeError> {
        self.add_memory(name, bytes)?;
        if let Some(input) = self.inputs.last_mut() {
            input.play_by(clock);
        }
        Ok(())
    }

    fn add(&mut self, name: String, mut window: Window) -> Result<(), IntakeError> {
        if self.inputs.len() >= MAX_INPUTS {
            return Err(IntakeError::TooManyInputs);
        }
        let log_format = self.log_format.as_ref();
        let mut found = recognise(&mut window, &name, log_format)?;
        if found == Kind::Gzip {
            window = window.gunzip(self.decompressed_bytes_limit);
            found = match recognise(&mut window, &name, log_format) {
                Ok(Kind::Gzip) => Kind::Foreign(Foreign::NestedGzip),
                Err(IntakeError::Unreadable { .. }) => Kind::Foreign(Foreign::BrokenGzip),
                found => found?,
            };
        }
        self.inputs.push(match found {
            Kind::Capture => Input::capture(name, window),
            Kind::Datagrams => Input::datagrams(name, window),
            Kind::Log(format) => Input::log(name, window, format),
            Kind::Foreign(Foreign::AccessLog) => return Err(IntakeError::LogFormat { name }),
            Kind::Foreign(kind) if kind.is_planned() => return Err(IntakeError::NotYet { name, kind }),
            Kind::Foreign(kind) => return Err(IntakeError::WrongKind { name, kind }),
            Kind::Gzip => return Err(IntakeError::WrongKind { name, kind: Foreign::NestedGzip }),
        });
        Ok(())
    }

    /// Reads all inputs and gives what they hold to `visitor` in the order of time; of two with the same time
    /// the input that was opened first comes first. An input in which time goes backwards is not held up.
    ///
    /// A damaged input is no error: it gives what it has, and [`Inputs::summaries`] says what is wrong.
    ///
    /// # Errors
    /// [`IntakeError::AlreadyRun`] if this was called before.
    pub fn run<V: Visitor>(&mut self, visitor: &mut V) -> Result<(), IntakeError> {
        if std::mem::replace(&mut self.ran, true) {
            return Err(IntakeError::AlreadyRun);
        }
        let mut heads: BinaryHeap<Reverse<(Time, usize)>> = BinaryHeap::with_capacity(self.inputs.len());
        for (index, input) in self.inputs.iter_mut().enumerate() {
            heads.extend(input.peek().map(|time| Reverse((time, index))));
        }
        while let Some(Reverse((_, index))) = heads.pop() {
            let other = heads.peek().map(|Reverse(head)| *head);
            let Some(input) = self.inputs.get_mut(index) else { break };
            let next = match other {
                None => input.play(index, |_| true, &mut self.shared, visitor),
                Some(other) => input.play(index, |time| (time, index) < other, &mut self.shared, visitor),
            };
            if visitor.stop() {
                break;
            }
            heads.extend(next.map(|time| Reverse((time, index))));
        }
        Ok(())
    }

    /// What became of each input, in the order of opening.
    pub fn summaries(&self) -> Vec<InputSummary> {
        self.inputs.iter().map(Input::summary).collect()
    }

    /// What the flow decoder counted, over all inputs.
    pub fn flow_counters(&self) -> &FlowCounters {
        self.shared.decoder.counters()
    }

    /// Whether any input is standard input or a pipe, from which something may come at any time.
    pub fn may_wait(&self) -> bool {
        self.may_wait
    }

    /// How many inputs were opened.
    pub fn len(&self) -> usize {
        self.inputs.len()
    }

    /// Whether no input was opened.
    pub fn is_empty(&self) -> bool {
        self.inputs.is_empty()
    }
}

fn recognise(window: &mut Window, name: &str, log_format: Option<&Format>) -> Result<Kind, IntakeError> {
    window.fill(kind::RECOGNISE_BYTES);
    if window.bytes().is_empty() {
        return Err(match window.take_failure() {
            Some(damage) => IntakeError::Unreadable {
                name: name.to_owned(),
                source: io::Error::other(damage.to_string()),
            },
            None => IntakeError::Empty { name: name.to_owned() },
        });
    }
    // An export datagram is looked at as a whole, because its length is part of what it has to prove.
    window.fill(crate::datagrams::MAX_DATAGRAM_BYTES);
    Ok(kind::recognise(window.bytes(), log_format))
}
