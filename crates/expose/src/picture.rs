//! The graph as a drawing: zones as bands from outside to inside, elements as boxes in them, single points marked.
//!
//! The drawing is SVG without scripts, styles or anything from elsewhere; classes say what a thing is, and whoever shows it
//! has the style sheet. The title of a service names what each way from outside to it passes ([`crate::dominators()`]). Every box is a link to `#w` and its place in the model, where the witness stands. Lines are drawn at once
//! while there are few boxes; of a large house each box carries its own, for a style sheet to show when it is pointed at.
//!
//! Names are cut to [`NAME_CHARACTERS`] characters; the whole stands in the title. At most [`MAXIMUM_BOXES`] boxes are drawn.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use institution::{Exposure as Reachable, NodeKind};

use crate::analysis::Exposure;
use crate::dominators::{chain, dominators};
use crate::model::{Kind, Model};
use crate::unit::{Reach, carries, end_of, is_finite};

/// Most boxes of a drawing; what is needed least is left out, and said.
pub const MAXIMUM_BOXES: usize = 600;
/// With more boxes than this, lines are shown only of the one that is pointed at.
pub const MAXIMUM_WITH_LINES: usize = 60;
/// Characters of a name in a box.
pub const NAME_CHARACTERS: usize = 18;
/// Names in a title of what each way passes, the nearest.
const MAXIMUM_PASSED: usize = 6;
/// The same beside a mark.
const NAME_BESIDE_MARK: usize = 15;

const WIDTH: usize = 1200;
const MARGIN: usize = 12;
const COLUMNS: usize = 7;
const BOX_WIDTH: usize = 158;
const BOX_HEIGHT: usize = 26;
const COLUMN_STEP: usize = 167;
const ROW_STEP: usize = 36;
const TITLE_HEIGHT: usize = 26;
const BAND_GAP: usize = 22;

/// A drawing, and what is not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    /// The SVG element.
    pub svg: String,
    /// How many boxes there was no room for.
    pub omitted: usize,
}

struct Band {
    title: String,
    note: String,
    outside_control: bool,
    places: Vec<usize>,
}

/// Draws what `seen` lets through.
pub fn draw(exposure: &Exposure, seen: &dyn Fn(usize) -> bool) -> Picture {
    let model = &exposure.model;
    let mut single: BTreeMap<usize, usize> = BTreeMap::new();
    for (place, cuts) in exposure.services().filter(|&(place, _)| seen(place)) {
        let _ = place;
        for event in cuts.single() {
            *single.entry(event as usize).or_default() += 1;
        }
    }
    let mut bands = bands(model, seen);
    let mut left = MAXIMUM_BOXES;
    let mut omitted = 0;
    for band in &mut bands {
        // Nodes first, the ones that matter most before others; then services by what their loss means.
        band.places.sort_by_key(|&place| {
            let element = &model.elements[place];
            let weight = single.get(&place).copied().unwrap_or(0);
            (
                element.kind == Kind::Service,
                std::cmp::Reverse(element.criticality),
                std::cmp::Reverse(weight),
                place,
            )
        });
        omitted += band.places.len().saturating_sub(left);
        band.places.truncate(left);
        left -= band.places.len();
    }
    bands.retain(|band| !band.places.is_empty());
    let (positions, heights, height) = positions(&bands);
    let mut svg = format!(
        "<svg class=\"exposure\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"Zones from outside to inside, with what fails alone marked\">"
    );
    for (band, &(top, tall)) in bands.iter().zip(&heights) {
        draw_band(&mut svg, band, top, tall);
    }
    let few = positions.len() <= MAXIMUM_WITH_LINES;
    if few {
        svg.push_str("<g class=\"lines\">");
        for &place in positions.keys() {
            svg.push_str(&lines(model, place, &positions, &single));
        }
        svg.push_str("</g>");
    }
    let above = dominators(model).unwrap_or_default();
    for (&place, &at) in &positions {
        let passes = match model.elements[place].kind {
            Kind::Service => passed(model, &above, place, seen),
            Kind::Node(_) => String::new(),
        };
        let own = if few { String::new() } else { lines(model, place, &positions, &single) };
        draw_box(&mut svg, exposure, place, at, &single, (&own, &passes));
    }
    svg.push_str("</svg>");
    Picture { svg, omitted }
}

fn bands(model: &Model, seen: &dyn Fn(usize) -> bool) -> Vec<Band> {
    let mut bands = vec![Band {
        title: "Outside and between".to_owned(),
        note: "lines, and what stands in no zone".to_owned(),
        outside_control: false,
        places: (0..model.elements.len())
            .filter(|&place| seen(place) && model.elements[place].area.is_none())
            .collect(),
    }];
    let mut areas: Vec<usize> = (0..model.areas.len()).collect();
    let depth = |area: &usize| match model.areas[*area].exposure {
        Reachable::Internet => 0,
        Reachable::Partners => 1,
        Reachable::Internal => 2,
        Reachable::Isolated => 3,
    };
    let own = |area: &usize| model.parties.get(model.areas[*area].party).is_none_or(|party| party.own);
    // Zones of others stand first: they are outside too.
    areas.sort_by_key(|area| (own(area), depth(area), *area));
    for area in areas {
        let of = &model.areas[area];
        let party = model.parties.get(of.party).filter(|party| !party.own);
        let mut note = format!("reached by {}", reached_by(of.exposure));
        if let Some(party) = party {
            let _ = write!(note, "; run by {}, outside own control", party.title);
        }
        bands.push(Band {
            title: of.title.clone(),
            note,
            outside_control: party.is_some(),
            places: (0..model.elements.len())
                .filter(|&place| seen(place) && model.elements[place].area == Some(area))
                .collect(),
        });
    }
    bands
}

const fn reached_by(exposure: Reachable) -> &'static str {
    match exposure {
        Reachable::Internet => "everybody",
        Reachable::Partners => "partners",
        Reachable::Internal => "own zones",
        Reachable::Isolated => "nobody from outside",
    }
}

type Positions = BTreeMap<usize, (usize, usize)>;

fn positions(bands: &[Band]) -> (Positions, Vec<(usize, usize)>, usize) {
    let mut positions = BTreeMap::new();
    let mut heights = Vec::new();
    let mut top = MARGIN;
    for band in bands {
        let rows = band.places.len().div_ceil(COLUMNS);
        let tall = TITLE_HEIGHT + rows * ROW_STEP + 4;
        for (number, &place) in band.places.iter().enumerate() {
            let x = MARGIN + 10 + (number % COLUMNS) * COLUMN_STEP;
            let y = top + TITLE_HEIGHT + (number / COLUMNS) * ROW_STEP + 2;
            positions.insert(place, (x, y));
        }
        heights.push((top, tall));
        top += tall + BAND_GAP;
    }
    (positions, heights, top.saturating_sub(BAND_GAP) + MARGIN)
}

fn draw_band(svg: &mut String, band: &Band, top: usize, tall: usize) {
    let class = if band.outside_control { "band other" } else { "band" };
    let _ = write!(
        svg,
        "<g class=\"{class}\"><rect x=\"{MARGIN}\" y=\"{top}\" width=\"{}\" height=\"{tall}\" rx=\"8\"/>\
         <text x=\"{}\" y=\"{}\" class=\"band-title\">{}<tspan class=\"band-note\" dx=\"10\">{}</tspan></text></g>",
        WIDTH - 2 * MARGIN,
        MARGIN + 10,
        top + 17,
        escaped(&band.title),
        escaped(&band.note),
    );
}

/// Lines from a box to what it needs.
fn lines(model: &Model, place: usize, positions: &Positions, single: &BTreeMap<usize, usize>) -> String {
    let Some(&from) = positions.get(&place) else { return String::new() };
    let mut svg = String::new();
    let mut needed =
        model.elements[place].needs.as_ref().map(crate::Expression::elements).unwrap_or_default();
    needed.sort_unstable();
    needed.dedup();
    for next in needed {
        let Some(&to) = positions.get(&next) else { continue };
        let class = if single.contains_key(&next) { "line alone" } else { "line" };
        let (x1, x2) = (from.0 + BOX_WIDTH / 2, to.0 + BOX_WIDTH / 2);
        // From the nearer edges, so that no line crosses its own boxes.
        let (y1, y2) = match from.1.cmp(&to.1) {
            std::cmp::Ordering::Greater => (from.1, to.1 + BOX_HEIGHT),
            std::cmp::Ordering::Less => (from.1 + BOX_HEIGHT, to.1),
            std::cmp::Ordering::Equal => (from.1 + BOX_HEIGHT, to.1 + BOX_HEIGHT),
        };
        let bend = if y1 == y2 { y1 + 12 } else { y1.midpoint(y2) };
        let _ = write!(svg, "<path class=\"{class}\" d=\"M{x1} {y1}C{x1} {bend} {x2} {bend} {x2} {y2}\"/>");
    }
    svg
}

/// What every way from outside to a service passes, the nearest last; what the reader does not see is not named.
fn passed(model: &Model, above: &[Option<usize>], place: usize, seen: &dyn Fn(usize) -> bool) -> String {
    let mut names: Vec<&str> = chain(above, place)
        .into_iter()
        .filter(|&place| seen(place))
        .take(MAXIMUM_PASSED)
        .map(|place| model.elements[place].name.as_str())
        .collect();
    names.reverse();
    if names.is_empty() { String::new() } else { format!("; each way to it passes {}", names.join(", ")) }
}

fn draw_box(
    svg: &mut String,
    exposure: &Exposure,
    place: usize,
    (x, y): (usize, usize),
    single: &BTreeMap<usize, usize>,
    (own_lines, passes): (&str, &str),
) {
    let model = &exposure.model;
    let element = &model.elements[place];
    let alone = single.get(&place).copied().unwrap_or(0);
    let mut class = String::from(if element.kind == Kind::Service { "box service" } else { "box node" });
    if alone > 0 {
        class.push_str(" alone");
    }
    if !model.is_own(place) {
        class.push_str(" other");
    }
    if element.kind == Kind::Service {
        let _ = write!(class, " {}", element.criticality.as_str());
    }
    let room = if alone > 0 { NAME_BESIDE_MARK } else { NAME_CHARACTERS };
    let mut name: String = element.name.chars().take(room).collect();
    if name.len() < element.name.len() {
        name.push('…');
    }
    let mut title = format!("{} ({})", element.name, element.kind.word().replace('_', " "));
    if alone > 0 {
        let _ = write!(title, ": alone stops {alone} service{}", if alone == 1 { "" } else { "s" });
    }
    if let Some(party) = model.party(element).filter(|party| !party.own) {
        let _ = write!(title, "; run by {}, outside own control", party.title);
    }
    title.push_str(passes);
    let unknown = is_unknown(model, place);
    if unknown {
        title.push_str("; capacity not written down");
    }
    let radius = if element.kind == Kind::Service { 13 } else { 3 };
    let _ = write!(
        svg,
        "<a class=\"{class}\" href=\"#w{place}\"><title>{}</title>{own_lines}\
         <rect x=\"{x}\" y=\"{y}\" width=\"{BOX_WIDTH}\" height=\"{BOX_HEIGHT}\" rx=\"{radius}\"/>\
         <text x=\"{}\" y=\"{}\">{}</text>",
        escaped(&title),
        x + 10,
        y + 17,
        escaped(&name),
    );
    if alone > 0 {
        // A shape beside the colour, so that nothing hangs on colours.
        let (right, middle) = (x + BOX_WIDTH - 4, y + BOX_HEIGHT / 2);
        let wide = if alone > 99 { 30 } else { 22 };
        let _ = write!(
            svg,
            "<path class=\"mark\" d=\"M{} {middle}l6 -10h{wide}v20h-{wide}z\"/><text class=\"mark-text\" x=\"{}\" y=\"{}\">{alone}</text>",
            right - wide - 6,
            right - wide / 2,
            middle + 4,
        );
    } else if unknown {
        let _ = write!(svg, "<text class=\"unknown\" x=\"{}\" y=\"{}\">?</text>", x + BOX_WIDTH - 14, y + 17);
    }
    svg.push_str("</a>");
}

/// Whether it stands in the way of traffic and nothing says how much it carries.
pub fn is_unknown(model: &Model, place: usize) -> bool {
    let element = &model.elements[place];
    let matters = match element.kind {
        Kind::Node(kind) => {
            carries(kind) || matches!(kind, NodeKind::NameServer | NodeKind::IdentityProvider)
        }
        Kind::Service => false,
    };
    matters
        && is_finite(element.kind)
        && end_of(element.kind, &element.capacity, Reach::Carried).known.is_empty()
}

/// Text inside SVG.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            control if control.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}
