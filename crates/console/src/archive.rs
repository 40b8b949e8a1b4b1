//! What the console asks of the record: to read, and to write down what people did.
//!
//! A trait stands between so that pages can be looked at and tested with made-up data; the binary passes
//! [`record::Reader`] and [`record::Writer`], which are implementations.

use std::net::IpAddr;
use std::ops::Range;

use record::{
    AddressReport, Entry, Erasure, EvidenceItem, EvidenceKind, Filter, FloodRow, Mine, NetworkShare, Page,
    PageOf, Point, Reader, Resolution, StoredEntry, Totals, Writer,
};

/// What was recorded. Called on threads that may wait.
pub trait Archive: Send + Sync {
    /// Floods and surges, newest first.
    fn floods(&self, filter: &Filter, page: &Page) -> record::Result<PageOf<FloodRow>>;
    /// One flood or surge.
    fn flood(&self, id: &str) -> record::Result<Option<FloodRow>>;
    /// The time line of a flood.
    fn flood_points(&self, id: &str) -> record::Result<Vec<Point>>;
    /// Points of a target and vector; seconds since 1970.
    fn series(
        &self,
        target: &str,
        vector: &str,
        resolution: Resolution,
        seconds: Range<i64>,
    ) -> record::Result<Vec<Point>>;
    /// Entries of the ledger, newest first.
    fn entries(&self, filter: &Filter, page: &Page) -> record::Result<PageOf<StoredEntry>>;
    /// The evidence of a flood.
    fn evidence(&self, flood: &str) -> record::Result<Vec<EvidenceItem>>;
    /// The same as a pcap or Parquet file, with hosts hidden, and with `of` only what names one of those addresses; none
    /// without any.
    fn evidence_file(
        &self,
        flood: &str,
        kind: EvidenceKind,
        of: Option<&Mine<'_>>,
    ) -> record::Result<Option<Vec<u8>>>;
    /// Networks that the kept traffic of a flood came from, the one with the most packets first; `of` as with a file.
    fn evidence_networks(&self, flood: &str, of: Option<&Mine<'_>>) -> record::Result<Vec<NetworkShare>>;
    /// How much there is.
    fn totals(&self) -> record::Result<Totals>;
}

impl Archive for Reader {
    fn floods(&self, filter: &Filter, page: &Page) -> record::Result<PageOf<FloodRow>> {
        Self::floods(self, filter, page)
    }

    fn flood(&self, id: &str) -> record::Result<Option<FloodRow>> {
        Self::flood(self, id)
    }

    fn flood_points(&self, id: &str) -> record::Result<Vec<Point>> {
        Self::flood_points(self, id)
    }

    fn series(
        &self,
        target: &str,
        vector: &str,
        resolution: Resolution,
        seconds: Range<i64>,
    ) -> record::Result<Vec<Point>> {
        Self::series(self, target, vector, resolution, seconds)
    }

    fn entries(&self, filter: &Filter, page: &Page) -> record::Result<PageOf<StoredEntry>> {
        Self::entries(self, filter, page)
    }

    fn evidence(&self, flood: &str) -> record::Result<Vec<EvidenceItem>> {
        Self::evidence(self, flood)
    }

    fn evidence_file(
        &self,
        flood: &str,
        kind: EvidenceKind,
        of: Option<&Mine<'_>>,
    ) -> record::Result<Option<Vec<u8>>> {
        Self::evidence_file(self, flood, kind, of)
    }

    fn evidence_networks(&self, flood: &str, of: Option<&Mine<'_>>) -> record::Result<Vec<NetworkShare>> {
        Self::evidence_networks(self, flood, of)
    }

    fn totals(&self) -> record::Result<Totals> {
        Self::totals(self)
    }
}

/// Where it is written down what people did.
pub trait Journal: Send + Sync {
    /// Writes an entry and waits until it is kept. What was not written down has not happened: the caller says so.
    fn append(&self, entry: Entry) -> record::Result<()>;
    /// The plain address of a code, for a purpose that is written down first. None if it is no longer kept.
    fn open_address(&self, code: &str, purpose: &str, who: &str) -> record::Result<Option<IpAddr>>;
    /// Evidence with plain addresses, for a purpose that is written down first. None without any.
    fn open_evidence(
        &self,
        flood: &str,
        kind: EvidenceKind,
        purpose: &str,
        who: &str,
    ) -> record::Result<Option<Vec<u8>>>;
    /// What is held about an address; that it was asked for is written down before it is given.
    fn held_about(&self, address: IpAddr, purpose: &str, who: &str) -> record::Result<AddressReport>;
    /// Erases a person's address, and writes down that it was done.
    fn erase(&self, address: IpAddr, purpose: &str, who: &str) -> record::Result<Erasure>;
}

impl Journal for Writer {
    fn append(&self, entry: Entry) -> record::Result<()> {
        Self::append(self, entry).map(|_| ())
    }

    fn open_address(&self, code: &str, purpose: &str, who: &str) -> record::Result<Option<IpAddr>> {
        Self::open_address(self, code, purpose, who)
    }

    fn open_evidence(
        &self,
        flood: &str,
        kind: EvidenceKind,
        purpose: &str,
        who: &str,
    ) -> record::Result<Option<Vec<u8>>> {
        Self::open_evidence(self, flood, kind, purpose, who)
    }

    fn held_about(&self, address: IpAddr, purpose: &str, who: &str) -> record::Result<AddressReport> {
        Self::held_about(self, address, purpose, who)
    }

    fn erase(&self, address: IpAddr, purpose: &str, who: &str) -> record::Result<Erasure> {
        Self::erase(self, address, purpose, who)
    }
}
