//! Live sources beside flow exports: mirrored packets, and lines of logs.
//!
//! Each has threads of its own. What they bring goes to one of two seams: frames to [`Frames`], lines to [`Lines`]. Behind both
//! is the detector of the web layer ([`super::web`]).

pub(super) mod follow;
pub(super) mod frames;
mod lines;
pub(super) mod mirror;
mod positions;
mod source;
pub(super) mod syslog;
mod web_lines;

pub(super) use follow::LogReport;
pub(super) use frames::{Frames, FramesReport};
use lines::RawLine;
pub(super) use lines::{LineFormat, Lines, LinesReport, Origin};
pub(super) use syslog::SyslogReport;
pub(super) use web_lines::WebLines;
