//! What a TLS client says of itself before anything is encrypted: its ClientHello, and the fingerprint JA4 of it.
//!
//! A flood by one program has one fingerprint however many addresses it comes from, and readers have some dozens. A
//! fingerprint is chosen by the client and proves nothing alone; here it is evidence, never a reason.
//!
//! JA4 for TLS clients is FoxIO's, published under the BSD 3-Clause licence
//! (<https://github.com/FoxIO-LLC/ja4/blob/main/technical_details/JA4.md>); the other methods of that family are not free and are
//! not here.
//!
//! Limits: no reassembly. A ClientHello that is not whole gives none; of one with more than [`MAX_LISTED`] ciphers or extensions
//! there is no fingerprint.

mod hello;
mod ja4;

pub use hello::{ClientHello, HANDSHAKE_HEADER_BYTES, MAX_LISTED, RECORD_HEADER_BYTES};
pub use ja4::{Ja4, Transport};
