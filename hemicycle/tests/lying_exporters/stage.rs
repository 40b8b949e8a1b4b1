//! Two exporters, one of which is honest, before a detector in data time and before the real service.

use std::fs;
use std::net::{Ipv4Addr, UdpSocket};
use std::process::Stdio;

use detect::{Event, Phase};
use hemicycle::pipeline::Pipeline;
use intake::Visitor as _;
use serde_json::Value;
use wire::flow::{FlowCounters, FlowDecoder, FlowSink, Limits};
use wire::{Address, FlowRecord, Time};

use crate::export::{FIELDS, Field, Flow, Moment, netflow9, set, template};
use crate::service::{CONFIG, INSTITUTION, Service, folder};

/// The honest exporter, `edge`, and the other one, `core`.
const HONEST: [u8; 4] = [127, 0, 0, 1];
const LIAR: [u8; 4] = [127, 0, 0, 3];
/// Where the honest exporter sees a flood.
pub(crate) const FLOODED: [u8; 4] = [192, 0, 2, 10];
/// What the liar speaks about.
pub(crate) const CLAIMED: [u8; 4] = [192, 0, 2, 77];
/// When the honest exporter starts to send, and when its flood starts.
pub(crate) const BEGINS: u32 = 100;
pub(crate) const FLOODS: u32 = 150;
/// Enough for a flood that is found at all.
const STEPS: u32 = 350;
/// The most steps of the service, which may have little of the machine.
const PATIENCE: u32 = 2_000;
/// In time: as soon as without the liar, give or take.
const IN_TIME_SECONDS: f64 = 0.5;

/// What an exporter sends in a step.
pub(crate) type Script = Box<dyn FnMut(Moment) -> Vec<Vec<u8>>>;

/// What the honest exporter sends: ordinary traffic, then SYN packets from everywhere. Its template comes first and
/// then every second.
pub(crate) struct Honest {
    pub(crate) sequence: u32,
    pub(crate) fields: Vec<Field>,
    random: u32,
}

impl Honest {
    pub(crate) fn new() -> Self {
        Self { sequence: 0, fields: FIELDS.to_vec(), random: 1 }
    }

    /// As a script.
    pub(crate) fn script(mut self) -> Script {
        Box::new(move |moment| self.send(moment))
    }

    pub(crate) fn send(&mut self, moment: Moment) -> Vec<Vec<u8>> {
        if moment.step < BEGINS {
            return Vec::new();
        }
        let mut sets = Vec::new();
        if (moment.step - BEGINS).is_multiple_of(100) {
            sets.push(set(0, &template(256, &self.fields)));
        }
        if moment.step >= FLOODS {
            sets.push(set(256, &self.flood(moment)));
        } else {
            let visitor =
                Flow { protocol: 6, flags: 0x1b, packets: 12, bytes: 6_000, ..Flow::to(FLOODED, moment) };
            sets.push(set(256, &visitor.record(&self.fields)));
        }
        vec![self.datagram(moment, &sets)]
    }

    /// Records of a hundredth of a second: 300 packets.
    pub(crate) fn flood(&mut self, moment: Moment) -> Vec<u8> {
        let mut records = Vec::new();
        for _ in 0..10 {
            self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let [a, b, c, d] = self.random.to_be_bytes();
            let syn = Flow { protocol: 6, flags: 2, packets: 30, bytes: 1_200, ..Flow::to(FLOODED, moment) };
            records.extend(Flow { source: [20 + a % 100, b, c, d], ..syn }.record(&self.fields));
        }
        records
    }

    pub(crate) fn datagram(&mut self, moment: Moment, sets: &[Vec<u8>]) -> Vec<u8> {
        self.sequence += 1;
        netflow9((moment.seconds(), moment.uptime()), self.sequence, 7, sets)
    }
}

/// What came out in data time.
pub(crate) struct Played {
    /// Names of the targets, in the order of their floods, and seconds from the first step.
    pub(crate) starts: Vec<(String, f64)>,
    pub(crate) flow: FlowCounters,
    pub(crate) exporters: hemicycle::exporters::Counters,
}

impl Played {
    pub(crate) fn start(&self, name: &str) -> Option<f64> {
        self.starts.iter().find(|start| start.0 == name).map(|start| start.1)
    }
}

struct Sink<'p, 'a> {
    pipeline: &'p mut Pipeline<'a, Vec<Event>>,
    arrival: Time,
    exporter: Address,
}

impl FlowSink for Sink<'_, '_> {
    fn flow(&mut self, record: &FlowRecord) {
        self.pipeline.flow(0, self.arrival, self.exporter, record);
    }
}

/// Plays both in data time.
pub(crate) fn play(institution: &str, liar: &mut Script, honest: &mut Script) -> Played {
    let institution = institution::parse("institution.toml", institution).unwrap();
    let mut events: Vec<Event> = Vec::new();
    let mut pipeline = Pipeline::new(Some(institution), &mut events);
    let mut decoder = FlowDecoder::new(Limits::default(), [1; 16]);
    for step in 0..STEPS {
        let moment = Moment::of(step);
        let arrival = Time::from_milliseconds(moment.milliseconds as i64);
        for (from, script) in [(LIAR, &mut *liar), (HONEST, &mut *honest)] {
            let exporter = Address::from_ipv4(from);
            for datagram in script(moment) {
                let mut sink = Sink { pipeline: &mut pipeline, arrival, exporter };
                decoder.decode(exporter, arrival, &datagram, &mut sink);
            }
        }
        pipeline.advance(arrival);
    }
    let exporters = pipeline.finish().exporters;
    let begin = Time::from_milliseconds(Moment::of(0).milliseconds as i64);
    let starts = events.iter().filter_map(|event| {
        let flood = event.line();
        let is_start = flood.phase == Phase::Start;
        is_start.then(|| (flood.target.name.clone(), flood.time.seconds_since(begin)))
    });
    Played { starts: starts.collect(), flow: *decoder.counters(), exporters }
}

/// When the flood is found if nobody lies.
fn without_liar(honest: Script) -> f64 {
    let (mut silent, mut honest): (Script, Script) = (Box::new(|_| Vec::new()), honest);
    play(INSTITUTION, &mut silent, &mut honest).start("www").unwrap()
}

/// Plays a lie and holds that the flood that the honest exporter sees begins as without it, and that there is no other.
pub(crate) fn told_in_data_time(lie: fn() -> Script, honest: fn() -> Script) -> Played {
    let expected = without_liar(honest());
    assert!((expected - f64::from(FLOODS) / 100.0) < IN_TIME_SECONDS, "{expected}");
    let played = play(INSTITUTION, &mut lie(), &mut honest());
    let Some(found) = played.start("www") else {
        panic!("the flood that the honest exporter sees is not found")
    };
    assert!((found - expected).abs() < IN_TIME_SECONDS, "at {found} and not at {expected}");
    assert_eq!(played.starts.len(), 1, "nothing else is flooded: {:?}", played.starts);
    played
}

/// Sends to a service as an exporter.
pub(crate) struct Sender {
    socket: UdpSocket,
    script: Script,
    pub(crate) sent: u32,
}

impl Sender {
    pub(crate) fn new(service: &Service, from: [u8; 4], script: Script) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::from(from), 0)).unwrap();
        socket.connect(service.flows()).unwrap();
        Self { socket, script, sent: 0 }
    }

    pub(crate) fn step(&mut self, step: u32) {
        for datagram in (self.script)(Moment::now(step)) {
            self.socket.send(&datagram).unwrap();
            self.sent += 1;
        }
    }
}

/// Both exporters before the real service.
pub(crate) struct Live {
    pub(crate) service: Service,
    pub(crate) liar: Sender,
    pub(crate) honest: Sender,
    step: u32,
}

impl Live {
    pub(crate) fn new(name: &str, lie: Script, honest: Script) -> Self {
        Self::with(name, CONFIG, lie, honest)
    }

    pub(crate) fn with(name: &str, config: &str, lie: Script, honest: Script) -> Self {
        let folder = folder(&format!("lying_{name}"), config, INSTITUTION);
        assert!(fs::exists(&folder).unwrap());
        let service = Service::run(folder, Stdio::piped());
        let (liar, honest) = (Sender::new(&service, LIAR, lie), Sender::new(&service, HONEST, honest));
        Self { service, liar, honest, step: 0 }
    }

    /// A hundredth of a second, or a little more.
    pub(crate) fn step(&mut self) -> Option<Value> {
        self.liar.step(self.step);
        self.honest.step(self.step);
        self.step += 1;
        self.service.event_soon()
    }

    /// Goes on until the flood is found: by the data's time as soon as it must be, and before any other.
    pub(crate) fn finds_the_flood(&mut self) -> Value {
        while self.step < PATIENCE {
            let Some(event) = self.step() else { continue };
            assert_eq!(
                (&event["phase"], &event["target"]["name"]),
                (&"start".into(), &"www".into()),
                "{event}"
            );
            assert_eq!(event["vectors"][0]["name"], "syn_flood");
            let at = |field: &str| event[field].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
            let seconds = at("time").duration_since(at("onset")).as_secs_f64();
            assert!((0.0..IN_TIME_SECONDS).contains(&seconds), "{event}");
            return event;
        }
        panic!("the flood that the honest exporter sees is not found");
    }

    /// Stops the service; gives the end of the flood and the summary. There was no other flood.
    pub(crate) fn stop(self) -> (Value, Value) {
        let (status, lines) = self.service.stop("TERM");
        assert_eq!(status.code(), Some(0));
        let floods = lines.iter().filter(|line| line["kind"] == "flood");
        for flood in floods {
            assert_eq!(flood["target"]["name"], "www", "{flood}");
        }
        let end = lines.iter().find(|line| line["phase"] == "end").unwrap().clone();
        (end, lines.last().unwrap().clone())
    }
}
