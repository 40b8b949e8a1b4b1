use super::{Error, Format, MAXIMUM_BYTES, read};

fn text(format: Format, input: &str) -> String {
    read(format, input.as_bytes()).unwrap().text(Some("Test"))
}

const CSV: &str = "\
name,kind,zone,addresses,ports,criticality,needs,shared_cause,bits_per_second,prefixes,exposure
public,zone,,,,,,,,192.0.2.0/24,internet
isp,link,,,,,,,1e9,,
fw,firewall,public,,,,isp,,,,
\"Site, public\",service,public,192.0.2.10,tcp/443,essential,fw ns-1|ns-2,,,,
";

#[test]
fn a_table_becomes_a_file_that_can_be_read() {
    let text = text(Format::Csv, CSV);
    let institution =
        institution::parse("csv", &text).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
    assert_eq!(institution.services[0].id, "site-public");
    assert_eq!(institution.nodes.len(), 4);
    assert!(text.contains("needs = [\"fw\", { any = 1, of = [\"ns-1\", \"ns-2\"] }]"), "{text}");
    assert!(text.contains("# row 5 of the table"), "{text}");
    assert!(matches!(read(Format::Csv, b"a,b\n1,2\n"), Err(Error::Syntax { line: 1, .. })));
}

#[test]
fn needs_in_a_circle_are_left_out_and_said() {
    let text = text(Format::Csv, "name,kind,needs\na,server,b\nb,server,c\nc,server,a\n");
    institution::parse("csv", &text).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
    assert!(text.contains("left out"), "{text}");
}

const THREAGILE: &str = "\
title: Site
technical_assets:
  Web Server:
    id: web
    type: process
    technology: web-server
    availability: critical
    communication_links:
      To the base: { target: base, protocol: jdbc }
      To nobody: { target: nobody }
  Base: { id: base, type: datastore, technology: database, redundant: true }
  Reader: { id: reader, type: external-entity }
trust_boundaries:
  DMZ: { id: dmz, type: network-on-prem, technical_assets_inside: [web] }
shared_runtimes:
  Cluster: { id: cluster, technical_assets_running: [web, base] }
";

#[test]
fn a_model_of_threagile() {
    let text = text(Format::Threagile, THREAGILE);
    for line in [
        "[service.web]",
        "[node.base]",
        "kind = \"storage\"  # technology database",
        "needs = [\"base\", \"cluster\"]",
        "[zone.dmz]",
        "# prefixes = ?  # Threagile knows no addresses; must be filled in",
        "zone = \"dmz\"",
        "# Skipped 1: external entities, which use the services",
        "# Skipped 1: communication links to what is not in the model",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn aliases_of_yaml_do_not_grow() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..40 {
        let before = level - 1;
        let list = vec![format!("*a{before}"); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{list}]\n"));
    }
    assert!(matches!(read(Format::Threagile, bomb.as_bytes()), Err(Error::Nothing(_))));
    let deep = format!("technical_assets: {}", "[".repeat(100_000));
    assert!(matches!(read(Format::Threagile, deep.as_bytes()), Err(Error::Syntax { .. })));
}

#[test]
fn rules_of_nftables() {
    let rules = "\
table inet filter {
	chain forward {
		type filter hook forward priority filter; policy drop;
		ct state established,related accept
		iifname \"wan\" oifname \"dmz\" tcp dport { 80, https } accept
		iifname \"dmz\" oifname \"lan\" tcp dport 5432 limit rate 5/second accept
		iifname \"lan\" jump other
	}
}
";
    let text = text(Format::Nftables, rules);
    for line in [
        "from = \"wan\"",
        "to = \"dmz\"",
        "[\"tcp/443\", \"tcp/80\"]",
        "[\"tcp/5432\"]",
        "[node.firewall]",
        "Skipped 1: rules that go on elsewhere",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn configurations_of_proxies() {
    let haproxy = "global\n  maxconn 4000\nfrontend web\n  bind 192.0.2.10:443 ssl\n  default_backend app\nbackend app\n  server app-1 10.0.0.1:8080 check\n  server app-2 10.0.0.2:8080 check\n";
    let text = text(Format::Haproxy, haproxy);
    for line in [
        "[service.web]",
        "{ any = 1, of = [\"app-1\", \"app-2\"] }",
        "table_entries = 4000",
        "addresses = [\"192.0.2.10\"]",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let nginx = "events { worker_connections 512; }\nhttp { upstream app { server 10.0.0.1:8080; server 10.0.0.2:8080; }\nserver { listen 192.0.2.10:443 ssl; server_name www.parliament.example; location / { proxy_pass http://app; } } }";
    let text = super::read(Format::Nginx, nginx.as_bytes()).unwrap().text(None);
    for line in [
        "[service.\"www.parliament.example\"]",
        "ports = [\"tcp/443\"]",
        "of = [\"10.0.0.1-8080\", \"10.0.0.2-8080\"]",
        "table_entries = 512",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn a_scan_of_nmap() {
    let xml = "<?xml version=\"1.0\"?><nmaprun><host><status state=\"up\"/><address addr=\"192.0.2.10\" addrtype=\"ipv4\"/><hostnames><hostname name=\"www.parliament.example\"/></hostnames><ports><port protocol=\"tcp\" portid=\"443\"><state state=\"open\"/><service name=\"https\"/></port><port protocol=\"tcp\" portid=\"22\"><state state=\"closed\"/></port></ports></host></nmaprun>";
    let text = text(Format::Nmap, xml);
    assert!(
        text.contains("ports = [\"tcp/443\"]") && text.contains("nmap found 192.0.2.10 open (https)"),
        "{text}"
    );
    // Entities are not resolved, so none can grow.
    let bomb =
        "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;\">]><nmaprun>&b;</nmaprun>";
    assert!(matches!(read(Format::Nmap, bomb.as_bytes()), Err(Error::Nothing(_))));
    assert!(matches!(read(Format::Nmap, "<host>".repeat(100).as_bytes()), Err(Error::Syntax { .. })));
}

#[test]
fn answers_of_netbox() {
    let json = r#"{"prefixes": {"results": [{"prefix": "192.0.2.0/24", "role": {"slug": "dmz"}}, {"prefix": "198.51.100.0/24", "role": {"slug": "dmz"}}]},
        "circuits": {"results": [{"cid": "A-1", "provider": {"name": "ISP A"}, "commit_rate": 1000000}]},
        "devices": [{"name": "fw-1", "role": {"slug": "firewall"}, "device_type": {}, "primary_ip": {"address": "192.0.2.1/24"}, "site": {"slug": "main"}}]}"#;
    let text = text(Format::Netbox, json);
    institution::parse("netbox", &text).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
    for line in [
        "[\"192.0.2.0/24\", \"198.51.100.0/24\"]",
        "bits_per_second = 1000000000",
        "kind = \"firewall\"",
        "shared_cause = [\"site-main\"]",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let deep = "[".repeat(100_000);
    assert!(matches!(read(Format::Netbox, deep.as_bytes()), Err(Error::Syntax { .. })));
}

#[test]
fn what_is_too_long_or_no_text_is_refused() {
    let long = vec![b' '; MAXIMUM_BYTES + 1];
    for format in Format::ALL {
        assert_eq!(read(format, &long), Err(Error::TooLong));
        assert_eq!(read(format, b"name\n\xff"), Err(Error::NotText(5)));
        assert!(read(format, b"").is_err());
    }
}

#[test]
fn nothing_from_a_source_ends_a_comment_or_a_text() {
    let hostile = "name,kind,description\na,service,\"x\"\" \n[node.evil]\nkind = \"\"link\"\"\"\n";
    let text = text(Format::Csv, hostile);
    assert!(!text.lines().any(|line| line.trim() == "[node.evil]"), "{text}");
}
