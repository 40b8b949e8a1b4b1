//! What is said of a flood or surge at the web layer, for the person on duty: one sentence, and line by line why.

use super::class::{CLASSES, Class};
use super::usual::Usual;
use super::watch::Watch;
use crate::event::WebEvidence;
use crate::vector::Vector;

/// Why this is taken for what it is called.
pub(crate) fn sentence(is_surge: bool, lead: Option<Vector>, web: &WebEvidence) -> String {
    if is_surge {
        let times =
            web.usual_requests_per_second.filter(|usual| *usual > 0.0).map_or_else(String::new, |usual| {
                format!("{:.1} times the usual requests, ", web.service_requests_per_second / usual)
            });
        return format!("{times}and they come as those of readers do: pages with what belongs to them");
    }
    let text = match lead {
        Some(Vector::HttpCacheBypass) if web.random_search => {
            "searches for words that nobody meant, each asked once"
        }
        Some(Vector::HttpCacheBypass) => "queries that nobody asked before, so that no cache can answer",
        Some(Vector::LoginFlood) => "far more sign-ins than usual",
        Some(Vector::Http2RapidReset) => "requests over HTTP/2 that are given up at once",
        Some(Vector::TlsHandshakeFlood) => "TLS handshakes after which nothing is asked",
        Some(Vector::ConnectionFlood) => "connections are opened and held, and nothing is asked over them",
        Some(Vector::QuicFlood) => "QUIC handshakes that the server answers and nobody completes",
        Some(Vector::HttpFlood) if web.seen_in == "connections" => {
            "requests as programs send them: at an even pace, or a connection for each"
        }
        Some(Vector::SlowHttp) if web.slow_connections.is_some() => {
            "many connections that are kept open: their requests never become whole, or nobody reads the answers"
        }
        Some(Vector::SlowHttp) => "many requests that never become whole",
        _ => "far more requests of one kind than the others explain",
    };
    text.to_owned()
}

/// What speaks for and against, line by line.
pub(crate) fn lines(
    is_surge: bool,
    totals: &[f64; CLASSES],
    usual: &Usual,
    watch: Option<&Watch>,
    web: &WebEvidence,
) -> Vec<String> {
    let mut lines = Vec::new();
    if is_surge {
        lines.extend(growth(usual));
    } else {
        let mut by_class: Vec<_> = Class::ALL.iter().map(|class| (totals[*class as usize], *class)).collect();
        by_class.sort_by(|a, b| b.0.total_cmp(&a.0));
        for (excess, class) in by_class.iter().take(3).filter(|entry| entry.0 >= 1.0) {
            let kind = &usual.kinds[*class as usize];
            let explained = kind.expected;
            lines.push(format!(
                "{:.0} {} more than the {explained:.1} a second that are explained",
                excess,
                class.words()
            ));
        }
        if totals[Class::Looped as usize] >= 1.0 && usual.loopers > 0 {
            lines.push(format!(
                "{} clients ask for the same again and again, and for nothing that belongs to it",
                usual.loopers
            ));
        }
        lines.extend(crowd_line(usual));
        if usual.slows.any() {
            lines.push("over minutes there are more of them than the assets of days explain".to_owned());
        }
    }
    if let Some(watch) = watch.filter(|watch| watch.total() > 0) {
        lines.extend(of_watch(watch, web));
    }
    if let Some(slow) = web.slow_connections {
        lines.push(format!("{slow} connections are open and hardly move"));
    }
    lines
}

/// How the kinds grew.
fn growth(usual: &Usual) -> Option<String> {
    let grown = [Class::Asset, Class::PageReferred, Class::PageBare].into_iter().filter_map(|class| {
        let kind = &usual.kinds[class as usize];
        (kind.mean > 0.05).then(|| format!("{} {:.1} times", class.words(), kind.now / kind.mean))
    });
    let grown: Vec<_> = grown.collect();
    (!grown.is_empty()).then(|| format!("{} the usual", grown.join(", ")))
}

/// Readers did not grow with it.
fn crowd_line(usual: &Usual) -> Option<String> {
    let kind = &usual.kinds[Class::Asset as usize];
    (usual.is_learnt() && kind.mean > 0.05)
        .then(|| format!("{} are {:.1} times the usual", Class::Asset.words(), kind.now / kind.mean))
}

fn of_watch(watch: &Watch, web: &WebEvidence) -> Vec<String> {
    let total = watch.total() as f64;
    let percent = |count: u64| (100.0 * count as f64 / total).round();
    let mut lines = Vec::new();
    let clients = watch.clients.estimate().round();
    let each = web.requests_per_client.unwrap_or(0.0);
    lines.push(format!("{clients} clients, {each:.1} requests each since they are watched"));
    let agents = watch.agents.estimate().round();
    if agents > 2.0 * clients + 3.0 {
        lines.push(format!("{agents} different agents: more than clients"));
    }
    if let Some((path, share)) = watch.top_path().filter(|top| top.1 >= 0.3 && !top.0.is_empty()) {
        lines.push(format!("{:.0} % for {path}", 100.0 * share));
    }
    if let Some((print, share, total)) = watch.top_print() {
        lines.push(format!("{:.0} % of {total} TLS clients have the fingerprint {print}", 100.0 * share));
    }
    lines.push(format!(
        "{} % name a page before them ({:.0} different)",
        percent(watch.with_referrer),
        watch.referrers.estimate().round()
    ));
    if watch.failed * 10 > watch.total() {
        lines.push(format!("{} % answered with an error of the server", percent(watch.failed)));
    }
    lines
}
