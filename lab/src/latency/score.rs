//! Alarms against what happened: delay of each act, and alarms that nothing explains.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use super::scene::{Act, Scene};

/// An alarm: when, in seconds from the start of the run, and on what.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Alarm {
    pub(super) time: f64,
    pub(super) targets: Vec<IpNet>,
    /// For people who look for the reason of a false one.
    pub(super) text: String,
}

impl Alarm {
    /// Of an event of the service: the start of a flood, also of one that is said to leave. `None`: another line.
    pub(super) fn of_event(time: f64, event: &Value) -> Option<Self> {
        let starts = event["kind"] == "flood" && event["phase"] == "start";
        if !starts {
            return None;
        }
        let addresses = event["target"]["addresses"].as_array()?;
        let targets = addresses.iter().filter_map(|address| network(address.as_str()?)).collect();
        let vectors = event["vectors"].as_array().map_or(&[][..], Vec::as_slice);
        let vectors: Vec<&str> = vectors.iter().filter_map(|vector| vector["name"].as_str()).collect();
        let target = event["target"]["addresses"][0].as_str().unwrap_or_default();
        let rate = event["packets_per_second"].as_f64().unwrap_or(0.0);
        let ordinary = event["baseline_packets_per_second"].as_f64().unwrap_or(0.0);
        let text = format!(
            "{time:.2} s: {} on {target}, {rate:.0} packets/s, ordinary are {ordinary:.0}",
            vectors.join("+")
        );
        Some(Self { time, targets, text })
    }

    /// On one target.
    pub(super) fn on(time: f64, target: IpNet) -> Self {
        Self { time, targets: vec![target], text: format!("{time:.2} s: {target}") }
    }
}

/// An address or a prefix.
pub(super) fn network(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// What came of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    /// Seconds from the first datagram of the act's flood to the alarm, for each act.
    pub(super) delays: Vec<Option<f64>>,
    /// Alarms that nothing explains.
    pub(super) false_alarms: Vec<FalseAlarm>,
}

/// An alarm that nothing explains.
#[derive(Clone, Debug)]
pub(super) struct FalseAlarm {
    /// Whether it is on the host of the long flows.
    pub(super) on_long_flows: bool,
    pub(super) text: String,
}

/// Judges the alarms of a run; `flooded` says when each act's flood began.
pub(super) fn judge(scene: &Scene, flooded: &[Option<f64>], alarms: &[Alarm]) -> Outcome {
    let delays = scene.acts.iter().zip(flooded).map(|(act, begin)| delay(act, (*begin)?, alarms)).collect();
    let explained = |alarm: &Alarm| {
        let one = |target: &IpNet| scene.acts.iter().any(|act| act.explains(target, alarm.time));
        !alarm.targets.is_empty() && alarm.targets.iter().all(one)
    };
    let on_long_flows = |alarm: &Alarm| {
        let is_of = |act: &Act, target: &IpNet| !act.is_flood() && act.network.contains(target);
        alarm.targets.iter().any(|target| scene.acts.iter().any(|act| is_of(act, target)))
    };
    let false_alarms = alarms.iter().filter(|alarm| !explained(alarm));
    let false_alarms = false_alarms
        .map(|alarm| FalseAlarm { on_long_flows: on_long_flows(alarm), text: alarm.text.clone() })
        .collect();
    Outcome { delays, false_alarms }
}

fn delay(act: &Act, begin: f64, alarms: &[Alarm]) -> Option<f64> {
    let hits = alarms.iter().filter(|alarm| alarm.time >= begin && alarm.time <= begin + act.seconds + 5.0);
    let hits = hits.filter(|alarm| alarm.targets.iter().any(|target| act.is_hit_by(target)));
    hits.map(|alarm| alarm.time - begin).reduce(f64::min)
}

/// Answers without a detector.
pub(super) const CONTROLS: [&str; 3] = ["nothing", "everything, every second", "the first host, at its time"];

/// The alarms of such an answer.
pub(super) fn control(scene: &Scene, flooded: &[Option<f64>], place: usize) -> Vec<Alarm> {
    match place {
        0 => Vec::new(),
        1 => {
            let seconds = (0..scene.seconds as u32).map(f64::from);
            let all = |time: f64| {
                scene.acts.iter().flat_map(move |act| {
                    [act.network, IpNet::from(act.host(0))].map(|target| Alarm::on(time + 0.01, target))
                })
            };
            seconds.flat_map(all).collect()
        }
        _ => {
            let first = scene.acts.first().zip(flooded.first().copied().flatten());
            first.map(|(act, begin)| Alarm::on(begin + 0.1, IpNet::from(act.host(0)))).into_iter().collect()
        }
    }
}

/// Whether a run meets every limit and has no false alarm.
pub(super) fn passes(scene: &Scene, outcome: &Outcome) -> bool {
    let in_time = |(act, delay): (&Act, &Option<f64>)| {
        act.limit.is_none_or(|limit| delay.is_some_and(|delay| delay <= limit))
    };
    outcome.false_alarms.is_empty() && scene.acts.iter().zip(&outcome.delays).all(in_time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scene() -> (Scene, Vec<Option<f64>>) {
        let scene = Scene::new((100_000.0, 1.0), 20.0, 1);
        let flooded = scene.acts.iter().map(|act| act.is_flood().then_some(act.begin)).collect();
        (scene, flooded)
    }

    /// The right target for each act, soon after it began.
    fn right(scene: &Scene) -> Vec<Alarm> {
        let floods = scene.acts.iter().filter(|act| act.is_flood());
        let target = |act: &Act| if act.hosts() == 1 { IpNet::from(act.host(0)) } else { act.network };
        floods.map(|act| Alarm::on(act.begin + 0.2, target(act))).collect()
    }

    #[test]
    fn right_answers_pass_and_answers_without_a_detector_fail() {
        let (scene, flooded) = scene();
        assert!(passes(&scene, &judge(&scene, &flooded, &right(&scene))));
        for (place, name) in CONTROLS.iter().enumerate() {
            let alarms = control(&scene, &flooded, place);
            assert!(!passes(&scene, &judge(&scene, &flooded, &alarms)), "{name}");
        }
    }

    #[test]
    fn late_wrong_and_early_alarms_count_as_what_they_are() {
        let (scene, flooded) = scene();
        let mut late = right(&scene);
        late[0].time += 1.0;
        assert!(!passes(&scene, &judge(&scene, &flooded, &late)));
        let early = [right(&scene), vec![Alarm::on(5.0, IpNet::from(scene.acts[2].host(0)))]].concat();
        assert_eq!(judge(&scene, &flooded, &early).false_alarms.len(), 1);
        let long = scene.acts.last().unwrap();
        let on_long = [right(&scene), vec![Alarm::on(long.begin, IpNet::from(long.host(0)))]].concat();
        let found = judge(&scene, &flooded, &on_long).false_alarms;
        assert!(found.len() == 1 && found[0].on_long_flows, "{found:?}");
        // Single hosts of a carpet are no alarm on the carpet.
        let carpet = scene.acts.iter().position(|act| act.hosts() > 1).unwrap();
        let hosts = vec![Alarm::on(scene.acts[carpet].begin + 0.1, IpNet::from(scene.acts[carpet].host(0)))];
        assert_eq!(judge(&scene, &flooded, &hosts).delays[carpet], None);
    }

    #[test]
    fn the_start_of_a_flood_is_read() {
        let event = serde_json::json!({"kind": "flood", "phase": "start", "direction": "in", "target": {"addresses": ["10.20.1.10", "10.20.2.0/24"]}, "vectors": [{"name": "udp_flood"}]});
        let alarm = Alarm::of_event(1.0, &event).unwrap();
        assert_eq!(alarm.targets, [network("10.20.1.10/32").unwrap(), network("10.20.2.0/24").unwrap()]);
        let mut update = event;
        update["phase"] = "update".into();
        assert_eq!(Alarm::of_event(1.0, &update), None);
    }
}
