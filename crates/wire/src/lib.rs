//! Bytes to records, without any I/O.
//!
//! What comes in are datagrams of flow exporters (NetFlow v5 and v9, IPFIX, sFlow v5), captured frames and
//! the framing of capture files; what goes out are [`FlowRecord`]s and [`Packet`]s that borrow from the
//! input. The rules of the room, each with a test:
//!
//! * nothing is allocated per datagram or per packet,
//! * every count in the input is bounded by the bytes that are present,
//! * a bad element is skipped and counted, and what is good around it is kept,
//! * no input panics.
//!
//! Limits: this room knows nothing of sockets, files, clocks or of what a record means.

mod address;
pub mod capture;
pub mod flow;
pub mod packet;
pub mod payload;
mod time;
pub mod tls;
pub mod web;

pub use address::Address;
pub use flow::FlowRecord;
pub use packet::{Fragment, Packet, TcpFlags};
pub use payload::{Payload, Role, Service};
pub use time::Time;
