//! Files that were made to hurt: they are refused or read, in bounded time, without a panic.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests may panic")]

use std::time::{Duration, Instant};

use institution::{MAXIMUM_FILE_BYTES, MAXIMUM_PROBLEMS, parse};
use proptest::prelude::*;

const LONGEST: Duration = Duration::from_secs(20);

/// Reads and renders; says how many problems there were, or none if the file was good.
fn problems(text: &str) -> Option<usize> {
    let started = Instant::now();
    let result = parse("hostile.toml", text);
    let found = result.err().map(|problems| {
        assert!(problems.list().len() <= MAXIMUM_PROBLEMS);
        let shown = problems.render(false);
        assert!(shown.len() < 4_000_000, "{} bytes of output", shown.len());
        problems.list().len() + problems.omitted()
    });
    println!("{} bytes in {:?}", text.len(), started.elapsed());
    assert!(started.elapsed() < LONGEST, "took {:?}", started.elapsed());
    found
}

fn with_head(rest: &str) -> String {
    format!("[institution]\nname = \"Test\"\n{rest}")
}

#[test]
fn a_megabyte_of_brackets() {
    for bracket in ["[", "{", "]", "}", "[[", "a=[", "a={a=", "\"", "'''", "\u{feff}", "\r", "=", ".", "a."] {
        let count = (1 << 20) / bracket.len();
        assert!(problems(&bracket.repeat(count)).is_some(), "{bracket:?}");
        assert!(problems(&format!("a = {}", bracket.repeat(count))).is_some(), "a = {bracket:?}");
    }
}

#[test]
fn nesting_deeper_than_the_stack() {
    for depth in [100, 10_000, 300_000] {
        let lists = with_head(&format!(
            "[node.a]\nkind = \"link\"\nneeds = {}{}",
            "[".repeat(depth),
            "]".repeat(depth)
        ));
        assert!(problems(&lists).is_some());
        let tables =
            with_head(&format!("[node.a]\nneeds = {}1{}", "{all=[".repeat(depth), "]}".repeat(depth)));
        assert!(problems(&tables).is_some());
        assert!(problems(&with_head(&format!("[{}]", "a.".repeat(depth) + "a"))).is_some());
    }
}

#[test]
fn huge_lists_of_bad_values_are_counted_not_kept() {
    let list = "\"x\",".repeat(100_000);
    assert_eq!(problems(&with_head(&format!("[allow]\nprefixes = [{list}]"))), Some(100_000));
    let services = "\"nobody\",\n".repeat(100_000);
    assert_eq!(problems(&with_head(&format!("[group.g]\nservices = [{services}]"))), Some(100_000));
}

#[test]
fn many_good_entries_are_read() {
    let prefixes: String = (0..100_000u32)
        .map(|n| format!("\"10.{}.{}.{}/30\",", n >> 14, (n >> 6) & 255, (n << 2) & 255))
        .collect();
    assert_eq!(problems(&with_head(&format!("[zone.z]\nprefixes = [{prefixes}]"))), None);
}

#[test]
fn more_items_than_the_limit() {
    let zones: String = (0..10_001).map(|n| format!("[node.n{n}]\nkind=\"link\"\n")).collect();
    assert_eq!(problems(&with_head(&zones)), Some(1));
}

#[test]
fn a_long_chain_of_needs_is_no_deep_recursion() {
    let chain = |last: &str| {
        let mut text: String =
            (0..9_999).map(|n| format!("[node.n{n}]\nkind=\"link\"\nneeds=\"n{}\"\n", n + 1)).collect();
        text.push_str(&format!("[node.n9999]\nkind=\"link\"\n{last}"));
        with_head(&text)
    };
    assert_eq!(problems(&chain("")), None);
    assert_eq!(problems(&chain("needs=\"n0\"\n")), Some(1));
}

#[test]
fn many_services_on_one_address() {
    let mut text = with_head("[zone.z]\nprefixes=[\"192.0.2.0/24\"]\n");
    for n in 0..65 {
        text.push_str(&format!(
            "[service.s{n}]\nzone=\"z\"\naddresses=[\"192.0.2.1\"]\nports=[\"tcp/{}\"]\n",
            n + 1
        ));
    }
    assert_eq!(problems(&text), Some(1));
}

#[test]
fn a_file_above_the_limit_is_not_read() {
    let text = with_head(&"#".repeat(MAXIMUM_FILE_BYTES));
    let problems = parse("large.toml", &text).expect_err("too large");
    assert_eq!(problems.list().len(), 1);
    assert_eq!((problems.list()[0].line, problems.list()[0].column), (1, 1));
}

#[test]
fn a_line_too_long_to_show_still_has_its_place() {
    let text = with_head(&format!("[allow]\nprefixes = [{}\"x\"]\n", "\"192.0.2.1\", ".repeat(1000)));
    let problems = parse("long.toml", &text).expect_err("bad prefix");
    let column = 13 + 13 * 1000;
    assert_eq!((problems.list()[0].line, problems.list()[0].column), (4, column));
    assert!(problems.render(false).contains(&format!("long.toml:4:{column}")), "{problems}");
}

proptest! {
    #[test]
    fn any_text_is_refused_or_read(text in ".{0,300}") {
        problems(&text);
        problems(&with_head(&text));
    }

    #[test]
    fn the_example_with_a_part_cut_out(from in 0usize..14_000, length in 0usize..200) {
        let text = include_str!("../../../data/institution/examplia.toml");
        let boundary = |at: usize| (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap();
        let (from, to) = (boundary(from), boundary(from + length));
        problems(&format!("{}{}", &text[..from], &text[to..]));
    }
}
