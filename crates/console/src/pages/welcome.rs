//! Following a one-time link: name, password and authenticator app on one page, recovery codes on the next.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use axum::{Extension, Form};
use maud::{Markup, html};
use qrcodegen::{QrCode, QrCodeEcc};
use record::{Actor, Kind};
use serde::Deserialize;
use serde_json::json;

use super::{add_cookies, bare, words};
use crate::http::{Cookies, Fault, Keep, Peer, Shared};
use crate::people::{Link, Purpose, secret, uri};

/// What the form holds.
#[derive(Deserialize)]
pub(crate) struct Typed {
    #[serde(default)]
    name: String,
    password: String,
    again: String,
    code: String,
}

/// `GET /welcome/{token}`. Looking uses nothing up, so that a preview of the link in a mail does not.
pub(crate) async fn page(
    State(app): State<Shared>,
    headers: HeaderMap,
    Path(token): Path<String>,
) -> Result<Response, Fault> {
    show(&app, &headers, &token, "", None).await
}

async fn show(
    app: &Shared,
    headers: &HeaderMap,
    token: &str,
    name: &str,
    wrong: Option<&str>,
) -> Result<Response, Fault> {
    let key = token.to_owned();
    let link = app.wait(move |app| app.people.link(&key)).await?;
    let theme = Cookies(headers).theme();
    let Some(link) = link else {
        let content = html! {
            h1 { "This link is not good any more" }
            p { "It was used, it is older than an hour, or the service was started again. Ask for another one." }
        };
        let mut page = bare(theme, "Link", &content);
        *page.status_mut() = StatusCode::NOT_FOUND;
        return Ok(page);
    };
    let minutes = (link.expires_seconds - app.now().as_second()) / 60;
    let name = link.name.as_deref().unwrap_or(name);
    let content = form(&link, token, name, &app.snapshot().institution, wrong, minutes);
    Ok(bare(theme, "Welcome", &content))
}

fn form(
    link: &Link,
    token: &str,
    name: &str,
    institution: &str,
    wrong: Option<&str>,
    minutes: i64,
) -> Markup {
    let fixed = link.name.is_some();
    html! {
        h1 { @if link.purpose == Purpose::Reset { "Set everything anew" } @else { "Welcome" } }
        p { "To " b { (institution) } ", as " b { (link.role.title()) } ". This link is good for another " (minutes) " min." }
        @if let Some(wrong) = wrong { p class="notice warning" role="alert" { (wrong) } }
        form method="post" action={ "/welcome/" (token) } {
            label { span { "Name" } input name="name" value=(name) readonly[fixed] autocomplete="username" required maxlength="64" autofocus[!fixed]; }
            label { span { "Password, at least 12 characters" } input type="password" name="password" autocomplete="new-password" required minlength="12" maxlength="256"; }
            label { span { "Password again" } input type="password" name="again" autocomplete="new-password" required minlength="12" maxlength="256"; }
            fieldset {
                legend { "Authenticator app" }
                (code_picture(&uri(&link.secret, institution, if name.is_empty() { "administrator" } else { name })))
                p class="hint" { "Scan this with the app, or type the secret:" br; code class="secret" { (groups(&secret::base32(&link.secret))) } }
            }
            label { span { "The code that the app shows" } input name="code" inputmode="numeric" autocomplete="one-time-code" required maxlength="8"; }
            button class="primary" { "Go on" }
        }
    }
}

fn groups(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

/// The QR code as one path. Without one (never for texts of this length) the secret stands below it anyway.
fn code_picture(text: &str) -> Markup {
    let Ok(code) = QrCode::encode_text(text, QrCodeEcc::Medium) else { return html! {} };
    let size = code.size();
    let mut path = String::new();
    for y in 0..size {
        for x in (0..size).filter(|x| code.get_module(*x, y)) {
            path.push_str(&format!("M{x} {y}h1v1h-1z"));
        }
    }
    html! {
        svg class="qr" viewBox={ "-3 -3 " (size + 6) " " (size + 6) } role="img" aria-label="QR code of the secret" {
            rect class="paper" x="-3" y="-3" width=(size + 6) height=(size + 6) {}
            path class="ink" d=(path) {}
        }
    }
}

/// `POST /welcome/{token}`.
pub(crate) async fn follow(
    State(app): State<Shared>,
    Extension(Peer(address)): Extension<Peer>,
    headers: HeaderMap,
    Path(token): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response, Fault> {
    if typed.password != typed.again {
        return show(&app, &headers, &token, &typed.name, Some("The two passwords differ.")).await;
    }
    let (key, name) = (token.clone(), typed.name.trim().to_owned());
    let agent =
        headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    // A link is followed one at a time: its hash is work for a stranger too.
    let Ok(_turn) = app.strangers.acquire().await else { return Err(Fault::Busy) };
    let result = app
        .wait(move |app| {
            let (account, codes) = app.people.follow_link(&key, &name, &typed.password, &typed.code)?;
            let body = json!({"what": "link followed", "role": account.role.name(), "organisation": account.organisation});
            let _ = app.write_down(Kind::SignedIn, Actor::Person(account.name.clone()), &account.name, body);
            let started = app.people.start_session(&account, &address.to_canonical().to_string(), &agent)?;
            Ok::<_, Fault>((codes, started))
        })
        .await;
    match result {
        Ok((codes, started)) => {
            let mut page = bare(Cookies(&headers).theme(), "Recovery codes", &recovery_codes(&codes, "/"));
            let device = Keep::Device(&started.device, app.options.policy.device_seconds);
            add_cookies(page.headers_mut(), &[Keep::Session(&started.token), device]);
            Ok(page)
        }
        Err(Fault::Bad(text)) => show(&app, &headers, &token, &typed.name, Some(text)).await,
        Err(other) => Err(other),
    }
}

/// Recovery codes, shown once.
pub(crate) fn recovery_codes(codes: &[String], next: &str) -> Markup {
    html! {
        h1 { "Recovery codes" }
        p { "Each of these " (words::count(10.0)) " codes takes the place of the app once. Print them or write them down now: they are not shown again." }
        ol class="codes" { @for code in codes { li { code { (code) } } } }
        p { a class="button primary" href=(next) { "I have them" } }
    }
}
