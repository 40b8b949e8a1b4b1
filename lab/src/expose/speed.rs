//! How long large models, the page and hostile inputs take. Of large models both are timed: what is worked out, and the command as a person
//! runs it, from the file to the last line of its text, of its JSON and of its report.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, anyhow, ensure};
use expose::import::{self, Format, MAXIMUM_BYTES};
use expose::{Exposure, Model};

use super::LEFT_OUT;
use crate::random::Random;
use crate::report::{Bar, Report};
use crate::table::Table;

/// Elements and how many seconds their analysis may take.
const SIZES: [(usize, f64); 2] = [(1_000, 2.0), (5_000, 20.0)];
/// Bytes of a huge input.
const HUGE_BYTES: usize = 200_000_000;
/// Longest time for a hostile input.
const HOSTILE_SECONDS: f64 = 5.0;
/// Services of the page, and how long it may take to draw it.
const PAGE: (usize, f64) = (200, 1.0);

pub(super) fn run(asked: bool, seed: u64, report: &mut Report) -> Result<()> {
    let bar = |elements: usize| format!("{elements} nodes with redundancy, both shapes");
    let whole = |elements: usize| format!("the whole command on {elements} nodes, text, JSON and report");
    if !asked {
        for (elements, most) in SIZES {
            report.bar(Bar::at_most(&bar(elements), None, most, " s", LEFT_OUT));
            report.bar(Bar::at_most(&whole(elements), None, most, " s", LEFT_OUT));
        }
        report.bar(Bar::skipped(HUGE, "refused", LEFT_OUT));
        report.bar(Bar::skipped(HOSTILE, "refused or bounded", LEFT_OUT));
        report.bar(Bar::at_most(DRAWN, None, PAGE.1, " s", LEFT_OUT));
        return Ok(());
    }
    large(seed, report, (&bar, &whole))?;
    hostile(report);
    page(seed, report)
}

type Name<'n> = &'n dyn Fn(usize) -> String;

/// Large models: what is worked out of them, and the whole command.
fn large(seed: u64, report: &mut Report, bars: (Name<'_>, Name<'_>)) -> Result<()> {
    let mut table = Table::new(
        "Large models, everything that is worked out of one",
        &[
            "nodes",
            "services",
            "shape",
            "worked out, seconds",
            "as text",
            "as JSON",
            "as report",
            "cut sets",
            "services with a limit reached",
            "couplings",
        ],
    );
    let program = Program::new();
    for (elements, most) in SIZES {
        let mut worst: f64 = 0.0;
        let mut slowest: Option<f64> = Some(0.0);
        for shape in [Shape::Layers, Shape::Meshed] {
            let text = file(elements, elements / 5, shape, seed);
            let institution = institution::parse("large", &text).map_err(|problems| anyhow!("{problems}"))?;
            let start = Instant::now();
            let exposure = Exposure::of(Model::of(&institution))?;
            let seconds = start.elapsed().as_secs_f64();
            worst = worst.max(seconds);
            let sets: usize = exposure.services().map(|(_, cuts)| cuts.sets.len()).sum();
            let told = match &program {
                Ok(program) => Some(program.told(&text)?),
                Err(_) => None,
            };
            slowest = slowest.zip(told).map(|(slowest, told)| told.iter().copied().fold(slowest, f64::max));
            let told = |at: usize| {
                told.and_then(|told| told.get(at).copied())
                    .map_or("-".to_owned(), |value| format!("{value:.2}"))
            };
            table.row(vec![
                elements.to_string(),
                (elements / 5).to_string(),
                shape.name().to_owned(),
                format!("{seconds:.2}"),
                told(0),
                told(1),
                told(2),
                sets.to_string(),
                exposure.limits().count().to_string(),
                exposure.couplings.rows.len().to_string(),
            ]);
        }
        report.bar(Bar::at_most(&bars.0(elements), Some(worst), most, " s", ""));
        let reason = program.as_ref().err().map_or("", String::as_str);
        report.bar(Bar::at_most(&bars.1(elements), slowest.filter(|_| program.is_ok()), most, " s", reason));
    }
    report.table(table);
    Ok(())
}

/// The product beside this program.
struct Program(PathBuf);

impl Program {
    fn new() -> Result<Self, String> {
        let here = std::env::current_exe().map_err(|error| error.to_string())?;
        let path = here.with_file_name("hemicycle");
        if path.is_file() { Ok(Self(path)) } else { Err(format!("there is no {}", path.display())) }
    }

    /// Seconds of `hemicycle expose` as text, as JSON and as a report.
    fn told(&self, text: &str) -> Result<[f64; 3]> {
        let folder = tempfile::tempdir()?;
        let (file_name, page) = (folder.path().join("large.toml"), folder.path().join("page.html"));
        fs::write(&file_name, text)?;
        let page = page.to_string_lossy().into_owned();
        let seconds = |more: &[&str]| -> Result<f64> {
            let start = Instant::now();
            let mut command = Command::new(&self.0);
            let status = command.arg("expose").arg(&file_name).args(more).stdout(Stdio::null()).status();
            ensure!(status.context("hemicycle expose")?.success(), "hemicycle expose failed");
            Ok(start.elapsed().as_secs_f64())
        };
        Ok([seconds(&[])?, seconds(&["--json"])?, seconds(&["--html", &page])?])
    }
}

/// How the nodes of a large model hang together.
#[derive(Clone, Copy)]
enum Shape {
    /// Layers of pairs: each node needs one of two below it.
    Layers,
    /// Each node needs two of three, or several of some, anywhere below it.
    Meshed,
}

impl Shape {
    const fn name(self) -> &'static str {
        match self {
            Self::Layers => "layers of pairs",
            Self::Meshed => "meshed, any k of n",
        }
    }
}

/// An institution file of so many nodes and services.
fn file(nodes: usize, services: usize, shape: Shape, seed: u64) -> String {
    let mut random = Random::named(seed, shape.name());
    let mut text = String::from(
        "[institution]\nname = \"large\"\n[zone.out]\nprefixes = [\"192.0.2.0/24\"]\nexposure = \"internet\"\n[zone.in]\nprefixes = [\"198.51.100.0/24\"]\n",
    );
    let kinds = ["link", "router", "switch", "firewall", "load_balancer", "server", "hypervisor"];
    for node in 0..nodes {
        let kind = kinds[node * kinds.len() / nodes];
        let _ = writeln!(
            text,
            "[node.n{node}]\nkind = \"{kind}\"\ncapacity = {{ bits_per_second = {} }}",
            random.between(1, 100) * 100_000_000
        );
        if random.unit() < 0.2 {
            let _ = writeln!(text, "shared_cause = [\"cause-{}\"]", random.below(nodes as u64 / 10));
        }
        if let Some(needs) = needs(node, nodes, shape, &mut random) {
            let _ = writeln!(text, "needs = {needs}");
        }
    }
    for service in 0..services {
        let zone = if service % 2 == 0 { "out" } else { "in" };
        let upper = |random: &mut Random| random.between(nodes as u64 * 3 / 4, nodes as u64 - 1);
        let (one, two, three) = (upper(&mut random), upper(&mut random), upper(&mut random));
        let second = if two == one { String::new() } else { format!(", \"n{two}\"") };
        let _ = writeln!(
            text,
            "[service.s{service}]\nzone = \"{zone}\"\ncriticality = \"important\"\nneeds = {{ all = [\"n{three}\", {{ any = 1, of = [\"n{one}\"{second}] }}] }}"
        );
    }
    text
}

fn needs(node: usize, nodes: usize, shape: Shape, random: &mut Random) -> Option<String> {
    // Seven layers, as a site has them from the line to the machine.
    let width = nodes / 7;
    let layer = node / width.max(1);
    if layer == 0 {
        return None;
    }
    let below = |random: &mut Random| (layer - 1) * width + random.below(width as u64) as usize;
    match shape {
        Shape::Layers => {
            let (one, other) = (below(random), below(random));
            let other = if other == one { (one + 1) % node } else { other };
            Some(format!("{{ any = 1, of = [\"n{one}\", \"n{other}\"] }}"))
        }
        Shape::Meshed => {
            let count = random.between(3, 5) as usize;
            let mut of: Vec<usize> = (0..count).map(|_| below(random)).collect();
            of.sort_unstable();
            of.dedup();
            let names: Vec<String> = of.iter().map(|place| format!("\"n{place}\"")).collect();
            let any = random.between(1, of.len() as u64);
            Some(format!("{{ any = {any}, of = [{}] }}", names.join(", ")))
        }
    }
}

const HUGE: &str = "200 MB of each format of import are refused with a message";
const HOSTILE: &str = "hostile YAML, JSON, XML, tables and configurations end in time";

fn hostile(report: &mut Report) {
    let mut table = Table::new("Hostile inputs", &["format", "input", "seconds", "answer"]);
    let (mut refused, mut slow) = (0, 0);
    for format in Format::ALL {
        let huge = vec![b'a'; HUGE_BYTES];
        let start = Instant::now();
        let answer = import::read(format, &huge);
        let in_time = start.elapsed().as_secs_f64() <= HOSTILE_SECONDS;
        refused += usize::from(in_time && answer.is_err_and(|error| !error.to_string().is_empty()));
        for (name, input) in inputs(format) {
            let start = Instant::now();
            let answer = match import::read(format, &input) {
                Ok(draft) => {
                    format!("{} tables, {} kinds skipped", draft.entries().len(), draft.skipped().len())
                }
                Err(error) => error.to_string(),
            };
            let seconds = start.elapsed().as_secs_f64();
            slow += usize::from(seconds > HOSTILE_SECONDS);
            table.row(vec![
                format.name().to_owned(),
                name.to_owned(),
                format!("{seconds:.2}"),
                answer.chars().take(70).collect(),
            ]);
        }
    }
    report.table(table);
    let all = Format::ALL.len();
    report.bar(Bar::new(HUGE, format!("{all} of {all}"), format!("{refused} of {all}"), refused == all));
    report.bar(Bar::new(
        HOSTILE,
        format!("each in {HOSTILE_SECONDS} s"),
        format!("{slow} slower"),
        slow == 0,
    ));
}

/// Inputs that are as large as is read, and made to be dear.
fn inputs(format: Format) -> Vec<(&'static str, Vec<u8>)> {
    let fill = |before: &str, part: &str, after: &str| {
        let room = MAXIMUM_BYTES - before.len() - after.len();
        format!("{before}{}{after}", part.repeat(room / part.len())).into_bytes()
    };
    let deep = |part: &str| part.repeat(MAXIMUM_BYTES / part.len()).into_bytes();
    match format {
        Format::Threagile => {
            let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
            for level in 1..100 {
                let list = vec![format!("*a{}", level - 1); 10].join(", ");
                let _ = writeln!(bomb, "a{level}: &a{level} [{list}]");
            }
            vec![
                ("aliases of aliases", bomb.into_bytes()),
                ("nested lists", deep("[")),
                ("many assets", fill("technical_assets:\n", "  A: { id: a, type: process }\n", "")),
            ]
        }
        Format::Nmap => vec![
            ("nested elements", deep("<host>")),
            ("entities", fill("<!DOCTYPE x [<!ENTITY a \"aaaa\">]><x>", "&a;", "</x>")),
            (
                "attributes",
                fill(
                    "<host><address addr=\"192.0.2.1\" addrtype=\"ipv4\"/>",
                    "<port protocol=\"tcp\" portid=\"1\"><state state=\"open\"/></port>",
                    "</host>",
                ),
            ),
        ],
        Format::Netbox => vec![
            ("nested lists", deep("[")),
            ("small numbers", fill("[", "0,", "0]")),
            ("prefixes of one zone", prefixes().into_bytes()),
            ("many devices", fill("[", "{\"name\":\"a\",\"device_type\":{}},", "{}]")),
        ],
        Format::Csv => vec![
            ("one quoted cell", fill("name\n\"", "a", "")),
            ("columns", deep(",")),
            ("rows", fill("name,kind,needs\n", "a,server,b|c|d e f\n", "")),
            ("circles of needs", circles().into_bytes()),
        ],
        Format::Nftables => vec![
            ("one rule", deep("tcp dport ")),
            (
                "rules",
                fill("table inet a {\n", "iifname \"a\" oifname \"b\" tcp dport 1-65535 accept\n", "}"),
            ),
        ],
        Format::Haproxy => vec![
            ("frontends", fill("", "frontend a\n bind :80\n", "")),
            ("servers", fill("backend a\n", " server a 192.0.2.1:80\n", "")),
            ("backends of many servers, all used by each", backends().into_bytes()),
        ],
        Format::Nginx => vec![
            ("blocks", deep("server { ")),
            ("servers", fill("", "server { listen 80; server_name a.example; }\n", "")),
            ("a quote", fill("server { listen 80; server_name \"", "a", "")),
        ],
    }
}

/// Each needs the next sixty, and the last the first.
fn circles() -> String {
    let mut text = String::from("name,kind,needs\n");
    for row in 0..10_000 {
        let needs: Vec<String> = (1..=60).map(|step| format!("n{}", (row + step) % 10_000)).collect();
        let _ = writeln!(text, "n{row},server,{}", needs.join(" "));
    }
    text
}

fn prefixes() -> String {
    let prefix = |number: u32| {
        let (high, middle, low) = (number >> 16 & 255, number >> 8 & 255, number & 255);
        format!("{{\"prefix\":\"{high}.{middle}.{low}.0/24\",\"role\":\"a\"}}")
    };
    format!("[{}]", (0..350_000).map(prefix).collect::<Vec<_>>().join(","))
}

fn backends() -> String {
    let mut text = String::new();
    for backend in 0..40 {
        let _ = writeln!(text, "backend b{backend}");
        for server in 0..200 {
            let _ = writeln!(text, " server s{server} 10.0.{backend}.{server}:1");
        }
    }
    for frontend in 0..1_900 {
        let _ = writeln!(text, "frontend f{frontend}\n bind :80");
        (0..40).for_each(|backend| {
            let _ = writeln!(text, " use_backend b{backend}");
        });
    }
    text
}

const DRAWN: &str = "the report of 200 services, read, worked out and drawn";

/// The product itself, from the file to the document.
fn page(seed: u64, report: &mut Report) -> Result<()> {
    let program = match Program::new() {
        Ok(Program(program)) => program,
        Err(reason) => {
            report.bar(Bar::at_most(DRAWN, None, PAGE.1, " s", &reason));
            return Ok(());
        }
    };
    let folder = tempfile::tempdir()?;
    let (file_name, page) = (folder.path().join("large.toml"), folder.path().join("page.html"));
    fs::write(&file_name, file(120, PAGE.0, Shape::Layers, seed))?;
    let start = Instant::now();
    let status = Command::new(program)
        .arg("expose")
        .arg(&file_name)
        .arg("--html")
        .arg(&page)
        .stdout(Stdio::null())
        .status()
        .context("hemicycle expose")?;
    let seconds = start.elapsed().as_secs_f64();
    let drawn = fs::read_to_string(&page).unwrap_or_default().matches("class=\"box service").count();
    let good = status.success() && drawn == PAGE.0;
    report.bar(Bar::at_most(
        DRAWN,
        good.then_some(seconds),
        PAGE.1,
        " s",
        "the report does not have all services",
    ));
    Ok(())
}
