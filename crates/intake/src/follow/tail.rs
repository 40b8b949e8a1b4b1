//! One path: the file in its place, and those that were there shortly before.

use std::{
    collections::VecDeque,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use sketch::KeyedState;
use wire::Time;

use super::{
    Line,
    history::{Rotated, Stream},
    options::{LINGER_SECONDS, LOOK_NANOSECONDS, MAX_OLD, StartAt},
    position::{Identity, Position},
    source::{Shared, Source},
};

/// A path that is followed.
#[derive(Debug)]
pub(super) struct Tail {
    pub(super) path: PathBuf,
    /// Where to begin, as long as that did not succeed.
    pending: Option<Begin>,
    current: Option<Source>,
    old: VecDeque<Old>,
    /// Files that were rotated away before, in the order in which they are read.
    history: VecDeque<Rotated>,
    stream: Option<Stream>,
    /// What keeps it from being read, if something does.
    pub(super) problem: Option<io::ErrorKind>,
    tried: Option<Time>,
}

/// Where to begin.
#[derive(Clone, Debug)]
pub(super) enum Begin {
    /// Nothing was saved.
    At(StartAt),
    /// Here; that of the file in its place is the last one.
    Saved(Vec<Position>),
}

/// A file that is not in its place any more.
#[derive(Debug)]
struct Old {
    source: Source,
    grew: Time,
}

impl Tail {
    /// A path that is not opened yet.
    pub(super) fn new(path: PathBuf, begin: Begin) -> Self {
        Self {
            path,
            pending: Some(begin),
            current: None,
            old: VecDeque::new(),
            history: VecDeque::new(),
            stream: None,
            problem: None,
            tried: None,
        }
    }

    /// Begins where it was left, or where the options say. What is not there yet is read from its beginning.
    fn begin(&mut self, shared: &mut Shared) -> io::Result<()> {
        let begun = match self.pending.clone() {
            None => return Ok(()),
            Some(Begin::At(start_at)) => self.start(start_at, &shared.state),
            Some(Begin::Saved(saved)) => self.resume(&saved, shared),
        };
        match begun {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            result => {
                self.pending = None;
                result
            }
        }
    }

    fn start(&mut self, start_at: StartAt, state: &KeyedState) -> io::Result<()> {
        if start_at == StartAt::History {
            self.history = Rotated::beside(&self.path)?.into();
        }
        let mut source = Source::new(open(&self.path)?)?;
        if start_at == StartAt::End {
            source.pass_over(state)?;
        }
        self.current = Some(source);
        Ok(())
    }

    /// What is not in its place any more is looked for under its rotated names.
    fn resume(&mut self, saved: &[Position], shared: &mut Shared) -> io::Result<()> {
        let Some((last, before)) = saved.split_last() else { return Ok(()) };
        let is_there = match open(&self.path).and_then(Source::new) {
            Ok(mut source) => {
                let is_it = source.identity == last.identity() && source.resume(last, &shared.state)?;
                self.current = Some(source);
                is_it
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        self.history.clear();
        for position in before {
            self.history.extend(Rotated::one(&self.path, position, &shared.state)?);
        }
        if !is_there && *last != Position::of_nothing(&last.path) {
            shared.counters.rotations += 1;
            let since = Rotated::since(&self.path, last, &shared.state)?;
            // Rotated more often than there are files kept.
            shared.counters.left_out += u64::from(since.is_empty());
            self.history.extend(since);
        }
        Ok(())
    }

    /// Whether this file is read here, under whatever name.
    pub(super) fn holds(&self, identity: Identity) -> bool {
        self.current
            .iter()
            .chain(self.old.iter().map(|old| &old.source))
            .any(|source| source.identity == identity)
    }

    /// Gives new lines, a bounded number. Gives how many bytes were used.
    pub(super) fn turn(&mut self, now: Time, shared: &mut Shared, take: &mut impl FnMut(Line<'_>)) -> usize {
        match self.work(now, shared, take) {
            Ok(used) => used,
            Err(error) => {
                shared.counters.errors += u64::from(error.kind() != io::ErrorKind::NotFound);
                self.problem = Some(error.kind());
                0
            }
        }
    }

    fn work(&mut self, now: Time, shared: &mut Shared, take: &mut impl FnMut(Line<'_>)) -> io::Result<usize> {
        let is_soon = |tried: Time| now.nanoseconds_since(tried).abs() < LOOK_NANOSECONDS;
        if self.problem.is_some() && self.tried.is_some_and(is_soon) {
            return self.read_old(now, shared, take);
        }
        if self.pending.is_some() {
            self.tried = Some(now);
            self.begin(shared)?;
            self.problem = None;
        }
        // Older lines first.
        if self.stream.is_some() || !self.history.is_empty() {
            return self.read_history(now, shared, take);
        }
        let mut used = self.read_old(now, shared, take)?;
        if let Some(current) = &mut self.current {
            used += current.turn(shared, take)?;
        }
        // What is in its place only matters once all of it is read.
        if used == 0 {
            self.tried = Some(now);
            self.look(now, shared)?;
            self.problem = None;
        }
        Ok(used)
    }

    fn read_history(
        &mut self,
        now: Time,
        shared: &mut Shared,
        take: &mut impl FnMut(Line<'_>),
    ) -> io::Result<usize> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let Some(rotated) = self.history.pop_front() else { return Ok(0) };
                shared.counters.history_files += 1;
                rotated.open()?
            }
        };
        // A file that cannot be read further is given up; an error says so.
        let used = stream.turn(shared, take)?;
        if used > 0 {
            self.stream = Some(stream);
        } else if let Some(source) = stream.end(shared, take) {
            self.old.push_back(Old { source, grew: now });
        }
        // Not idle: there is more to do.
        Ok(used.max(1))
    }

    fn read_old(
        &mut self,
        now: Time,
        shared: &mut Shared,
        take: &mut impl FnMut(Line<'_>),
    ) -> io::Result<usize> {
        let mut total = 0;
        for old in &mut self.old {
            let used = old.source.turn(shared, take)?;
            if used > 0 {
                old.grew = now;
            }
            total += used;
        }
        let is_over = |old: &Old| now.nanoseconds_since(old.grew).abs() > LINGER_SECONDS * 1_000_000_000;
        while self.old.front().is_some_and(is_over) || self.old.len() > MAX_OLD {
            let Some(mut old) = self.old.pop_front() else { break };
            old.source.finish(shared, take)?;
        }
        Ok(total)
    }

    /// Looks what is in its place.
    fn look(&mut self, now: Time, shared: &mut Shared) -> io::Result<()> {
        let there = fs::metadata(&self.path);
        let is_the_same = match (&there, &self.current) {
            (Ok(data), Some(current)) => current.identity == Identity::of(data),
            (Err(error), Some(_)) => error.kind() != io::ErrorKind::NotFound,
            (_, None) => true,
        };
        // It may still be written under another name or none.
        if !is_the_same && let Some(source) = self.current.take() {
            shared.counters.rotations += 1;
            self.old.push_back(Old { source, grew: now });
        }
        there?;
        if self.current.is_none() {
            self.current = Some(Source::new(open(&self.path)?)?);
        }
        Ok(())
    }

    /// Gives what is left, since nothing more is read here.
    pub(super) fn finish(&mut self, shared: &mut Shared, take: &mut impl FnMut(Line<'_>)) {
        for source in self.old.iter_mut().map(|old| &mut old.source).chain(&mut self.current) {
            if source.finish(shared, take).is_err() {
                shared.counters.errors += 1;
            }
        }
    }

    /// Files open now.
    pub(super) fn open_files(&self) -> u64 {
        u64::from(self.current.is_some()) + self.old.len() as u64 + u64::from(self.stream.is_some())
    }

    /// Bytes of these files that are not read yet; of compressed ones it is not known.
    pub(super) fn unread_bytes(&self) -> u64 {
        let old = self.old.iter().map(|old| &old.source);
        old.chain(&self.current).map(Source::unread_bytes).fold(0, u64::saturating_add)
    }

    /// How far every file was read, the one in its place last.
    pub(super) fn positions(&self, state: &KeyedState) -> Vec<Position> {
        let path = self.path.to_string_lossy();
        if let Some(Begin::Saved(saved)) = &self.pending {
            return saved.clone();
        }
        let mut positions: Vec<Position> = self.old.iter().map(|old| old.source.position(&path)).collect();
        // Of history only what is being read: it leads to what comes after.
        if let Some(stream) = &self.stream {
            positions.push(stream.position(&path, state));
            return positions;
        }
        positions.extend(self.current.as_ref().map(|current| current.position(&path)));
        if self.current.is_none() && self.pending.is_none() {
            positions.push(Position::of_nothing(&path));
        }
        positions
    }

    /// Whether nothing was ever there, or is not any more.
    pub(super) fn is_empty(&self) -> bool {
        self.current.is_none() && self.old.is_empty() && self.stream.is_none() && self.history.is_empty()
    }
}

/// A regular file or what reads like one, not a pipe: opening that would wait.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let data = fs::metadata(path)?;
    if !data.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    File::open(path)
}
