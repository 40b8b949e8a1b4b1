//! Templates that are impossible, too many, or change while a flood goes on.

use crate::export::{FIELDS, Field, Moment, ipfix, set, template};
use crate::lies;
use crate::stage::{FLOODS, Honest, Live, Script, told_in_data_time};

fn honest() -> Script {
    Honest::new().script()
}

#[test]
fn templates_of_impossible_shape() {
    let played = told_in_data_time(lies::shapes, honest);
    assert!(played.flow.templates_refused > 0 && played.flow.templates_changed > 0, "{:?}", played.flow);
    let mut live = Live::new("shapes", lies::shapes(), honest());
    live.finds_the_flood();
    assert!(live.service.figure("flow_templates_refused_total") > Some(0.0));
    assert!(live.service.figure("flow_bad_lengths_total") > Some(0.0));
    live.stop();
}

#[test]
fn sixty_six_thousand_templates() {
    let played = told_in_data_time(lies::many_templates, honest);
    assert!(played.flow.templates_evicted > 10_000, "{:?}", played.flow);
    let mut live = Live::new("many_templates", lies::many_templates(), honest());
    live.finds_the_flood();
    live.service.reaches("exporter_lost_total{exporter=\"edge\"}", 0.0);
    let peak = live.service.figure("process_resident_memory_peak_bytes").unwrap();
    assert!(peak < f64::from(256 << 20), "{peak} bytes");
    live.stop();
}

/// The same fields in another order, with one more of no meaning between them.
fn reordered() -> Vec<Field> {
    let mut fields: Vec<Field> = FIELDS.iter().rev().copied().collect();
    fields.insert(3, (401, 7));
    fields
}

/// An honest exporter whose template changes in the middle of a datagram as the flood begins, and back and forth after.
fn changing() -> Script {
    let mut honest = Honest::new();
    Box::new(move |moment: Moment| {
        if moment.step < FLOODS {
            return honest.send(moment);
        }
        let mut sets = Vec::new();
        for fields in [reordered(), FIELDS.to_vec()] {
            honest.fields = fields;
            sets.push(set(0, &template(256, &honest.fields)));
            sets.push(set(256, &honest.flood(moment)));
        }
        vec![honest.datagram(moment, &sets)]
    })
}

#[test]
fn a_template_that_changes_between_two_sets_in_the_middle_of_the_flood() {
    let played = told_in_data_time(|| Box::new(|_| Vec::new()), changing);
    assert!(played.flow.templates_changed > 300, "{:?}", played.flow);
    let mut live = Live::new("changing", Box::new(|_| Vec::new()), changing());
    let event = live.finds_the_flood();
    assert!(
        event["sources"]["distinct"].as_f64() > Some(5.0),
        "sources are read at their new place: {event}"
    );
    assert!(live.service.figure("flow_templates_changed_total") > Some(1.0));
    live.stop();
}

/// IPFIX: the template is withdrawn in each message and comes again in the next, after the data of the flood.
fn withdrawing() -> Script {
    let mut honest = Honest::new();
    honest.fields = FIELDS.to_vec();
    let mut records = 0;
    Box::new(move |moment: Moment| {
        if moment.step < FLOODS {
            return Vec::new();
        }
        let announced = set(2, &template(256, &honest.fields));
        let sets = [announced, set(256, &honest.flood(moment)), set(2, &template(256, &[]))];
        records += 10;
        vec![ipfix(moment.seconds(), records - 10, 7, &sets)]
    })
}

#[test]
fn a_template_that_is_withdrawn_in_each_message() {
    let played = told_in_data_time(lies::shapes, withdrawing);
    assert!(played.flow.templates_withdrawn > 100, "{:?}", played.flow);
    let mut live = Live::new("withdrawing", lies::shapes(), withdrawing());
    live.finds_the_flood();
    live.stop();
}
