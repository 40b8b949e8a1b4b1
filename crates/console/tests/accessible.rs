//! Every page in a real browser, in both colours and on a telephone: nothing that axe-core calls serious or critical,
//! nothing wider than the window, nothing that the browser complains of.
//!
//! axe-core (MPL-2.0) is no part of this repository: `cargo xtask setup` fetches it. Without it that part is skipped.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod browser;
mod client;
mod house;

use std::collections::BTreeSet;
use std::fs;

use browser::{Browser, DESKTOP, PHONE, Page};
use client::Console;
use console::people::Role;
use console::{Look, ROUTES, Tls};

/// A console as it runs at a site: with TLS, since cookies need it.
fn console() -> Console {
    Console::with(|options| options.tls = Tls::Own { names: Vec::new() })
}

/// Where every page of the table is, with an account that sees all there is to see. Made of the table, so that a new page is looked
/// at without anybody thinking of it.
fn places(console: &Console) -> (Vec<String>, String) {
    let (ada, _) = console.member("ada", Role::Administrator, None);
    console.member("it@party-x", Role::Viewer, Some("party-x"));
    console.people.create_token(&ada, "grafana", &[console::people::Scope::Read], None, 90).unwrap();
    let link = console.people.invite("new", Role::Analyst, None, "ada").unwrap();
    // Those of the provider lead elsewhere and show nothing.
    let pages = ROUTES
        .iter()
        .filter(|route| route.look == Look::Page && route.method == "GET" && !route.path.contains("/oidc"));
    let fill = |path: &str| {
        let path = path.replace("{token}", &link).replace("{id}", house::OWN_FLOOD);
        path.replace("{page}", "syn-flood")
    };
    let mut places: Vec<String> = pages.map(|route| fill(route.path)).collect();
    assert!(places.iter().all(|place| !place.contains('{')), "{places:?}");
    places.extend(
        ["/welcome/none", "/no/such/place", "/floods?q=nothing-like-it", "/floods?kind=surge"]
            .map(str::to_owned),
    );
    (places, console.session(&ada))
}

fn axe(test: &str) -> Option<String> {
    let found = browser::fetched("axe.min.js").and_then(|path| fs::read_to_string(path).ok());
    if found.is_none() {
        println!("skipped: {test}: axe-core is not fetched");
    }
    found
}

/// Opens every page in both colours and hands it over.
fn each(console: &Console, browser: &Browser, mut look: impl FnMut(&Page<'_>, &str)) {
    let base = format!("https://{}", console.address);
    let (places, session) = places(console);
    let page = browser.page();
    page.cookie(&base, "__Host-session", &session);
    for scheme in ["light", "dark"] {
        page.colours(scheme);
        for place in &places {
            page.open(&format!("{base}{place}"));
            look(&page, &format!("{scheme} {place}"));
        }
    }
}

#[test]
fn no_page_has_a_serious_violation_in_either_colour() {
    let test = "no_page_has_a_serious_violation_in_either_colour";
    let (Some(browser), Some(axe)) = (Browser::start(test), axe(test)) else { return };
    let console = console();
    let mut found = BTreeSet::new();
    each(&console, &browser, |page, place| {
        for size in [DESKTOP, PHONE] {
            page.size(size);
            found.extend(page.violations(&axe).into_iter().map(|violation| format!("{place}: {violation}")));
        }
    });
    assert!(found.is_empty(), "{}", found.into_iter().collect::<Vec<_>>().join("\n"));
}

#[test]
fn axe_finds_what_it_should() {
    let test = "axe_finds_what_it_should";
    let (Some(browser), Some(axe)) = (Browser::start(test), axe(test)) else { return };
    let console = console();
    let page = browser.page();
    page.open(&format!("https://{}/signin", console.address));
    assert_eq!(page.violations(&axe), [""; 0]);
    page.value("document.querySelector('label').replaceWith(document.querySelector('label input')); document.querySelector('h1').style.color = '#ccc'");
    let found = page.violations(&axe).join("\n");
    assert!(found.contains("label") && found.contains("color-contrast"), "{found}");
}

#[test]
fn no_page_is_wider_than_a_telephone_and_no_browser_complains() {
    let test = "no_page_is_wider_than_a_telephone_and_no_browser_complains";
    let Some(browser) = Browser::start(test) else { return };
    let console = console();
    let mut wrong = Vec::new();
    each(&console, &browser, |page, place| {
        page.size(PHONE);
        // Letters differ by the fonts that a machine has: a row that just fitted here was too wide elsewhere.
        for percent in [100, 115] {
            page.letters(percent);
            let wide = page.overflow();
            if !wide.is_empty() {
                wrong
                    .push(format!("{place} is wider than a telephone with letters of {percent} %: {wide:?}"));
            }
            // A choice that its box cuts makes no page wide, and is not there.
            let cut = page.value(
                "[...document.querySelectorAll('.segments')].some(it => it.scrollWidth > it.clientWidth)",
            );
            if cut != false {
                wrong.push(format!("{place} cuts a choice with letters of {percent} %"));
            }
        }
        page.letters(100);
        page.size(DESKTOP);
        wrong.extend(page.overflow().into_iter().map(|wide| format!("{place} is too wide: {wide}")));
        wrong.extend(page.complaints().into_iter().map(|complaint| format!("{place}: {complaint}")));
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn colours_that_are_chosen_are_those_of_the_system() {
    let test = "colours_that_are_chosen_are_those_of_the_system";
    let Some(browser) = Browser::start(test) else { return };
    let console = console();
    let page = browser.page();
    page.open(&format!("https://{}/signin", console.address));
    // Every colour of the sheet: those of the choice stand in it a second time.
    let colours = "JSON.stringify([...document.styleSheets[0].cssRules].flatMap(rule => [...(rule.style ?? [])])
        .filter(name => name.startsWith('--')).map(name => [name, getComputedStyle(document.documentElement).getPropertyValue(name)]))";
    let of = |scheme: &str, theme: &str| {
        page.colours(scheme);
        page.value(&format!("document.documentElement.dataset.theme = '{theme}'"));
        page.value(colours)
    };
    let (light, dark) = (of("light", "auto"), of("dark", "auto"));
    assert_ne!(light, dark);
    assert_eq!((of("dark", "light"), of("light", "dark")), (light, dark));
}

#[test]
fn keys_lead_through_the_pages() {
    let test = "keys_lead_through_the_pages";
    let Some(browser) = Browser::start(test) else { return };
    let console = console();
    let base = format!("https://{}", console.address);
    let (_, session) = places(&console);
    let page = browser.page();
    page.cookie(&base, "__Host-session", &session);
    page.open(&format!("{base}/"));
    page.key("g");
    page.key("h");
    page.at("/floods");
    page.key("j");
    page.wait("document.activeElement.matches('tbody th a')");
    page.key("/");
    page.wait("document.activeElement.matches('[data-search]')");
    page.value("document.activeElement.blur()");
    page.key("?");
    page.wait("document.querySelector('#keys').open");
    assert!(page.complaints().is_empty());
}
