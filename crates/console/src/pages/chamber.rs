//! The chamber: services as seats of a hemicycle, by zone and criticality.
//!
//! What parliament cannot work without sits in front. Zones are sectors, the public ones to the left. A state has a shape
//! and a colour, each enough alone. It is one SVG with links, so it works without the script, prints, and can be walked
//! through by keyboard; what it says also stands in the lists below it.

use std::f64::consts::PI;
use std::fmt::Write as _;

use maud::{Markup, PreEscaped, Render, html};

use super::layout::shape;
use crate::live::{Criticality, Service, Snapshot, State};

/// Between the middles of two seats of a row, and of two rows.
const SEAT_STEP: f64 = 37.0;
const ROW_STEP: f64 = 40.0;
/// More room between rows of different criticality.
const BAND_GAP: f64 = 17.0;
/// The first row.
const FIRST_RADIUS: f64 = 156.0;
/// Half a seat.
const SEAT: f64 = 12.5;
/// Between zones, in radians.
const AISLE: f64 = 0.06;
/// Between the first and the last seat and the floor of the picture, in radians.
const STEP_DOWN: f64 = 0.05;
/// Around everything, for the names of zones.
const MARGIN: f64 = 46.0;
/// About what one letter of a zone's name is wide.
const LETTER: f64 = 9.2;

/// A zone's sector.
struct Sector<'a> {
    title: &'a str,
    services: Vec<&'a Service>,
    /// From and to, in radians, counted from the left.
    from: f64,
    to: f64,
}

struct Seat<'a> {
    service: &'a Service,
    x: f64,
    y: f64,
}

fn sectors<'a>(snapshot: &'a Snapshot, services: &[&'a Service]) -> Vec<Sector<'a>> {
    let mut sectors = Vec::new();
    for public in [true, false] {
        for zone in snapshot.zones.iter().filter(|zone| zone.public == public) {
            let here: Vec<&Service> =
                services.iter().copied().filter(|service| service.zone == zone.name).collect();
            if !here.is_empty() {
                sectors.push(Sector { title: &zone.title, services: here, from: 0.0, to: 0.0 });
            }
        }
    }
    let known = |service: &Service| snapshot.zones.iter().any(|zone| zone.name == service.zone);
    let elsewhere: Vec<&Service> = services.iter().copied().filter(|service| !known(service)).collect();
    if !elsewhere.is_empty() {
        sectors.push(Sector { title: "No zone", services: elsewhere, from: 0.0, to: 0.0 });
    }
    // A zone with one service still needs the room of its name.
    #[expect(clippy::cast_precision_loss, reason = "at most 65,535 services")]
    let weight = |sector: &Sector<'_>| (sector.services.len() as f64).max(2.5);
    let total: f64 = sectors.iter().map(weight).sum();
    #[expect(clippy::cast_precision_loss, reason = "at most 65,535 zones")]
    let free = PI - 2.0 * STEP_DOWN - AISLE * (sectors.len().saturating_sub(1)) as f64;
    let mut from = STEP_DOWN;
    for sector in &mut sectors {
        let angle = free.max(0.5) * weight(sector) / total;
        (sector.from, sector.to) = (from, from + angle);
        from += angle + AISLE;
    }
    sectors
}

/// A point at an angle from the left, over a middle at the origin.
fn point(radius: f64, angle: f64) -> (f64, f64) {
    (-radius * angle.cos(), -radius * angle.sin())
}

/// Seats, the radius of the last row, and the rows, each with its criticality.
fn seats<'a>(sectors: &[Sector<'a>]) -> (Vec<Seat<'a>>, f64, Vec<(f64, Criticality)>) {
    let (mut all, mut rows) = (Vec::new(), Vec::new());
    let mut radius = FIRST_RADIUS;
    for criticality in Criticality::ALL {
        let mut waiting: Vec<Vec<&Service>> = sectors
            .iter()
            .map(|sector| {
                sector.services.iter().copied().filter(|service| service.criticality == criticality).collect()
            })
            .collect();
        if waiting.iter().all(Vec::is_empty) {
            continue;
        }
        while waiting.iter().any(|services| !services.is_empty()) {
            for (sector, services) in sectors.iter().zip(&mut waiting) {
                let taken = take(services, (sector.to - sector.from) * radius / SEAT_STEP);
                place(&mut all, &taken, sector, radius);
            }
            rows.push((radius, criticality));
            radius += ROW_STEP;
        }
        radius += BAND_GAP;
    }
    (all, radius - ROW_STEP - BAND_GAP, rows)
}

/// As many as fit into a row of a sector; when they need several rows, about as many in each.
fn take<'a>(waiting: &mut Vec<&'a Service>, room: f64) -> Vec<&'a Service> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive small number")]
    let fits = (room.floor() as usize).max(1);
    let rows = waiting.len().div_ceil(fits).max(1);
    let count = waiting.len().div_ceil(rows);
    waiting.drain(..count).collect()
}

fn place<'a>(all: &mut Vec<Seat<'a>>, services: &[&'a Service], sector: &Sector<'_>, radius: f64) {
    #[expect(clippy::cast_precision_loss, reason = "a row has few seats")]
    let step = (sector.to - sector.from) / services.len().max(1) as f64;
    let step = step.min(SEAT_STEP * 2.2 / radius);
    let middle = f64::midpoint(sector.from, sector.to);
    for (index, service) in services.iter().enumerate() {
        #[expect(clippy::cast_precision_loss, reason = "a row has few seats")]
        let offset = index as f64 - (services.len() - 1) as f64 / 2.0;
        let (x, y) = point(radius, middle + offset * step);
        all.push(Seat { service, x, y });
    }
}

fn arc(radius: f64, from: f64, to: f64) -> String {
    let ((x1, y1), (x2, y2)) = (point(radius, from), point(radius, to));
    format!("M{x1:.1} {y1:.1}A{radius:.1} {radius:.1} 0 0 1 {x2:.1} {y2:.1}")
}

fn escaped(text: &str) -> String {
    text.render().into_string()
}

/// The picture.
pub(crate) fn picture(snapshot: &Snapshot, services: &[&Service]) -> Markup {
    let sectors = sectors(snapshot, services);
    let (seats, outer, rows) = seats(&sectors);
    let mut inside = String::new();
    for sector in &sectors {
        floor(&mut inside, sector, outer);
        for (radius, _) in &rows {
            let _ = write!(inside, "<path class=\"bench\" d=\"{}\"/>", arc(*radius, sector.from, sector.to));
        }
    }
    bands(&mut inside, &rows);
    for state in State::ALL.into_iter().rev() {
        for seat in seats.iter().filter(|seat| seat.service.state == state) {
            draw(&mut inside, seat, snapshot);
        }
    }
    names(&mut inside, &seats);
    rostrum(&mut inside, services);
    let top = outer + SEAT + MARGIN;
    let half = sectors.iter().map(|sector| reach(sector, outer)).fold(outer + 40.0, f64::max);
    let view = format!("{:.0} {:.0} {:.0} {:.0}", -half, -top, 2.0 * half, top + 42.0);
    html! {
        svg class="chamber" viewBox=(view) role="group" aria-label="Services by zone and criticality" { (PreEscaped(inside)) }
    }
}

/// How far to the side the name of a zone reaches.
fn reach(sector: &Sector<'_>, outer: f64) -> f64 {
    let (x, _) = point(outer + 38.0, f64::midpoint(sector.from, sector.to));
    #[expect(clippy::cast_precision_loss, reason = "the length of a name")]
    let length = sector.title.chars().count() as f64 * LETTER;
    x.abs() + length + 6.0
}

/// Along the floor to the right: which rows are of which criticality.
fn bands(inside: &mut String, rows: &[(f64, Criticality)]) {
    for criticality in Criticality::ALL {
        let of: Vec<f64> = rows.iter().filter(|row| row.1 == criticality).map(|row| row.0).collect();
        let (Some(first), Some(last)) = (of.first(), of.last()) else { continue };
        for side in [-1.0, 1.0] {
            let x = f64::midpoint(*first, *last) * side;
            let _ =
                write!(inside, "<text class=\"band\" x=\"{x:.1}\" y=\"24\">{}</text>", criticality.name());
        }
    }
}

/// Names of the seats that ask for attention, each where it covers neither another name nor a seat.
fn names(inside: &mut String, seats: &[Seat<'_>]) {
    let loud: Vec<&Seat<'_>> =
        seats.iter().filter(|seat| matches!(seat.service.state, State::Flood | State::Surge)).collect();
    let mut taken: Vec<(f64, f64, f64)> = seats.iter().map(|seat| (seat.x, seat.y, SEAT + 3.0)).collect();
    // The most urgent choose first.
    let urgent = loud.iter().filter(|seat| seat.service.state == State::Flood);
    for seat in urgent.chain(loud.iter().filter(|seat| seat.service.state == State::Surge)) {
        #[expect(clippy::cast_precision_loss, reason = "the length of a name")]
        let half = seat.service.name.chars().count() as f64 * 3.9;
        let places =
            [(0.0, -SEAT - 12.0), (0.0, SEAT + 19.0), (SEAT + 14.0 + half, 4.0), (-SEAT - 14.0 - half, 4.0)];
        let free = |(dx, dy): &(f64, f64)| {
            let (x, y) = (seat.x + dx, seat.y + dy);
            let apart = |other: &(f64, f64, f64)| {
                (x - other.0).abs() > half + other.2 || (y - 4.0 - other.1).abs() > 17.0
            };
            y < 12.0 && taken.iter().all(apart)
        };
        let (dx, dy) = places.into_iter().find(free).unwrap_or(places[0]);
        let (x, y) = (seat.x + dx, seat.y + dy);
        taken.push((x, y - 4.0, half));
        let _ = write!(
            inside,
            "<text class=\"name\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>",
            escaped(&seat.service.name)
        );
    }
}

fn floor(inside: &mut String, sector: &Sector<'_>, outer: f64) {
    let (near, far) = (FIRST_RADIUS - 24.0, outer + 24.0);
    let ((x1, y1), (x2, y2)) = (point(far, sector.from), point(far, sector.to));
    let ((x3, y3), (x4, y4)) = (point(near, sector.to), point(near, sector.from));
    let _ = write!(
        inside,
        "<path class=\"floor\" d=\"M{x1:.1} {y1:.1}A{far:.1} {far:.1} 0 0 1 {x2:.1} {y2:.1}L{x3:.1} {y3:.1}\
         A{near:.1} {near:.1} 0 0 0 {x4:.1} {y4:.1}Z\"/>"
    );
    let middle = f64::midpoint(sector.from, sector.to);
    let (x, y) = point(far + 14.0, middle);
    let anchor = match middle {
        middle if middle < PI * 0.42 => "end",
        middle if middle > PI * 0.58 => "start",
        _ => "middle",
    };
    let _ = write!(
        inside,
        "<text class=\"zone\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
        y + 4.0,
        escaped(sector.title)
    );
    let _ = write!(inside, "<path class=\"rim\" d=\"{}\"/>", arc(far, sector.from, sector.to));
}

fn draw(inside: &mut String, seat: &Seat<'_>, snapshot: &Snapshot) {
    let service = seat.service;
    let state = service.state.name();
    let words = format!(
        "{}: {state}. {}, {}",
        service.name,
        super::words::zone(snapshot, &service.zone),
        service.criticality.name()
    );
    let place = match &service.flood {
        Some(id) => format!("/floods/{}", super::escape_query(id)),
        None => format!("/institution#service-{}", super::escape_query(&service.name)),
    };
    let _ = write!(
        inside,
        "<a class=\"seat {state}\" href=\"{}\" aria-label=\"{words}\"><title>{words}</title>",
        escaped(&place),
        words = escaped(&words)
    );
    if service.state == State::Flood {
        let _ = write!(
            inside,
            "<circle class=\"halo\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"{:.1}\"/>",
            seat.x,
            seat.y,
            SEAT + 7.0
        );
    }
    let size =
        if service.state == State::Calm || service.state == State::Unknown { SEAT } else { SEAT * 1.12 };
    inside.push_str(&shape(state, seat.x, seat.y, size));
    inside.push_str("</a>");
}

/// What the middle says: the most urgent state and how many are in it.
fn rostrum(inside: &mut String, services: &[&Service]) {
    let count = |state| services.iter().filter(|service| service.state == state).count();
    let (flood, surge, unknown) = (count(State::Flood), count(State::Surge), count(State::Unknown));
    let (number, words) = match (flood, surge, unknown) {
        (0, 0, _) => (services.len() - unknown, "calm"),
        (0, surge, _) => (surge, "in a surge"),
        (flood, ..) => (flood, "under a flood"),
    };
    let _ = write!(
        inside,
        "<text class=\"number\" x=\"0\" y=\"-40\">{number}</text><text class=\"count\" x=\"0\" y=\"-12\">of {} {words}</text>",
        services.len()
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::Zone;

    fn house(count: usize) -> Snapshot {
        let mut snapshot = Snapshot::empty("x", "UTC", jiff::Timestamp::UNIX_EPOCH);
        let zone = |name: &str, public| Zone { name: name.into(), title: name.into(), public };
        snapshot.zones = vec![zone("in", false), zone("out", true), zone("none", true)];
        snapshot.services = (0..count)
            .map(|number| Service {
                name: format!("service-{number}<"),
                zone: if number % 3 == 0 { "in".into() } else { "out".into() },
                criticality: Criticality::ALL[number % 3],
                state: State::ALL[number % 4],
                ..Service::default()
            })
            .collect();
        snapshot
    }

    #[test]
    fn every_service_has_one_seat_and_no_two_overlap() {
        for count in [1, 2, 7, 40, 200] {
            let snapshot = house(count);
            let services: Vec<&Service> = snapshot.services.iter().collect();
            let sectors = sectors(&snapshot, &services);
            assert!(sectors.iter().all(|sector| sector.title != "none"), "empty zones have no sector");
            let (seats, ..) = seats(&sectors);
            assert_eq!(seats.len(), count);
            for (index, one) in seats.iter().enumerate() {
                assert!(one.y <= 0.01, "in the half circle");
                for other in &seats[..index] {
                    let distance = (one.x - other.x).hypot(one.y - other.y);
                    assert!(
                        distance > 2.0 * SEAT,
                        "{count}: {} and {}",
                        one.service.name,
                        other.service.name
                    );
                }
            }
        }
    }

    #[test]
    fn public_zones_sit_left_and_the_essential_in_front() {
        let snapshot = house(30);
        let services: Vec<&Service> = snapshot.services.iter().collect();
        let sectors = sectors(&snapshot, &services);
        assert_eq!(sectors[0].title, "out");
        let (seats, ..) = seats(&sectors);
        let radius = |criticality| {
            let of = seats.iter().filter(|seat| seat.service.criticality == criticality);
            of.map(|seat| seat.x.hypot(seat.y)).fold(0.0, f64::max)
        };
        assert!(radius(Criticality::Essential) < radius(Criticality::Important));
        assert!(radius(Criticality::Important) < radius(Criticality::Supporting));
    }

    #[test]
    fn each_state_has_its_own_shape_and_names_are_escaped() {
        let snapshot = house(8);
        let services: Vec<&Service> = snapshot.services.iter().collect();
        let text = picture(&snapshot, &services).into_string();
        for state in State::ALL {
            assert!(text.contains(&format!("seat {}", state.name())));
        }
        let shapes = ["flood", "surge", "calm"].map(|state| shape(state, 0.0, 0.0, 1.0));
        assert!(shapes[0] != shapes[1] && shapes[1] != shapes[2] && shapes[0] != shapes[2]);
        assert!(text.contains("service-0&lt;") && !text.contains("service-0<"));
        assert!(!text.contains("style="));
    }
}
