//! One topology in network namespaces: outside, firewall, public zone, internal zone, resolver.
//!
//! ```text
//!  out 10.90.0.2 ── net ── uplink ── firewall ── 10.90.1.2 site (nginx)
//!                                             ├─ 10.90.2.2 remote, 10.90.2.3 registry (nginx)
//!                                             └─ 10.90.3.2 resolver (named)
//! ```
//!
//! What is shared is in use already when a flood comes: ordinary traffic fills [`ORDINARY`] of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::{DEADLINE_SECONDS, PROBES, RESOLVER_QUERIES, Shared, TABLE_ENTRIES, UPLINK_BITS, WARM};
use crate::live::pace;

/// How long programs may take to answer for the first time.
const START: Duration = Duration::from_secs(8);
/// Bytes of a DNS query of the site or of the remote service on the wire: names of one length are asked for.
const QUERY_BYTES: f64 = 75.0;
/// How much of what is shared ordinary traffic fills.
const ORDINARY: f64 = 0.1;
/// Seconds for which a flood, and ordinary traffic, go on if nobody ends them.
const LONGEST_SECONDS: &str = "120";
/// Numbers of the names that probes ask for: another one each time, so that no answer is kept.
static NAMES: AtomicU64 = AtomicU64::new(1_000_000);

/// Namespaces, cables and programs of one run; all of it goes when this is dropped.
pub(super) struct House {
    shared: Shared,
    prefix: String,
    folder: tempfile::TempDir,
    programs: Vec<Child>,
}

/// A flood that goes on until this is dropped.
pub(super) struct Flood {
    program: Child,
    pub(super) warm: Duration,
}

impl Drop for Flood {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

impl Drop for House {
    fn drop(&mut self) {
        for program in &mut self.programs {
            let _ = program.kill();
            let _ = program.wait();
        }
        for zone in ZONES {
            // nginx has workers of its own; they are in the namespace, so nothing else is.
            let _ = Command::new("ip").args(["netns", "pids", &self.name(zone)]).output().map(|output| {
                for pid in String::from_utf8_lossy(&output.stdout).split_whitespace() {
                    let _ = Command::new("kill").args(["-9", pid]).stderr(Stdio::null()).status();
                }
            });
            let _ =
                Command::new("ip").args(["netns", "del", &self.name(zone)]).stderr(Stdio::null()).status();
        }
    }
}

const ZONES: [&str; 6] = ["out", "net", "fw", "dmz", "lan", "dns"];

impl House {
    /// Makes the namespaces and starts the programs.
    pub(super) fn build(shared: Shared) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("hemicycle-lab-expose-").tempdir()?;
        let prefix = format!("hx{}-", std::process::id());
        let mut house = Self { shared, prefix, folder, programs: Vec::new() };
        for zone in ZONES {
            run("ip", &["netns", "add", &house.name(zone)])?;
            house.inside(zone, &["ip", "link", "set", "lo", "up"])?;
        }
        let cables =
            [("net", "out", 0), ("fw", "dmz", 1), ("fw", "lan", 2), ("fw", "dns", 3), ("fw", "net", 4)];
        for (near, far, number) in cables {
            house.cable(near, far, number)?;
        }
        house.inside("fw", &["ip", "route", "add", "10.90.0.0/24", "via", "10.90.4.2"])?;
        house.inside("lan", &["ip", "address", "add", "10.90.2.3/24", "dev", "eth0"])?;
        for router in ["fw", "net"] {
            house.inside(router, &["sysctl", "-qw", "net.ipv4.ip_forward=1"])?;
        }
        house.limit()?;
        house.start()?;
        house.wait_until_up()?;
        let size = match shared {
            Shared::Table => TABLE_ENTRIES,
            Shared::Uplink => UPLINK_BITS,
            Shared::Resolver => RESOLVER_QUERIES,
        };
        let ordinary = house.send(size * ORDINARY)?;
        house.programs.push(ordinary);
        Ok(house)
    }

    fn name(&self, zone: &str) -> String {
        format!("{}{zone}", self.prefix)
    }

    fn inside(&self, zone: &str, command: &[&str]) -> Result<()> {
        let name = self.name(zone);
        let arguments: Vec<&str> =
            ["netns", "exec", &name].into_iter().chain(command.iter().copied()).collect();
        run("ip", &arguments)
    }

    /// A cable between two namespaces; the far end is called `eth0`, the near one after the far namespace.
    fn cable(&self, near: &str, far: &str, number: usize) -> Result<()> {
        let (here, there) = (self.name(near), self.name(far));
        run(
            "ip",
            &["link", "add", "eth0", "netns", &there, "type", "veth", "peer", "name", far, "netns", &here],
        )?;
        self.inside(far, &["ip", "address", "add", &format!("10.90.{number}.2/24"), "dev", "eth0"])?;
        self.inside(near, &["ip", "address", "add", &format!("10.90.{number}.1/24"), "dev", far])?;
        self.inside(far, &["ip", "link", "set", "eth0", "up"])?;
        self.inside(near, &["ip", "link", "set", far, "up"])?;
        self.inside(far, &["ip", "route", "add", "default", "via", &format!("10.90.{number}.1")])
    }

    /// The one limit of this topology, and the firewall's rules.
    fn limit(&self) -> Result<()> {
        let limit = if self.shared == Shared::Table {
            format!("ct count over {TABLE_ENTRIES} drop")
        } else {
            String::new()
        };
        let rules = format!(
            "table ip firewall {{ chain forward {{ type filter hook forward priority 0; policy drop; \
             ct state established,related accept\n {limit}\n tcp dport {{ 80, 8080 }} accept\n udp dport {{ 53, 9 }} accept\n }}\n }}\n"
        );
        let file = self.folder.path().join("rules.nft");
        fs::write(&file, rules)?;
        self.inside("fw", &["nft", "-f", &file.to_string_lossy()])?;
        match self.shared {
            Shared::Table => Ok(()),
            Shared::Uplink => {
                // What comes from outside waits here for the line, as before a router of a provider.
                let rate = format!("{}bit", UPLINK_BITS as u64);
                let shape = [
                    "tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", &rate, "burst", "16kb",
                    "limit", "1mb",
                ];
                self.inside("net", &shape)
            }
            Shared::Resolver => {
                // A server that answers so many queries a second and lets the others wait.
                let rate = format!("{}bit", (RESOLVER_QUERIES * QUERY_BYTES * 8.0).round() as u64);
                self.inside(
                    "fw",
                    &[
                        "tc", "qdisc", "add", "dev", "dns", "root", "tbf", "rate", &rate, "burst", "1500",
                        "limit", "16kb",
                    ],
                )
            }
        }
    }

    fn start(&mut self) -> Result<()> {
        let folder = self.folder.path().to_owned();
        let site = match self.shared {
            Shared::Resolver => lookup("10.90.1.2:80"),
            Shared::Table | Shared::Uplink => plain("10.90.1.2:80"),
        };
        let remote = match self.shared {
            Shared::Resolver => lookup("10.90.2.2:8080"),
            Shared::Table | Shared::Uplink => plain("10.90.2.2:8080"),
        };
        let lan = format!("{remote}{}{}", plain("10.90.2.3:8080"), plain("127.0.0.1:9090"));
        self.nginx("dmz", &folder.join("dmz"), &format!("{site}{}", plain("127.0.0.1:9090")))?;
        self.nginx("lan", &folder.join("lan"), &lan)?;
        if self.shared == Shared::Resolver {
            self.named(&folder.join("dns"))?;
        }
        Ok(())
    }

    fn spawn(&mut self, zone: &str, command: &[&str], folder: &Path) -> Result<()> {
        let log = fs::File::create(folder.join("log"))?;
        let child = Command::new("ip")
            .args(["netns", "exec", &self.name(zone)])
            .args(command)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| command.join(" "))?;
        self.programs.push(child);
        Ok(())
    }

    fn nginx(&mut self, zone: &str, folder: &Path, servers: &str) -> Result<()> {
        fs::create_dir_all(folder.join("logs"))?;
        let text = format!(
            "daemon off; user root; worker_processes 1; worker_rlimit_nofile 30000; pid {0}/pid; error_log {0}/logs/error.log;\n\
             events {{ worker_connections 12000; }}\n\
             http {{ access_log off; client_header_timeout 60s; keepalive_timeout 60s;\n\
             client_body_temp_path {0}/a; proxy_temp_path {0}/b; fastcgi_temp_path {0}/c; uwsgi_temp_path {0}/d; scgi_temp_path {0}/e;\n\
             {servers} }}\n",
            folder.display()
        );
        let file = folder.join("nginx.conf");
        fs::write(&file, text)?;
        let prefix = folder.to_string_lossy().into_owned();
        self.spawn(zone, &["nginx", "-p", &prefix, "-c", &file.to_string_lossy()], folder)
    }

    fn named(&mut self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder)?;
        fs::write(
            folder.join("zone"),
            "$TTL 1\n@ IN SOA ns.h.test. a.h.test. 1 60 60 60 1\n@ IN NS ns.h.test.\nns IN A 10.90.3.2\n* IN A 127.0.0.1\n",
        )?;
        let text = format!(
            "options {{ directory \"{0}\"; pid-file none; session-keyfile none; listen-on {{ 10.90.3.2; }}; listen-on-v6 {{ none; }}; \
             recursion no; allow-query {{ any; }}; dnssec-validation no; }};\nzone \"h.test\" {{ type master; file \"zone\"; }};\ncontrols {{ }};\n",
            folder.display()
        );
        let file = folder.join("named.conf");
        fs::write(&file, text)?;
        self.spawn("dns", &["named", "-f", "-n", "1", "-c", &file.to_string_lossy()], folder)
    }

    fn wait_until_up(&self) -> Result<()> {
        let begin = Instant::now();
        loop {
            let down = self.probe_once()?;
            if down.is_empty() {
                return Ok(());
            }
            if begin.elapsed() > START {
                bail!("{down:?} did not start: {}", self.log());
            }
            pace::wait(Duration::from_millis(200));
        }
    }

    /// What the programs said, for a message.
    pub(super) fn log(&self) -> String {
        let files: Vec<PathBuf> = ["dmz", "lan", "dns"]
            .iter()
            .flat_map(|zone| {
                [
                    self.folder.path().join(zone).join("log"),
                    self.folder.path().join(zone).join("logs/error.log"),
                ]
            })
            .collect();
        let text: String = files.iter().filter_map(|file| fs::read_to_string(file).ok()).collect();
        text.lines().rev().take(3).collect::<Vec<_>>().join(" | ")
    }

    /// The inside services, each with the zone from which it is used and its address.
    fn inside_services(&self) -> [(&'static str, &'static str, &'static str); 2] {
        let from = if self.shared == Shared::Resolver { "lan" } else { "out" };
        [("remote", from, "http://10.90.2.2:8080/"), ("registry", "lan", "http://10.90.2.3:8080/")]
    }

    fn probe_once(&self) -> Result<BTreeSet<String>> {
        let mut down = BTreeSet::new();
        let site = [("site", "out", "http://10.90.1.2:80/")];
        for (service, from, address) in site.into_iter().chain(self.inside_services()) {
            if !self.ask(from, address)? {
                down.insert(service.to_owned());
            }
        }
        Ok(down)
    }

    /// Inside services of which fewer than half of the requests are answered in time.
    pub(super) fn down(&self) -> Result<BTreeSet<String>> {
        let mut down = BTreeSet::new();
        for (service, from, address) in self.inside_services() {
            let mut answered = 0;
            for _ in 0..PROBES {
                answered += usize::from(self.ask(from, address)?);
            }
            if answered * 2 < PROBES {
                down.insert(service.to_owned());
            }
        }
        Ok(down)
    }

    fn ask(&self, from: &str, address: &str) -> Result<bool> {
        let address = format!("{address}?h=p{:07}", NAMES.fetch_add(1, Ordering::Relaxed));
        let status = Command::new("ip")
            .args([
                "netns",
                "exec",
                &self.name(from),
                "curl",
                "-s",
                "-f",
                "-o",
                "/dev/null",
                "-m",
                &DEADLINE_SECONDS.to_string(),
                &address,
            ])
            .stderr(Stdio::null())
            .status()
            .context("curl")?;
        Ok(status.success())
    }

    /// A flood on the site of that size, in the unit of what is shared.
    pub(super) fn flood(&self, size: f64) -> Result<Flood> {
        Ok(Flood { program: self.send(size)?, warm: WARM })
    }

    /// Traffic from outside to the site.
    fn send(&self, size: f64) -> Result<Child> {
        let (kind, address) = match self.shared {
            Shared::Table => ("connections", "10.90.1.2:80"),
            Shared::Uplink => ("datagrams", "10.90.1.2:9"),
            Shared::Resolver => ("requests", "10.90.1.2:80"),
        };
        let program = std::env::current_exe()?;
        Command::new("ip")
            .args(["netns", "exec", &self.name("out")])
            .arg(program)
            .args(["expose", "--flood", kind, address, &size.to_string(), LONGEST_SECONDS])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("a sender")
    }
}

/// A server that answers by itself.
fn plain(listen: &str) -> String {
    format!("server {{ listen {listen}; location / {{ return 200 'ok'; }} }}\n")
}

/// A server that asks the resolver for a name at each request, and passes the request on to where that leads.
fn lookup(listen: &str) -> String {
    format!(
        "server {{ listen {listen}; resolver 10.90.3.2 ipv6=off valid=1s; resolver_timeout 2s;\n\
         location / {{ set $to \"$arg_h.h.test\"; proxy_pass http://$to:9090/; }} }}\n"
    )
}

fn run(program: &str, arguments: &[&str]) -> Result<()> {
    let output = Command::new(program).args(arguments).output().with_context(|| program.to_owned())?;
    let text = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} {}: {}", arguments.join(" "), text.trim());
    Ok(())
}
