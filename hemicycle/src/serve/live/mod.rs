//! Live sources beside flow exports: mirrored packets, and lines of logs.
//!
//! Each has threads of its own. What they bring goes to one of two seams: frames to [`Frames`], lines to [`Lines`].

pub(super) mod frames;
pub(super) mod mirror;

pub(super) use frames::{Frames, FramesReport};
