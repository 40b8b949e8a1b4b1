//! The console as a person meets it: a real Chromium, the real service, a real flood over loopback.
//!
//! `HEMICYCLE_PICTURES=FOLDER` leaves a picture of each page there, so that somebody can look at them.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use console::people::code_at;

use crate::chromium::{Browser, DESKTOP, PHONE, Page};
use crate::export::Exporter;
use crate::service::{CONFIG, PROGRAM, Service};

const CONSOLE: &str = "[console]\nlisten = [\"127.0.0.1:0\"]\n";
const NAME: &str = "duty officer";
const PASSWORD: &str = "correct horse battery";
/// Datagrams of a flood, or looks at a page, before it is given up.
const MOST: usize = 3000;

/// Where pictures go, if somebody wants them.
fn pictures() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("HEMICYCLE_PICTURES")?);
    fs::create_dir_all(&folder).unwrap();
    Some(folder)
}

/// The page in both colours, and on a telephone.
fn picture(page: &Page<'_>, name: &str) {
    let Some(folder) = pictures() else { return };
    for (scheme, size, suffix) in
        [("dark", DESKTOP, "dark"), ("light", PHONE, "phone"), ("light", DESKTOP, "light")]
    {
        page.colours(scheme);
        page.size(size);
        page.picture(&folder.join(format!("{name}-{suffix}.png")));
    }
}

/// The secret of an app, of the groups that are shown.
fn secret(groups: &str) -> Vec<u8> {
    let digit = |letter: u8| match letter {
        b'A'..=b'Z' => u64::from(letter - b'A'),
        _ => u64::from(letter - b'2') + 26,
    };
    let letters: Vec<u8> = groups.bytes().filter(|letter| !letter.is_ascii_whitespace()).collect();
    let bits = |group: &[u8]| group.iter().fold(0_u64, |bits, letter| bits << 5 | digit(*letter));
    letters.chunks_exact(8).flat_map(|group| bits(group).to_be_bytes()[3..].to_vec()).collect()
}

/// The code that an app shows so many steps of 30 seconds from now.
fn code(secret: &[u8], steps: i64) -> String {
    let now = jiff::Timestamp::from_second(i64::from(crate::export::now().0)).unwrap();
    code_at(secret, now.as_second() + 30 * steps)
}

/// Something that was said with an address behind it.
fn said(log: &str, before: &str) -> String {
    let line = log.lines().find(|line| line.contains(before)).unwrap_or_else(|| panic!("{log}"));
    line[line.find("https://").unwrap()..].trim().to_owned()
}

/// Follows the link of the first start; gives the secret of the app.
fn first_start(page: &Page<'_>, log: &str) -> Vec<u8> {
    let link = said(log, "first one is made");
    page.open(&link);
    picture(page, "welcome");
    let secret = secret(&page.text(".secret"));
    assert_eq!(secret.len(), 20, "{}", page.text("body"));
    page.fill("[name=name]", NAME);
    page.fill("[name=password]", PASSWORD);
    page.fill("[name=again]", PASSWORD);
    page.fill("[name=code]", &code(&secret, 0));
    page.click("button.primary");
    page.wait("document.querySelectorAll('.codes code').length === 10");
    picture(page, "recovery");
    page.click("a.primary");
    page.at("/");
    // It is good once.
    page.open(&link);
    assert!(page.text("h1").contains("not good any more"), "{}", page.text("body"));
    secret
}

fn sign_in(page: &Page<'_>, code: &str) {
    page.fill("[name=name]", NAME);
    page.fill("[name=password]", PASSWORD);
    page.fill("[name=code]", code);
    page.click("button.primary");
}

fn sign_out(page: &Page<'_>) {
    page.click(".foot form button");
    page.at("/signin");
}

#[test]
fn from_the_first_start_to_the_first_flood_and_out_again() {
    let test = "from_the_first_start_to_the_first_flood_and_out_again";
    let Some(browser) = Browser::start(test) else { return };
    let service = Service::start("browser", &format!("{CONFIG}{CONSOLE}"));
    let base = said(&service.log, "console on").trim_end_matches('/').to_owned();
    let page = browser.page();
    let secret = first_start(&page, &service.log);
    // What the service says of its certificate is what the browser sees.
    let seen = ring::digest::digest(&ring::digest::SHA256, &page.certificate(&base));
    let seen: Vec<String> = seen.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    assert!(service.log.contains(&seen.join(":")), "{} is not in {}", seen.join(":"), service.log);

    page.open(&format!("{base}/"));
    sign_out(&page);
    page.go(&format!("{base}/floods"));
    page.at("/signin?next=/floods");
    picture(&page, "signin");
    sign_in(&page, "000000");
    page.wait("!!document.querySelector('[role=alert]')");
    sign_in(&page, &code(&secret, 1));
    page.at("/floods");

    page.open(&format!("{base}/"));
    assert_eq!(page.value("!!document.querySelector('.sentence.flood')"), false, "{}", page.text("main"));
    picture(&page, "calm");
    let service = flood(&page, service);
    let complaints = page.complaints();
    assert!(complaints.is_empty(), "{complaints:?}");
    sign_out(&page);
    page.go(&format!("{base}/"));
    page.at("/signin");
    let (status, _) = service.stop("TERM");
    assert!(status.success());
}

/// The flood comes, is seen without anybody loading a page, has its page, is in the history, and stays a link.
fn flood(page: &Page<'_>, service: Service) -> Service {
    let mut exporter = Exporter::at([127, 0, 0, 1], service.flows());
    page.value("window.untouched = true");
    let is_there = "!!document.querySelector('.sentence.flood') && !!document.querySelector('a.event')";
    let mut rounds = 0;
    while page.value(is_there) != true {
        exporter.netflow9([192, 0, 2, 10]);
        crate::service::pause();
        rounds += 1;
        assert!(rounds < MOST, "{}", page.text("main"));
    }
    assert_eq!(page.value("window.untouched"), true, "the page was not loaded again: the stream told of it");
    assert!(page.text(".sentence").contains("www"), "{}", page.text(".sentence"));
    // Enough of it that there is something to look at.
    for _ in 0..200 {
        exporter.netflow9([192, 0, 2, 10]);
        crate::service::pause();
    }
    picture(page, "now-flood");
    page.click("a.event");
    page.wait("location.pathname.startsWith('/floods/') && document.readyState === 'complete'");
    assert!(
        page.text("h1").contains("www") && page.text("main").contains("SYN flood"),
        "{}",
        page.text("main")
    );
    assert_eq!(page.value("!!document.querySelector('svg.chart path.line')"), true, "a chart is drawn");
    page.fill("#note", "Seen by the duty officer.");
    page.click("#notes button");
    page.wait("document.querySelector('#notes .notes')?.innerText.includes('Seen by the duty officer.')");
    picture(page, "flood");
    let link = page.value("location.pathname").as_str().unwrap().to_owned();

    page.key("g");
    page.key("h");
    page.at("/floods");
    page.fill("[name=q]", "www");
    page.choose("[name=service]", "www");
    page.choose("[name=kind]", "flood");
    page.choose("[name=severity]", "warning");
    page.click(".filters button");
    page.wait("location.search.includes('service=www') && document.readyState === 'complete'");
    let listed = format!("document.querySelectorAll('.history tbody a[href=\"{link}\"]').length");
    assert_eq!(page.value(&listed), 1, "{}", page.text("main"));
    picture(page, "history");
    page.choose("[name=service]", "mail");
    page.click(".filters button");
    page.wait("location.search.includes('service=mail') && document.readyState === 'complete'");
    assert_eq!(page.value(&listed), 0);
    for (path, name) in
        [("/institution", "institution"), ("/settings", "settings"), ("/data-protection", "privacy")]
    {
        page.value(&format!("location.assign('{path}')"));
        page.at(path);
        picture(page, name);
    }
    service
}

#[test]
fn the_recorded_day_can_be_looked_at() {
    let test = "the_recorded_day_can_be_looked_at";
    let Some(browser) = Browser::start(test) else { return };
    let mut child = Command::new(PROGRAM)
        .arg("demo")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (errors, output) = (child.stderr.take().unwrap(), child.stdout.take().unwrap());
    std::thread::spawn(move || BufReader::new(errors).lines().for_each(drop));
    let mut log = String::new();
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        log.push_str(&line);
        log.push('\n');
        if line.contains("goes by again") {
            break;
        }
    }
    let base = said(&log, "console on").trim_end_matches('/').to_owned();
    let page = browser.page();
    first_start(&page, &log);
    page.open(&format!("{base}/floods"));
    let rows = page.value("document.querySelectorAll('.history tbody tr').length").as_u64().unwrap();
    assert!(rows >= 10, "{rows} floods and surges: {}", page.text("main"));
    picture(&page, "day-history");
    let links =
        page.value("[...document.querySelectorAll('.history tbody a')].map(it => it.getAttribute('href'))");
    for (number, link) in links.as_array().unwrap().iter().enumerate() {
        page.open(&format!("{base}{}", link.as_str().unwrap()));
        let said = page.text(".sentence");
        assert!(said.len() > 20 && !said.contains("NaN") && !said.contains("null"), "{said}");
        assert!(page.overflow().is_empty(), "{:?}", page.overflow());
        // Which day it was, and nothing of a day that has not been.
        assert!(!page.text("main").contains("1970"), "{}", page.text("main"));
        picture(&page, &format!("day-flood-{number:02}"));
    }
    page.open(&format!("{base}/"));
    picture(&page, "day-now");
    let complaints = page.complaints();
    assert!(complaints.is_empty(), "{complaints:?}");
    let _ = child.kill();
    let _ = child.wait();
}
