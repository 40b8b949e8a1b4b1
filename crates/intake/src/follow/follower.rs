//! A path or a pattern, its files, and what is told about them.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use sketch::KeyedState;
use wire::Time;

use super::{
    FollowCounters, FollowOptions, Line, Position, StartAt,
    history::{MAX_ENTRIES, looks_rotated},
    options::{CHUNK_BYTES, LOOK_NANOSECONDS, MAX_FILES},
    position::Identity,
    source::Shared,
    tail::{Begin, Tail},
};

/// Possible lengths of a line.
const LONGEST_LINE_POSSIBLE: usize = 16 << 20;
/// Notices that wait.
const MAX_NOTICES: usize = 1024;

/// What keeps a file from being read, or that nothing does any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The file or folder.
    pub path: PathBuf,
    /// The kind of error; [`io::ErrorKind::NotFound`] for one that is not there. `None`: it is read.
    pub problem: Option<io::ErrorKind>,
}

impl fmt::Display for Notice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match self.problem {
            None => write!(formatter, "{path} is read"),
            Some(io::ErrorKind::NotFound) => {
                write!(formatter, "{path} is not there; it is read when it comes")
            }
            Some(kind) => write!(formatter, "{path} cannot be read ({kind}); it is tried again"),
        }
    }
}

/// What a turn did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// Bytes that were read. 0: nothing is there now; come again after 50 to 100 ms.
    pub bytes: usize,
}

/// Follows a path or a pattern. For one thread.
pub struct Follower {
    options: FollowOptions,
    /// The last part of the path, where it is a pattern.
    pattern: Option<String>,
    tails: Vec<Tail>,
    told: Vec<Option<io::ErrorKind>>,
    /// Positions of paths that are not there yet.
    saved: Vec<Position>,
    shared: Shared,
    looked: Option<Time>,
    folder_problem: Option<io::ErrorKind>,
    notices: Vec<Notice>,
}

impl fmt::Debug for Follower {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Follower").field("tails", &self.tails).finish_non_exhaustive()
    }
}

impl Follower {
    /// A follower that has read nothing yet, and goes on where `saved` says. Opens nothing; it never fails, since whatever
    /// is wrong with a file can become right.
    pub fn new(options: FollowOptions, saved: &[Position]) -> Self {
        let longest = options.longest_line_bytes.clamp(1, LONGEST_LINE_POSSIBLE);
        let name = options.path.file_name().map(|name| name.to_string_lossy().into_owned());
        let pattern = name.filter(|name| name.contains(['*', '?']));
        let shared = Shared {
            buffer: vec![0; CHUNK_BYTES + longest],
            longest,
            state: KeyedState::new(options.key),
            counters: FollowCounters::default(),
        };
        let mut follower = Self {
            pattern,
            tails: Vec::new(),
            told: Vec::new(),
            saved: saved.to_vec(),
            shared,
            looked: None,
            folder_problem: None,
            notices: Vec::new(),
            options,
        };
        if follower.pattern.is_none() {
            follower.add(follower.options.path.clone(), follower.options.start_at);
        }
        follower
    }

    /// Gives new lines to `take`, up to 1 MiB of each file, and looks after the files. `now` only has to go forward.
    pub fn turn(&mut self, now: Time, take: &mut impl FnMut(Line<'_>)) -> Turn {
        let is_time =
            self.looked.is_none_or(|looked| now.nanoseconds_since(looked).abs() >= LOOK_NANOSECONDS);
        if is_time && self.pattern.is_some() {
            self.look_for_files();
        }
        let mut turn = Turn::default();
        for tail in &mut self.tails {
            turn.bytes += tail.turn(now, &mut self.shared, take);
        }
        self.tell();
        self.looked = if is_time { Some(now) } else { self.looked };
        turn
    }

    fn add(&mut self, path: PathBuf, start_at: StartAt) {
        let name = path.to_string_lossy();
        let saved: Vec<Position> = self.saved.iter().filter(|saved| saved.path == name).cloned().collect();
        self.saved.retain(|saved| saved.path != name);
        let begin = if saved.is_empty() { Begin::At(start_at) } else { Begin::Saved(saved) };
        self.tails.push(Tail::new(path, begin));
        self.told.push(None);
    }

    fn look_for_files(&mut self) {
        let Some(pattern) = self.pattern.clone() else { return };
        let folder = self.options.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).to_owned();
        // A file that is gone and read to its end has no place here any more; should it come back, it is a new one.
        let mut keep =
            self.tails.iter().map(|tail| !(tail.problem == Some(io::ErrorKind::NotFound) && tail.is_empty()));
        let keep: Vec<bool> = keep.by_ref().collect();
        let mut kept = keep.iter();
        self.tails.retain(|_| kept.next().copied().unwrap_or(true));
        let mut kept = keep.iter();
        self.told.retain(|_| kept.next().copied().unwrap_or(true));
        let problem = match fs::read_dir(&folder) {
            Ok(entries) => {
                let mut names: Vec<_> =
                    entries.take(MAX_ENTRIES).flatten().map(|entry| entry.file_name()).collect();
                names.sort();
                // What is there at the first look is begun as the options say, what comes later at its beginning.
                let start_at = if self.looked.is_none() { self.options.start_at } else { StartAt::Beginning };
                for name in names {
                    let text = name.to_string_lossy();
                    if matches(pattern.as_bytes(), text.as_bytes()) && !looks_rotated(&text) {
                        self.found(folder.join(&name), start_at);
                    }
                }
                None
            }
            Err(error) => {
                self.shared.counters.errors += 1;
                Some(error.kind())
            }
        };
        if problem != self.folder_problem {
            self.folder_problem = problem;
            self.note(folder, problem);
        }
    }

    fn found(&mut self, path: PathBuf, start_at: StartAt) {
        if self.tails.iter().any(|tail| tail.path == path) {
            return;
        }
        // One of ours under another name, on its way to be rotated.
        let Ok(data) = fs::metadata(&path) else { return };
        let identity = Identity::of(&data);
        if !data.is_file() || self.tails.iter().any(|tail| tail.holds(identity)) {
            return;
        }
        if self.tails.len() >= MAX_FILES {
            self.shared.counters.left_out += 1;
            return;
        }
        self.add(path, start_at);
    }

    fn tell(&mut self) {
        let mut changed = Vec::new();
        for (tail, told) in self.tails.iter().zip(&mut self.told) {
            if tail.problem != *told {
                *told = tail.problem;
                changed.push((tail.path.clone(), tail.problem));
            }
        }
        for (path, problem) in changed {
            self.note(path, problem);
        }
    }

    fn note(&mut self, path: PathBuf, problem: Option<io::ErrorKind>) {
        if self.notices.len() < MAX_NOTICES {
            self.notices.push(Notice { path, problem });
        }
    }

    /// What changed since the last call.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// What was counted so far.
    pub fn counters(&self) -> FollowCounters {
        let open_files = self.tails.iter().map(Tail::open_files).sum();
        let unread_bytes = self.tails.iter().map(Tail::unread_bytes).fold(0, u64::saturating_add);
        FollowCounters { open_files, unread_bytes, ..self.shared.counters }
    }

    /// How far every file was read, to be saved and given to [`Follower::new`] after a restart.
    pub fn positions(&self) -> Vec<Position> {
        let of_files = self.tails.iter().flat_map(|tail| tail.positions(&self.shared.state));
        of_files.chain(self.saved.iter().cloned()).collect()
    }

    /// Gives last lines that have no end, for who will not come back.
    pub fn finish(mut self, take: &mut impl FnMut(Line<'_>)) -> FollowCounters {
        for tail in &mut self.tails {
            tail.finish(&mut self.shared, take);
        }
        self.counters()
    }
}

/// Whether a name fits a pattern of `*` and `?`, byte by byte. A star is tried at most once for each byte of the name.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut from, mut star) = (0, 0, None);
    while let Some(byte) = name.get(from) {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(wanted) if *wanted == b'?' || wanted == byte => {
                at += 1;
                from += 1;
            }
            _ => match &mut star {
                Some((of, begins)) => {
                    *begins += 1;
                    (at, from) = (*of + 1, *begins);
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_a_shell() {
        let fits = |pattern: &str, name: &str| matches(pattern.as_bytes(), name.as_bytes());
        assert!(
            fits("*.log", "access.log") && fits("a*s.l?g", "access.log") && fits("*", "") && fits("**x", "x")
        );
        assert!(fits("*a*b", "xxaxxab") && fits("access", "access"));
        assert!(!fits("*.log", "access.log.1") && !fits("a?", "a") && !fits("", "a") && !fits("*ab", "aabc"));
    }
}
