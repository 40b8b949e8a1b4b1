//! The drawing: everything that is seen has one box, single points are marked, names are escaped.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use expose::{Exposure, Model, picture};

fn exposure(services: usize) -> Exposure {
    let mut text = String::from(
        "[institution]\nname = \"n\"\n[organisation.other]\nkind = \"contractor\"\nname = \"<Other> & Co\"\n\
         [zone.out]\nname = \"Out <side>\"\nprefixes = [\"192.0.2.0/24\"]\nexposure = \"internet\"\n\
         [zone.in]\nprefixes = [\"198.51.100.0/24\"]\n[node.isp]\nkind = \"link\"\norganisation = \"other\"\n",
    );
    for number in 0..services {
        let zone = if number % 2 == 0 { "out" } else { "in" };
        text.push_str(&format!("[service.s{number}]\nzone = \"{zone}\"\nneeds = [\"isp\"]\n"));
    }
    let institution = institution::parse("n", &text).unwrap_or_else(|problems| panic!("{problems}"));
    Exposure::of(Model::of(&institution)).unwrap()
}

#[test]
fn every_element_has_one_box_and_no_two_overlap() {
    for services in [1, 7, 40, 200] {
        let exposure = exposure(services);
        let drawn = picture::draw(&exposure, &|_| true);
        assert_eq!((drawn.svg.matches("<a class=\"box").count(), drawn.omitted), (services + 1, 0));
        let mut places: Vec<&str> = drawn
            .svg
            .split("<a class=\"box")
            .skip(1)
            .map(|part| {
                let start = part.find("<rect x=").unwrap();
                &part[start..start + part[start..].find(" width").unwrap()]
            })
            .collect();
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), services + 1);
        assert_eq!(drawn.svg.matches("class=\"mark-text\"").count(), 1);
        assert!(drawn.svg.contains(&format!(">{services}</text>")));
    }
}

#[test]
fn names_are_escaped_and_others_are_marked() {
    let drawn = picture::draw(&exposure(3), &|_| true).svg;
    assert!(drawn.contains("Out &lt;side&gt;") && drawn.contains("&lt;Other&gt; &amp; Co"));
    assert!(!drawn.contains("<Other>") && !drawn.contains("style=") && !drawn.contains("<script"));
    assert!(drawn.contains("box node alone other"));
}

#[test]
fn what_is_not_seen_is_not_drawn() {
    let exposure = exposure(4);
    let isp = exposure.model.find("isp").unwrap();
    let drawn = picture::draw(&exposure, &|place| place != isp).svg;
    assert!(!drawn.contains("isp") && !drawn.contains("<path class=\"line"));
}

#[test]
fn more_boxes_than_there_is_room_for_are_counted() {
    let drawn = picture::draw(&exposure(picture::MAXIMUM_BOXES + 9), &|_| true);
    assert_eq!(drawn.omitted, 10);
}

#[test]
fn a_service_names_what_each_way_to_it_passes() {
    let text = "[institution]\nname = \"n\"\n[zone.out]\nprefixes = [\"192.0.2.0/24\"]\nexposure = \"internet\"\n\
        [node.isp-a]\nkind = \"link\"\n[node.isp-b]\nkind = \"link\"\n\
        [node.door]\nkind = \"router\"\nneeds = { any = 1, of = [\"isp-a\", \"isp-b\"] }\n\
        [node.fw-1]\nkind = \"firewall\"\nneeds = [\"door\"]\n[node.fw-2]\nkind = \"firewall\"\nneeds = [\"door\"]\n\
        [node.lb]\nkind = \"load_balancer\"\nneeds = { any = 1, of = [\"fw-1\", \"fw-2\"] }\n\
        [service.www]\nzone = \"out\"\nneeds = [\"lb\"]\n";
    let institution = institution::parse("n", text).unwrap_or_else(|problems| panic!("{problems}"));
    let exposure = Exposure::of(Model::of(&institution)).unwrap();
    let drawn = picture::draw(&exposure, &|_| true).svg;
    assert!(drawn.contains("each way to it passes door, lb<"), "{drawn}");
    let door = exposure.model.find("door").unwrap();
    assert!(!picture::draw(&exposure, &|place| place != door).svg.contains("door"));
}
