//! Capture file framing.
