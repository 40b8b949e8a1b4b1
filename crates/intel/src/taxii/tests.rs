//! Tests of [`super`]: servers that page in their own ways.

use serde_json::json;

use super::*;

/// A server with objects, all or none of one time, that pages in its own way.
struct Server {
    objects: Vec<Value>,
    times: Vec<String>,
    style: Style,
    page: usize,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Style {
    /// As the standard says.
    Tokens,
    /// Without tokens; objects of the asked time are left out.
    TimesExclusive,
    /// Without tokens; objects of the asked time come again.
    TimesInclusive,
    /// The same token for ever.
    SameToken,
    /// `more` for ever, with nothing in it.
    MoreForEver,
    /// Each page twice.
    Stutter,
}

impl Server {
    fn new(count: usize, one_time: bool, style: Style) -> Self {
        let objects = (0..count)
            .map(|n| json!({"type": "tool", "id": format!("tool--{n}"), "modified": "2024-01-01T00:00:00Z", "name": "x"}))
            .collect();
        let time = |n: usize| {
            let second = if one_time { 0 } else { n / 7 };
            jiff::Timestamp::from_second(1_700_000_000 + second as i64).unwrap().to_string()
        };
        Self { objects, times: (0..count).map(time).collect(), style, page: 50 }
    }

    fn get(&self, query: &str) -> (Value, Option<String>) {
        let field = |name: &str| {
            query
                .split(['?', '&'])
                .find_map(|part| part.strip_prefix(&format!("{name}=")))
                .map(|text| text.replace("%3A", ":"))
        };
        let limit = field("limit").unwrap().parse::<usize>().unwrap().min(if self.style == Style::Tokens {
            self.page
        } else {
            50_000
        });
        let limit = if matches!(self.style, Style::SameToken | Style::MoreForEver | Style::Stutter) {
            self.page
        } else {
            limit
        };
        let after = field("added_after");
        let fits = |time: &String| match (&after, self.style) {
            (None, _) => true,
            (Some(after), Style::TimesInclusive) => time >= after,
            (Some(after), _) => time > after,
        };
        let all: Vec<usize> = (0..self.objects.len()).filter(|n| fits(&self.times[*n])).collect();
        let from = field("next").and_then(|next| next.parse().ok()).unwrap_or(0usize);
        let at = if self.style == Style::Stutter { from / 2 * self.page } else { from };
        let page: Vec<usize> = all.iter().copied().skip(at).take(limit).collect();
        let more = at + page.len() < all.len();
        let last = page.last().map(|n| self.times[*n].clone());
        let objects: Vec<&Value> = page.iter().map(|n| &self.objects[*n]).collect();
        let envelope = match self.style {
            Style::Tokens => {
                json!({"objects": objects, "more": more, "next": (at + page.len()).to_string()})
            }
            Style::TimesExclusive | Style::TimesInclusive => json!({"objects": objects, "more": more}),
            Style::SameToken => json!({"objects": objects, "more": true, "next": "1"}),
            Style::MoreForEver => json!({"more": true}),
            Style::Stutter => {
                json!({"objects": objects, "more": more || from % 2 == 0, "next": (from + 1).to_string()})
            }
        };
        (envelope, last)
    }
}

fn run(server: &Server, cursor: &Cursor) -> (Vec<String>, State, Cursor, usize) {
    let mut run = Run::new(cursor);
    let mut given = Vec::new();
    let mut asked = 0;
    while let Some(request) = run.request() {
        asked += 1;
        assert!(asked < 2_000, "it ends");
        let (envelope, last) = server.get(&request.query);
        let body = serde_json::to_vec(&envelope).unwrap();
        let answer =
            Answer { status: 200, content_type: MEDIA_TYPE, added_last: last.as_deref(), body: &body };
        given.extend(run.answer(&answer, 0).iter().map(|object| object["id"].as_str().unwrap().to_owned()));
    }
    (given, run.state().clone(), run.cursor(), asked)
}

#[test]
fn five_thousand_objects_of_one_time_are_given_once_each() {
    for style in [Style::Tokens, Style::TimesExclusive, Style::TimesInclusive, Style::Stutter] {
        for one_time in [true, false] {
            let server = Server::new(5_000, one_time, style);
            let (given, state, cursor, _) = run(&server, &Cursor::default());
            assert_eq!(state, State::Complete, "{style:?} {one_time}");
            let distinct: BTreeSet<&String> = given.iter().collect();
            assert_eq!((given.len(), distinct.len()), (5_000, 5_000), "{style:?} {one_time}");
            let (again, state, _, _) = run(&server, &cursor);
            assert_eq!(
                (again.len(), state),
                (0, State::Complete),
                "{style:?} {one_time}: nothing comes twice"
            );
        }
    }
}

#[test]
fn a_server_that_turns_in_circles_is_left_and_said_to_be_incomplete() {
    for style in [Style::SameToken, Style::MoreForEver] {
        let server = Server::new(5_000, true, style);
        let (given, state, cursor, asked) = run(&server, &Cursor::default());
        assert!(matches!(state, State::Incomplete(_)), "{style:?}");
        assert!(asked < 40, "{style:?} {asked}");
        let distinct: BTreeSet<&String> = given.iter().collect();
        assert_eq!(given.len(), distinct.len());
        assert_eq!(cursor.added_after, None, "the place does not move");
        let better = Server::new(5_000, true, Style::Tokens);
        let (rest, state, _, _) = run(&better, &cursor);
        assert_eq!(
            (given.len() + rest.len(), state),
            (5_000, State::Complete),
            "nothing lost, nothing twice"
        );
    }
}

#[test]
fn a_run_that_reaches_a_limit_says_which_and_the_next_one_goes_on() {
    let usual = Limits::default();
    for (limits, said) in [
        (Limits { pages: 7, ..usual }, "7 pages"),
        (Limits { objects: 300, ..usual }, "300 objects"),
        (Limits { bytes: 30_000, ..usual }, "30000 bytes"),
        (Limits { seconds: 5, ..usual }, "5 seconds"),
    ] {
        for style in [Style::Tokens, Style::TimesExclusive, Style::TimesInclusive] {
            let server = Server { page: 50, ..Server::new(2_000, false, style) };
            let (mut cursor, mut given, mut runs) = (Cursor::default(), Vec::new(), 0);
            loop {
                let mut run = Run::within(&cursor, limits);
                let mut asked = 0;
                while let Some(request) = run.request() {
                    let (envelope, last) = server.get(&request.query);
                    let body = serde_json::to_vec(&envelope).unwrap();
                    let answer = Answer {
                        status: 200,
                        content_type: MEDIA_TYPE,
                        added_last: last.as_deref(),
                        body: &body,
                    };
                    asked += 1;
                    given.extend(run.answer(&answer, asked).iter().map(|object| object["id"].to_string()));
                }
                (cursor, runs) = (run.cursor(), runs + 1);
                match run.state() {
                    State::Incomplete(why) => assert!(why.contains(said), "{why}"),
                    _ => break,
                }
                assert!(runs < 100, "{said} {style:?}: each run brings it on");
            }
            let distinct: BTreeSet<&String> = given.iter().collect();
            assert_eq!((given.len(), distinct.len()), (2_000, 2_000), "{said} {style:?}");
            assert!(runs > 1 || style != Style::Tokens, "{said}");
        }
    }
}

#[test]
fn what_is_added_later_at_the_same_time_is_not_lost_where_the_server_counts_it_in() {
    let server = Server::new(100, true, Style::TimesInclusive);
    let (_, _, cursor, _) = run(&server, &Cursor::default());
    let more = Server::new(120, true, Style::TimesInclusive);
    let (given, state, _, _) = run(&more, &cursor);
    assert_eq!((given.len(), state), (20, State::Complete));
}

#[test]
fn answers_of_a_wrong_kind_end_the_run_without_moving_on() {
    let ok = br#"{"objects":[]}"#.as_slice();
    for (status, kind, body) in [
        (500, MEDIA_TYPE, ok),
        (200, "text/html", ok),
        (200, MEDIA_TYPE, b"<html>".as_slice()),
        (200, MEDIA_TYPE, b"[]".as_slice()),
        (200, MEDIA_TYPE, br#"{"objects":{}}"#.as_slice()),
        (200, MEDIA_TYPE, br#"{"objects":"x","more":true}"#.as_slice()),
    ] {
        let mut run = Run::new(&Cursor::default());
        let answer = Answer { status, content_type: kind, added_last: Some("2024-01-01T00:00:00Z"), body };
        assert!(run.answer(&answer, 0).is_empty());
        assert!(matches!(run.state(), State::Incomplete(_)), "{status} {kind}");
        assert_eq!(run.cursor().added_after, None);
    }
    let mut run = Run::new(&Cursor::default());
    let body = br#"{"objects":[1,"x",{"type":"tool"},{"type":"tool","id":"tool--1"},{"type":"tool","id":7}],"more":"no"}"#;
    let answer = Answer { status: 200, content_type: MEDIA_TYPE, added_last: Some("yesterday"), body };
    assert_eq!(run.answer(&answer, 0).len(), 1);
    assert_eq!((run.skipped, run.state()), (4, &State::Complete));
}

/// A page of so many objects from a number on, each with a version of so many bytes.
fn page(from: usize, count: usize, bytes: usize) -> Vec<u8> {
    let version = "v".repeat(bytes);
    let object = |n: usize| json!({"type": "tool", "id": format!("tool--{n}"), "modified": version});
    json!({"objects": (from..from + count).map(object).collect::<Vec<_>>(), "more": true, "next": from.to_string()})
        .to_string()
        .into_bytes()
}

#[test]
fn what_is_remembered_has_a_bound_over_all_runs() {
    let limits = Limits { remembered: 100, ..Limits::default() };
    let (mut cursor, mut given) = (Cursor::default(), 0);
    for number in 0..5 {
        let mut run = Run::within(&cursor, limits);
        let body = page(number * 60, 60, 10_000);
        let answer = Answer { status: 200, content_type: MEDIA_TYPE, added_last: None, body: &body };
        given += run.answer(&answer, 0).len();
        // A server that breaks off makes each run remember what it gave.
        run.failed("broken off");
        cursor = run.cursor();
        assert!(cursor.given.len() <= 100, "{}", cursor.given.len());
    }
    assert_eq!(given, 100);
    assert!(cursor.given.iter().all(|key| key.len() == 36), "no key is as long as a server likes");
    let mut run = Run::within(&cursor, limits);
    let body = page(0, 60, 10_000);
    let answer = Answer { status: 200, content_type: MEDIA_TYPE, added_last: None, body: &body };
    assert!(run.answer(&answer, 0).is_empty());
    assert_eq!((run.repeated, run.state()), (60, &State::Asking), "what is known needs no room");
    let body = page(1_000, 1, 10);
    let answer = Answer { status: 200, content_type: MEDIA_TYPE, added_last: None, body: &body };
    assert!(run.answer(&answer, 0).is_empty());
    assert!(
        matches!(run.state(), State::Incomplete(why) if why.contains("100 objects")),
        "{:?}",
        run.state()
    );
}
