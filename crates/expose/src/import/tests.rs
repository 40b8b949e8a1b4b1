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

/// A rule that names one end accepts from or to anywhere; only the hook `forward` is about two zones.
#[test]
fn no_conduit_is_invented() {
    let rules = "\
table inet filter {
	set admins {
		type ipv4_addr
		elements = { 192.0.2.1,
			     192.0.2.2 }
	}
	chain input {
		type filter hook input priority filter; policy drop;
		iifname \"lan\" oifname \"dmz\" tcp dport 22 accept
		iifname \"lan\" tcp dport 22 accept
	}
	chain forward {
		type filter hook forward priority filter; policy accept;
		oifname \"dmz\" tcp dport 443 accept
		ip saddr != 10.0.0.0/8 oifname \"dmz\" tcp dport 80 accept
		iifname @inside oifname \"dmz\" tcp dport 81 accept
		iifname \"lan\" oifname \"wan\" tcp dport { 80, strange } accept comment \"to the web\"
		iifname { \"lan\", \"guests\" } oifname \"print\" tcp dport 631 accept
		iifname \"lan\" oifname \"dmz\" tcp dport 25 drop
		iifname \"lan\" oifname \"dmz\" masquerade
	}
}
";
    let draft = read(Format::Nftables, rules.as_bytes()).unwrap();
    let conduits: Vec<&str> = draft
        .entries()
        .iter()
        .filter(|entry| entry.table == "conduit")
        .map(|entry| entry.name.as_str())
        .collect();
    assert_eq!(conduits, ["guests print", "lan print", "lan wan"]);
    let text = draft.text(None);
    assert!(!text.contains("internet"), "{text}");
    for said in [
        "Skipped 2: rules of hooks other than forward",
        "Skipped 1: rules that accept from anywhere, which no conduit says, such as line 14: oifname",
        "Skipped 2: rules whose ends are named sets, or what something is not",
        "Skipped 1: ports that are not understood",
        "Skipped 1: rules that refuse",
        "Skipped 1: lines that decide nothing, or are not understood, such as line 20",
        "Skipped 1: named sets, maps and objects, such as set admins",
        "accepts what no rule decides",
    ] {
        assert!(text.contains(said), "{said}\n{text}");
    }
}

/// The same name in two backends is two servers; what stands in a section that is not looked at belongs to no backend.
#[test]
fn servers_of_different_backends_are_not_one() {
    let haproxy = "global\n  maxconn 9000\n  maxconnrate 500\ndefaults\n  maxconn 300\nfrontend web\n  bind :443 ssl # maxconn 7\n  \
        bind quic4@:443\n  bind /run/web.sock\n  use_backend api if { path /api }\n  default_backend site\n  use_backend %[var(x)]\n\
        frontend other\n  bind 192.0.2.11:8000-8010\n  maxconn 50\n  default_backend none\n\
        backend api\n  server s1 10.0.0.1:80\n  server s2 10.0.0.2:80 backup\n  server s3 10.0.0.9:80 disabled\n\
        backend site\n  server s1 10.0.0.3:80\n  server s2 10.0.0.1:8080\npeers mine\n  server s9 10.0.0.8:1\n  bind :1024\n";
    let draft = read(Format::Haproxy, haproxy.as_bytes()).unwrap();
    let text = draft.text(None);
    for said in [
        // By its order of the names: api first.
        "[\"haproxy\", { any = 1, of = [\"s1\", \"s2\"] }, { any = 1, of = [\"site-s1\", \"site-s2\"] }]",
        "addresses = [\"10.0.0.3\"]",
        "capacity = { table_entries = 9000, new_connections_per_second = 500 }",
        "capacity = { table_entries = 300 }",
        "capacity = { table_entries = 50 }",
        "ports = [\"tcp/443\", \"udp/443\"]",
        "ports = [\"tcp/8000-8010\"]",
        "shared_cause = [\"host-10.0.0.1\"]",
        "Skipped 1: servers that are disabled, such as s3",
        "Skipped 1: backends that the configuration does not have, such as none",
        "Skipped 1: backends that are chosen while it runs",
        "Skipped 1: what is listened on and has no port, such as /run/web.sock",
        "Skipped 2: lines of sections that are not looked at, such as peers",
    ] {
        assert!(text.contains(said), "{said}\n{text}");
    }
    assert!(!text.contains("10.0.0.8") && !text.contains("tcp/1024"), "{text}");
    assert_eq!(text.matches("shared_cause").count(), 2);
}

#[test]
fn workers_of_nginx_share_its_connections() {
    let nginx = |workers: &str| {
        let text = format!(
            "{workers} events {{ worker_connections 512; }} http {{ gzip on; upstream app {{ server 10.0.0.1:80; server 10.0.0.2:80 down; }}\n\
             server {{ listen 443 quic; listen unix:/run/a; server_name ~^x www.a.example; location / {{ proxy_pass http://$where; }} location /a {{ proxy_pass http://app; }} }} }}"
        );
        read(Format::Nginx, text.as_bytes()).unwrap().text(None)
    };
    assert!(nginx("").contains("table_entries = 512"));
    assert!(nginx("worker_processes 4;").contains("table_entries = 2048"));
    let text = nginx("worker_processes auto;");
    for said in [
        "# capacity = ?",
        "ports = [\"udp/443\"]",
        "Skipped 1: servers that are down",
        "Skipped 1: targets that are chosen while it runs",
        "Skipped 1: directives that are not looked at, such as gzip",
        "Skipped 1: names that are patterns",
    ] {
        assert!(text.contains(said), "{said}\n{text}");
    }
    // What is nested too deeply ends the reading, and what was read before is kept.
    let deep = format!("server {{ listen 80; server_name a.example; }} {}", "http { ".repeat(40));
    let text = read(Format::Nginx, deep.as_bytes()).unwrap().text(None);
    assert!(text.contains("a.example") && text.contains("nested too deeply"), "{text}");
}

#[test]
fn what_other_tools_say_and_is_not_taken_up_is_counted() {
    let netbox = r#"{"prefixes": [{"prefix": "192.0.2.0/24", "role": "a"}, {"prefix": "192.0.2.0/25", "role": "a"}, {"prefix": "x", "role": "a"}], "tags": [{"id": 1, "slug": "t"}]}"#;
    let text = text(Format::Netbox, netbox);
    // The one is no part of the other by its text.
    assert!(text.contains("[\"192.0.2.0/24\", \"192.0.2.0/25\"]"), "{text}");
    assert!(text.contains("Skipped 1: prefixes that are none, such as x"), "{text}");
    assert!(text.contains("Skipped 1: objects of other kinds, such as with id, slug"), "{text}");
    let csv = "name,kind,needs,bits_per_second,criticality,extra\na,link,,many,,x\nb,service,a,,vital,\nc,service,a,,,,one,two\n";
    let text = read(Format::Csv, csv.as_bytes()).unwrap().text(None);
    for said in [
        "Skipped 1: capacities that are no number above nought, such as row 2: many",
        "Skipped 1: words for criticality or exposure that the file does not have, such as row 3: vital",
        "Skipped 2: cells beyond the heading, such as one | two",
    ] {
        assert!(text.contains(said), "{said}\n{text}");
    }
}

/// Time follows from the size of an input: needs in circles, many backends of many servers, prefixes of one zone.
#[test]
fn dear_inputs_end_in_time() {
    let start = std::time::Instant::now();
    let mut circle = String::from("name,kind,needs\n");
    for row in 0..9_000 {
        let needs: Vec<String> = (1..60).map(|step| format!("n{}", (row + step) % 9_000)).collect();
        circle.push_str(&format!("n{row},server,{}\n", needs.join(" ")));
    }
    let draft = read(Format::Csv, circle.as_bytes()).unwrap();
    assert!(draft.skipped().values().sum::<u64>() > 0, "more needs than there is room for");
    let mut proxies = String::new();
    for backend in 0..40 {
        proxies.push_str(&format!("backend b{backend}\n"));
        (0..200)
            .for_each(|server| proxies.push_str(&format!(" server s{server} 10.0.{backend}.{server}:1\n")));
    }
    for frontend in 0..1_900 {
        proxies.push_str(&format!("frontend f{frontend}\n bind :80\n"));
        (0..40).for_each(|backend| proxies.push_str(&format!(" use_backend b{backend}\n")));
    }
    let draft = read(Format::Haproxy, proxies.as_bytes()).unwrap();
    let names: usize = draft.entries().iter().flat_map(|entry| &entry.needs).map(Vec::len).sum();
    assert!(names <= 200_000, "{names}");
    let prefixes: Vec<String> = (0..60_000_u32)
        .map(|number| format!("{{\"prefix\":\"10.{}.{}.0/24\",\"role\":\"r\"}}", number / 256, number % 256))
        .collect();
    read(Format::Netbox, format!("[{}]", prefixes.join(",")).as_bytes()).unwrap();
    assert!(start.elapsed().as_secs() < 30, "{:?}", start.elapsed());
}

/// A chain, and at its end four that need all of it again, each in every way there is room for: what leads back is left out in one pass.
#[test]
fn circles_without_end_are_left_out_in_time() {
    let start = std::time::Instant::now();
    let mut chain = String::from("name,kind,needs\n");
    let length = 9_990;
    (1..length).for_each(|row| chain.push_str(&format!("n{},server,n{row}\n", row - 1)));
    chain.push_str(&format!("n{},server,x0 x1 x2 x3\n", length - 1));
    for row in 0..4 {
        let group = |group: usize| {
            let names: Vec<String> =
                (0..200).map(|one| format!("n{}", (group * 200 + one) % length)).collect();
            names.join("|")
        };
        let groups: Vec<String> = (0..200).map(group).collect();
        chain.push_str(&format!("x{row},server,{}\n", groups.join(" ")));
    }
    let draft = read(Format::Csv, chain.as_bytes()).unwrap();
    let left =
        draft.entries().iter().filter(|entry| entry.name.starts_with('x')).map(|entry| entry.needs.len());
    assert_eq!(left.sum::<usize>(), 0, "all of it leads back");
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}

/// A brace in a word, a quote in a quote: neither ends a server in its middle.
#[test]
fn words_of_nginx_keep_what_belongs_to_them() {
    let nginx = r#"events { worker_connections 512; }
http {
  server {
    location / { proxy_pass http://${backend}/; }
    location /alive { return 200 "{\"status\":\"ok\"}"; }
    location ~ \.php$ { return 403 a\"b; }
    location = /x { return 200 \;\}; }
    listen 192.0.2.10:8443 ssl;
    server_name www.parliament.example;
  }
  server { listen 192.0.2.11:443; server_name two.parliament.example; }
}"#;
    let text = text(Format::Nginx, nginx);
    for said in [
        "[service.\"www.parliament.example\"]",
        "ports = [\"tcp/8443\"]",
        "addresses = [\"192.0.2.10\"]",
        "[service.\"two.parliament.example\"]",
        "Skipped 1: targets that are chosen while it runs, or are on the same machine, such as http://${backend}/",
    ] {
        assert!(text.contains(said), "{said}\n{text}");
    }
    assert!(!text.contains("without an end") && !text.contains("listen on nothing"), "{text}");
}

#[test]
fn a_server_that_says_no_port_is_not_forgotten() {
    let nginx = "http { server { server_name a.example; } server { listen unix:/run/b; server_name b.example; }\n\
        server { include conf.d/*; server_name c.example; } }\n\
        stream { server { proxy_pass 10.0.0.1:53; } server { listen 53 udp; proxy_pass 10.0.0.1:53; } }";
    let text = text(Format::Nginx, nginx);
    for said in [
        "[service.\"a.example\"]",
        "ports = [\"tcp/80\"]  # it says no port, and this is the usual one",
        "Skipped 3: parts that listen on nothing that is known, such as line 1: b.example | line 2: c.example | line 3: server",
        "ports = [\"udp/53\"]",
    ] {
        assert!(text.contains(said), "{said}\n{text}");
    }
    assert!(!text.contains("[service.\"b.example\"]") && !text.contains("[service.\"c.example\"]"), "{text}");
    let haproxy = "frontend deaf\n  default_backend app\nbackend app\n  server a 10.0.0.1:80\n";
    let text = read(Format::Haproxy, haproxy.as_bytes()).unwrap().text(None);
    assert!(
        text.contains("Skipped 1: parts that listen on nothing that is known, such as line 1: frontend deaf"),
        "{text}"
    );
}

/// What one row or object does not say, a later one of the same name may.
#[test]
fn what_was_missing_is_filled_in_by_what_comes_later() {
    let csv = "name,kind,zone,addresses\na,service,,192.0.2.1\na,service,dmz,192.0.2.2\n";
    let text = text(Format::Csv, csv);
    assert!(text.contains("zone = \"dmz\"") && !text.contains("# zone = ?"), "{text}");
    assert!(text.contains("addresses = [\"192.0.2.1\"]"), "what was said first stays: {text}");
    let netbox = r#"{"circuits": [{"cid": "A-1", "provider": {"name": "A"}}, {"cid": "A-1", "provider": {"name": "A"}, "commit_rate": 1000000}]}"#;
    let text = read(Format::Netbox, netbox.as_bytes()).unwrap().text(None);
    assert!(text.contains("bits_per_second = 1000000000") && !text.contains("# capacity = ?"), "{text}");
}

/// Whatever a scan has too much of is counted, also of a host that another one replaces.
#[test]
fn what_a_scan_has_too_much_of_is_counted() {
    let addresses: String =
        (0..100).map(|number| format!("<address addr=\"192.0.2.{number}\" addrtype=\"ipv4\"/>")).collect();
    let ports: String = (1..=300)
        .map(|port| format!("<port protocol=\"tcp\" portid=\"{port}\"><state state=\"open\"/><service name=\"s{port}\"/></port>"))
        .collect();
    let xml = format!(
        "<nmaprun><host><port protocol=\"tcp\" portid=\"0\"><state state=\"open\"/></port>\
         <port protocol=\"tcp\" portid=\"7\"><state state=\"closed\"/></port>\
         <host>{addresses}{ports}</host></host></nmaprun>"
    );
    let draft = read(Format::Nmap, xml.as_bytes()).unwrap();
    let counted: Vec<(&str, u64)> = draft.skipped().iter().map(|(&why, &count)| (why, count)).collect();
    assert_eq!(
        counted,
        [
            ("addresses for which there is no room", 36),
            ("hosts that have another one inside", 1),
            ("ports for which there is no room", 44),
            ("ports that are none", 1),
            ("ports that are not known to be open", 1),
        ]
    );
    let text = draft.text(None);
    assert!(
        text.contains("\"tcp/256\"") && !text.contains("\"tcp/257\"") && !text.contains("\"192.0.2.64\""),
        "{text}"
    );
}
