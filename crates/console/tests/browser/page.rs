//! One tab: where it is, what is on it, and what a person does to it.

use std::fs;
use std::path::Path;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Browser, PATIENCE};

/// Width and height of a desk's window.
pub const DESKTOP: (u32, u32) = (1280, 900);
/// Those of a small telephone.
pub const PHONE: (u32, u32) = (360, 740);
/// Tallest picture of a page.
const TALLEST_PIXELS: f64 = 4_000.0;

/// A tab of a browser.
pub struct Page<'a> {
    browser: &'a Browser,
    session: String,
}

impl<'a> Page<'a> {
    pub(super) fn new(browser: &'a Browser, session: String) -> Self {
        let page = Self { browser, session };
        for domain in ["Page", "Runtime", "Log", "Network"] {
            page.call(&format!("{domain}.enable"), json!({}));
        }
        page.size(DESKTOP);
        page
    }

    fn call(&self, method: &str, parameters: Value) -> Value {
        self.browser.call(Some(&self.session), method, parameters)
    }

    /// How large the window is.
    pub fn size(&self, (width, height): (u32, u32)) {
        let mobile = width < 500;
        let parameters = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile});
        self.call("Emulation.setDeviceMetricsOverride", parameters);
    }

    /// What the system prefers: `light` or `dark`. Nothing moves, so that pictures are the same each time.
    pub fn colours(&self, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"}]);
        self.call("Emulation.setEmulatedMedia", json!({"features": features}));
    }

    /// Sets a cookie as the server at this address would.
    pub fn cookie(&self, url: &str, name: &str, value: &str) {
        let parameters = json!({"url": url, "name": name, "value": value, "secure": true, "path": "/"});
        let set = self.call("Network.setCookie", parameters);
        assert_eq!(set["success"], true, "{name}");
    }

    /// Goes to an address, wherever that leads.
    pub fn go(&self, url: &str) {
        let gone = self.call("Page.navigate", json!({"url": url}));
        assert!(gone["errorText"].is_null(), "{url}: {gone}");
    }

    /// Opens an address and waits until everything of it is there.
    pub fn open(&self, url: &str) {
        self.go(url);
        let path = url.splitn(4, '/').nth(3).unwrap_or_default();
        self.at(&format!("/{path}"));
    }

    /// Waits until it is at a path, fully loaded.
    pub fn at(&self, path: &str) {
        let place = "location.pathname + location.search + location.hash";
        self.wait(&format!("({place}) === {} && document.readyState === 'complete'", json!(path)));
    }

    /// Waits until an expression is true.
    pub fn wait(&self, expression: &str) {
        let started = Instant::now();
        while self.try_value(expression) != Ok(Value::Bool(true)) {
            if started.elapsed() > PATIENCE {
                let place = self.value("location.href");
                panic!("{expression} never came true at {place}:\n{}", self.text("body"));
            }
            self.browser.moment();
        }
    }

    /// The value of an expression; of a promise, what it is kept with.
    pub fn value(&self, expression: &str) -> Value {
        self.try_value(expression).unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    fn try_value(&self, expression: &str) -> Result<Value, Value> {
        let parameters = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let mut found = self.browser.ask(Some(&self.session), "Runtime.evaluate", &parameters)?;
        if found["exceptionDetails"].is_object() {
            return Err(found["exceptionDetails"].take());
        }
        Ok(found["result"]["value"].take())
    }

    /// The text of the first element that fits; empty without one.
    pub fn text(&self, selector: &str) -> String {
        let text = self.value(&format!("document.querySelector({})?.innerText ?? ''", json!(selector)));
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Clicks in the middle of the first element that fits, as a person would: nothing may lie over it.
    pub fn click(&self, selector: &str) {
        let place = self.value(&format!(
            "(() => {{ const it = document.querySelector({}); it.scrollIntoView({{block: 'center', behavior: 'instant'}});
               const box = it.getBoundingClientRect(); const x = box.x + box.width / 2, y = box.y + box.height / 2;
               const hit = document.elementFromPoint(x, y);
               return {{x, y, hit: it === hit || it.contains(hit) || hit?.contains(it)}}; }})()",
            json!(selector)
        ));
        assert_eq!(place["hit"], true, "{selector} is covered");
        for kind in ["mousePressed", "mouseReleased"] {
            let parameters =
                json!({"type": kind, "x": place["x"], "y": place["y"], "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", parameters);
        }
    }

    /// Types into the first field that fits, in the place of what is there.
    pub fn fill(&self, selector: &str, text: &str) {
        let chosen = json!(selector);
        self.value(&format!(
            "document.querySelector({chosen}).focus(), document.querySelector({chosen}).select?.()"
        ));
        self.call("Input.insertText", json!({"text": text}));
    }

    /// Presses one key.
    pub fn key(&self, key: &str) {
        for kind in ["keyDown", "keyUp"] {
            let mut parameters = json!({"type": kind, "key": key});
            if kind == "keyDown" && key.chars().count() == 1 {
                parameters["text"] = key.into();
            }
            self.call("Input.dispatchKeyEvent", parameters);
        }
    }

    /// Chooses of a list.
    pub fn choose(&self, selector: &str, value: &str) {
        self.value(&format!("document.querySelector({}).value = {}", json!(selector), json!(value)));
    }

    /// What the browser complained of since the last time: exceptions, blocked resources, broken policy. The text of
    /// answers that are not 2xx is not among it.
    pub fn complaints(&self) -> Vec<String> {
        let logged = self.browser.events(&self.session, "Log.entryAdded").into_iter();
        let serious = logged.map(|mut event| event["entry"].take()).filter(|entry| {
            entry["level"] == "error" && !entry["text"].as_str().unwrap_or_default().contains("status of 4")
        });
        let thrown = self.browser.events(&self.session, "Runtime.exceptionThrown").into_iter();
        serious.chain(thrown).map(|entry| entry.to_string()).collect()
    }

    /// The certificate of an origin, DER.
    pub fn certificate(&self, origin: &str) -> Vec<u8> {
        let found = self.call("Network.getCertificate", json!({"origin": origin}));
        base64(found["tableNames"][0].as_str().unwrap())
    }

    /// Letters of so many parts of a hundred of their usual size.
    pub fn letters(&self, percent: u32) {
        self.value(&format!("document.documentElement.style.fontSize = '{percent}%'"));
    }

    /// Whether the page is wider than the window, and by what: first what no box cuts or scrolls.
    pub fn overflow(&self) -> Vec<String> {
        let found = self.value(
            "(() => { const width = document.documentElement.clientWidth;
               if (document.documentElement.scrollWidth <= width) return [];
               const cut = it => { for (let box = it.parentElement; box && box !== document.body; box = box.parentElement)
                 if (getComputedStyle(box).overflowX !== 'visible') return true; return false; };
               const wide = [...document.querySelectorAll('body *')].filter(it => it.getBoundingClientRect().right > width);
               const named = wide.filter(it => !cut(it));
               return [`page to ${document.documentElement.scrollWidth}`, ...(named.length ? named : wide)
                 .slice(0, 8).map(it => `${it.tagName}.${it.className?.baseVal ?? it.className} to ${it.getBoundingClientRect().right}`)]; })()",
        );
        serde_json::from_value(found).unwrap()
    }

    /// What axe-core finds of the impacts serious and critical; its text is passed.
    pub fn violations(&self, axe: &str) -> Vec<String> {
        self.value(&format!("{axe}; 0"));
        let found = self.value(
            "axe.run(document, {resultTypes: ['violations']}).then(found => found.violations
               .filter(it => it.impact === 'serious' || it.impact === 'critical')
               .flatMap(it => it.nodes.map(node => `${it.id}: ${node.html.slice(0, 160)} ${node.any[0]?.message ?? node.failureSummary}`)))",
        );
        serde_json::from_value(found).unwrap()
    }

    /// A picture of the whole page, PNG.
    pub fn picture(&self, to: &Path) {
        let metrics = self.call("Page.getLayoutMetrics", json!({}));
        let size = &metrics["cssContentSize"];
        let height = size["height"].as_f64().unwrap().min(TALLEST_PIXELS);
        let clip = json!({"x": 0, "y": 0, "width": size["width"], "height": height, "scale": 1});
        let parameters = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        let found = self.call("Page.captureScreenshot", parameters);
        fs::write(to, base64(found["data"].as_str().unwrap())).unwrap();
    }
}

fn base64(text: &str) -> Vec<u8> {
    STANDARD.decode(text).unwrap()
}
