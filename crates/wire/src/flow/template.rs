//! A template, compiled once so that reading a record is a handful of masked loads (module `layout`).
//!
//! Templates with fields of variable length are walked for each record to find where the fields are.

use super::{
    bytes::Bytes,
    fields::{Slot, TimeForm, meaning},
    layout::{Layout, Place, SHORT},
    record::Protocol,
};

/// Length that stands for "variable" in a template (RFC 7011 section 7).
const VARIABLE: u16 = 0xffff;
/// What a template costs of the budget beside its fields: about its fixed size over that of a field.
const OVERHEAD_FIELDS: usize = 48;
/// Which address families a template has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Families {
    None,
    Ipv4,
    Ipv6,
    /// Both, IPv4 first: the later one is used where the first is zero.
    Ipv4First,
    /// Both, IPv6 first.
    Ipv6First,
}

/// How the records of a template say when they began and ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Times {
    /// Both as [`TimeForm::Uptime`].
    Uptimes,
    /// Both as [`TimeForm::Milliseconds`].
    Milliseconds,
    /// In any other way.
    Uncommon,
}

/// What a template has, so that rare groups of fields cost one test for each record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) families: Families,
    /// Whether [`super::layout::ShortRecord`] can read all that there is in a record.
    pub(super) short: bool,
    pub(super) times: Times,
    pub(super) first: TimeForm,
    pub(super) last: TimeForm,
    pub(super) duration: TimeForm,
    pub(super) reverse_first: TimeForm,
    pub(super) reverse_last: TimeForm,
    /// Counters of the reverse direction.
    pub(super) reverse: bool,
    /// A sampling rate or a sampler's name in the record itself.
    pub(super) sampling: bool,
    pub(super) icmp: bool,
    pub(super) fragment: bool,
    /// Counters after a middlebox, to stand in for missing ones.
    pub(super) post: bool,
    pub(super) direction: bool,
    pub(super) next_hop: bool,
    pub(super) frame: bool,
}

/// One step of the walk through a record with fields of variable length.
#[derive(Clone, Copy, Debug)]
struct Step {
    /// Length, or [`VARIABLE`].
    length: u16,
    slot: Option<Slot>,
}

/// How long the records of a template are.
#[derive(Clone, Debug)]
enum Shape {
    Fixed(usize),
    Walked(Box<[Step]>),
}

/// A compiled template.
#[derive(Clone, Debug)]
pub(super) struct Template {
    pub(super) id: u16,
    pub(super) options: bool,
    /// Datagram number of the last use; templates never used for data make room first.
    pub(super) used: u64,
    /// The definition as announced, to tell a repetition from a change.
    definition: Box<[u8]>,
    fields: usize,
    layout: Layout,
    pub(super) plan: Plan,
    shape: Shape,
}

/// How a template's fields are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Definition<'a> {
    pub(super) protocol: Protocol,
    pub(super) id: u16,
    /// Number of fields, scope included.
    pub(super) fields: usize,
    /// Number of scope fields; `None` for a data template.
    pub(super) scopes: Option<usize>,
    /// The field specifiers.
    pub(super) bytes: &'a [u8],
}

/// One field specifier, read.
struct Specifier {
    enterprise: u32,
    element: u16,
    length: u16,
}

/// Reads one field specifier (RFC 7011 section 3.2, RFC 3954 section 5.2).
fn specifier(bytes: &mut Bytes<'_>, protocol: Protocol) -> Option<Specifier> {
    let element = bytes.u16()?;
    let length = bytes.u16()?;
    if protocol == Protocol::Ipfix && element & 0x8000 != 0 {
        return Some(Specifier { enterprise: bytes.u32()?, element: element & 0x7fff, length });
    }
    Some(Specifier { enterprise: 0, element, length })
}

/// Takes `fields` field specifiers; `None` if they do not fit.
pub(super) fn take_specifiers<'a>(
    bytes: &mut Bytes<'a>,
    protocol: Protocol,
    fields: usize,
) -> Option<&'a [u8]> {
    let start = bytes.rest();
    for _ in 0..fields {
        specifier(bytes, protocol)?;
    }
    start.get(..start.len() - bytes.len())
}

impl Template {
    /// Compiles a definition. `None`: its records would have no length, or one beyond 65 535 bytes.
    pub(super) fn compile(definition: &Definition<'_>) -> Option<Self> {
        let mut bytes = Bytes::new(definition.bytes);
        let mut compiler = Compiler::default();
        for index in 0..definition.fields {
            let mut field = specifier(&mut bytes, definition.protocol)?;
            // NetFlow v9 numbers scopes apart (RFC 3954 section 6.1): 2 is the interface, others are skipped.
            if definition.protocol == Protocol::Netflow9 && definition.scopes.is_some_and(|n| index < n) {
                field.element = if field.element == 2 { 10 } else { 0 };
            }
            compiler.field(definition.protocol, &field)?;
        }
        let (layout, plan, shape) = compiler.finish()?;
        Some(Self {
            id: definition.id,
            options: definition.scopes.is_some(),
            used: 0,
            definition: definition.bytes.into(),
            fields: definition.fields,
            layout,
            plan,
            shape,
        })
    }

    /// Whether this is what `definition` says.
    pub(super) fn is(&self, definition: &Definition<'_>) -> bool {
        self.options == definition.scopes.is_some()
            && self.fields == definition.fields
            && *self.definition == *definition.bytes
    }

    /// What this template uses of the budget of fields.
    pub(super) fn cost(&self) -> usize {
        self.fields + OVERHEAD_FIELDS
    }

    /// Length of each record, if it is fixed.
    pub(super) fn fixed_length(&self) -> Option<usize> {
        match self.shape {
            Shape::Fixed(length) => Some(length),
            Shape::Walked(_) => None,
        }
    }

    /// Layout of records of fixed length.
    pub(super) const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Finds the fields of the record at the start of `bytes` and writes their places into `layout`, which is
    /// this template's; gives the record's length, `None` if it is cut off.
    #[inline]
    pub(super) fn walk(&self, bytes: &[u8], layout: &mut Layout) -> Option<usize> {
        let Shape::Walked(steps) = &self.shape else { return None };
        let mut rest = Bytes::new(bytes);
        for step in steps {
            let width = match step.length {
                VARIABLE => match rest.u8()? {
                    255 => rest.u16()?,
                    short => u16::from(short),
                },
                fixed => fixed,
            };
            rest.take(usize::from(width))?;
            if let Some(slot) = step.slot {
                // A place wider than an integer holds its value in the last eight bytes.
                let width = if slot == Slot::Frame || step.length != VARIABLE { width } else { width.min(8) };
                let end = u16::try_from(bytes.len() - rest.len()).ok()?;
                layout.place(slot, Place { end, width });
            }
        }
        Some(bytes.len() - rest.len())
    }
}

const FOUR: [Slot; 2] = [Slot::Source4, Slot::Destination4];
const SIX: [Slot; 2] = [Slot::Source6, Slot::Destination6];

/// The state of a compilation.
struct Compiler {
    places: [Place; Slot::COUNT],
    ranks: [u8; Slot::COUNT],
    forms: [TimeForm; Slot::COUNT],
    /// Field that fills the slot, as an index into `steps`.
    owner: [u16; Slot::COUNT],
    steps: Vec<Step>,
    length: usize,
    variable: bool,
}

impl Default for Compiler {
    fn default() -> Self {
        Self {
            places: [Place::default(); Slot::COUNT],
            ranks: [0; Slot::COUNT],
            forms: [TimeForm::Absent; Slot::COUNT],
            owner: [0; Slot::COUNT],
            steps: Vec::new(),
            length: 0,
            variable: false,
        }
    }
}

impl Compiler {
    fn field(&mut self, protocol: Protocol, field: &Specifier) -> Option<()> {
        // NetFlow v9 has no variable lengths: there, 65 535 would be a length no record can have.
        let variable = protocol == Protocol::Ipfix && field.length == VARIABLE;
        // A field without bytes says nothing, and would cost a step for each record.
        if field.length == 0 {
            return Some(());
        }
        if variable {
            self.variable = true;
        } else {
            self.length += usize::from(field.length);
            if self.length > usize::from(u16::MAX) {
                return None;
            }
        }
        let length = (!variable).then_some(field.length);
        let meaning = meaning(protocol, field.enterprise, field.element, length);
        let index = u16::try_from(self.steps.len()).ok()?;
        let mut taken = None;
        if let Some(meaning) = meaning
            && meaning.rank > self.ranks[meaning.slot as usize]
        {
            let slot = meaning.slot as usize;
            if self.ranks[slot] > 0
                && let Some(step) = self.steps.get_mut(usize::from(self.owner[slot]))
            {
                step.slot = None;
            }
            self.ranks[slot] = meaning.rank;
            self.forms[slot] = meaning.form;
            self.owner[slot] = index;
            self.places[slot] = Place { end: self.length as u16, width: length.unwrap_or(1) };
            taken = Some(meaning.slot);
        }
        self.steps.push(Step { length: field.length, slot: taken });
        Some(())
    }

    /// Index of the first field that fills one of `slots`.
    fn first_owner(&self, slots: [Slot; 2]) -> u16 {
        let owned = slots.into_iter().filter(|&slot| self.ranks[slot as usize] > 0);
        owned.map(|slot| self.owner[slot as usize]).min().unwrap_or(u16::MAX)
    }

    fn finish(self) -> Option<(Layout, Plan, Shape)> {
        if self.length == 0 && !self.variable {
            return None;
        }
        let layout = Layout::new(self.places);
        let has = |slot| layout.has(slot);
        let form = |slot: Slot| self.forms[slot as usize];
        let four = FOUR.into_iter().any(has);
        let six = SIX.into_iter().any(has);
        let reverse = has(Slot::ReversePackets) || has(Slot::ReverseBytes);
        let plan = Plan {
            short: !self.variable && self.length <= SHORT && (four || six) && !reverse,
            families: match (four, six) {
                (false, false) => Families::None,
                (true, false) => Families::Ipv4,
                (false, true) => Families::Ipv6,
                (true, true) if self.first_owner(FOUR) <= self.first_owner(SIX) => Families::Ipv4First,
                (true, true) => Families::Ipv6First,
            },
            times: match (form(Slot::First), form(Slot::Last)) {
                (TimeForm::Uptime, TimeForm::Uptime) => Times::Uptimes,
                (TimeForm::Milliseconds, TimeForm::Milliseconds) => Times::Milliseconds,
                _ => Times::Uncommon,
            },
            first: form(Slot::First),
            last: form(Slot::Last),
            duration: form(Slot::Duration),
            reverse_first: form(Slot::ReverseFirst),
            reverse_last: form(Slot::ReverseLast),
            reverse,
            sampling: [
                Slot::Sampler,
                Slot::SamplingInterval,
                Slot::SampledPackets,
                Slot::SamplePopulation,
                Slot::SampleProbability,
            ]
            .into_iter()
            .any(has),
            icmp: [Slot::Icmp4, Slot::Icmp6, Slot::IcmpType4, Slot::IcmpType6].into_iter().any(has),
            fragment: has(Slot::FragmentFlags) || has(Slot::FragmentOffset),
            post: has(Slot::PostPackets) || has(Slot::PostBytes),
            direction: has(Slot::Direction),
            next_hop: has(Slot::NextHop4) || has(Slot::NextHop6),
            frame: has(Slot::Frame),
        };
        let shape =
            if self.variable { Shape::Walked(merged(&self.steps)) } else { Shape::Fixed(self.length) };
        Some((layout, plan, shape))
    }
}

/// Runs of fields that nobody looks at become one step.
fn merged(steps: &[Step]) -> Box<[Step]> {
    let mut out: Vec<Step> = Vec::with_capacity(steps.len());
    for step in steps {
        match out.last_mut() {
            Some(last)
                if last.slot.is_none()
                    && step.slot.is_none()
                    && last.length != VARIABLE
                    && step.length != VARIABLE
                    && last.length.checked_add(step.length).is_some_and(|sum| sum != VARIABLE) =>
            {
                last.length += step.length;
            }
            _ => out.push(*step),
        }
    }
    out.into_boxed_slice()
}
