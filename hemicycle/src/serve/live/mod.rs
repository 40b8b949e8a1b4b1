//! Live sources beside flow exports: mirrored packets, and lines of logs.
//!
//! Each has threads of its own. What they bring goes to one of two seams: frames to [`Frames`], lines to [`Lines`].

pub(super) mod follow;
pub(super) mod frames;
mod lines;
pub(super) mod mirror;
mod positions;
pub(super) mod syslog;

pub(super) use follow::LogReport;
pub(super) use frames::{Frames, FramesReport};
use lines::RawLine;
pub(super) use lines::{CountLines, Lines, Origin};
pub(super) use syslog::SyslogReport;
