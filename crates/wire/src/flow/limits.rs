//! How much the decoder remembers, whatever is sent to it.

/// Bounds on the state that exporters, or those who forge their addresses, can make the decoder keep.
///
/// With the defaults the worst case is about 25 MB by the sizes of the types, reached only when 1 024 sources
/// each state as many sampling rates as they may; an ordinary router needs about 10 kB.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Sources kept: pairs of exporter and observation domain (source id, engine, sFlow sub-agent). When full,
    /// a source that was silent for [`Limits::idle_seconds`] makes room, else the new one is refused.
    pub sources: usize,
    /// Sources kept for one exporter address.
    pub domains_per_exporter: usize,
    /// Templates kept for one source; the one that was longest without data makes room.
    pub templates_per_domain: usize,
    /// Fields in one template; a longer one is refused.
    pub fields_per_template: usize,
    /// Template fields kept in all, where a template counts as 32 fields more than it has, for its fixed size.
    /// Beyond it a new template must find room in its own source.
    pub fields_total: usize,
    /// Part of [`Limits::fields_total`] that one exporter address may use, so that one with very many templates leaves
    /// room for those of others.
    pub fields_per_exporter: usize,
    /// Templates added or changed by one datagram; further ones are refused.
    pub template_changes_per_datagram: usize,
    /// Sampling rates (by sampler or by interface) kept for one source.
    pub samplers_per_domain: usize,
    /// Options records interpreted in one datagram; further ones are counted only.
    pub options_records_per_datagram: usize,
    /// Seconds of data time without a datagram after which a source may make room for a new one.
    pub idle_seconds: u32,
}

impl Limits {
    /// Default of [`Limits::sources`].
    pub const SOURCES: usize = 1024;
    /// Default of [`Limits::domains_per_exporter`]: line cards and virtual routers of a big chassis.
    pub const DOMAINS_PER_EXPORTER: usize = 64;
    /// Default of [`Limits::templates_per_domain`].
    pub const TEMPLATES_PER_DOMAIN: usize = 256;
    /// Default of [`Limits::fields_per_template`]: the longest seen in the field have about 120.
    pub const FIELDS_PER_TEMPLATE: usize = 512;
    /// Default of [`Limits::fields_total`].
    pub const FIELDS_TOTAL: usize = 1 << 18;
    /// Default of [`Limits::fields_per_exporter`]: an eighth of all, for some 500 templates of 30 fields.
    pub const FIELDS_PER_EXPORTER: usize = Self::FIELDS_TOTAL / 8;
    /// Default of [`Limits::template_changes_per_datagram`].
    pub const TEMPLATE_CHANGES_PER_DATAGRAM: usize = 256;
    /// Default of [`Limits::samplers_per_domain`].
    pub const SAMPLERS_PER_DOMAIN: usize = 256;
    /// Default of [`Limits::options_records_per_datagram`].
    pub const OPTIONS_RECORDS_PER_DATAGRAM: usize = 1024;
    /// Default of [`Limits::idle_seconds`]: exporters repeat templates at least every 30 minutes.
    pub const IDLE_SECONDS: u32 = 1800;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sources: Self::SOURCES,
            domains_per_exporter: Self::DOMAINS_PER_EXPORTER,
            templates_per_domain: Self::TEMPLATES_PER_DOMAIN,
            fields_per_template: Self::FIELDS_PER_TEMPLATE,
            fields_total: Self::FIELDS_TOTAL,
            fields_per_exporter: Self::FIELDS_PER_EXPORTER,
            template_changes_per_datagram: Self::TEMPLATE_CHANGES_PER_DATAGRAM,
            samplers_per_domain: Self::SAMPLERS_PER_DOMAIN,
            options_records_per_datagram: Self::OPTIONS_RECORDS_PER_DATAGRAM,
            idle_seconds: Self::IDLE_SECONDS,
        }
    }
}
