// What the script adds to pages that work without it: the page of now stays up to date, keys, a reading line on charts.
"use strict";

(() => {
  const root = document.documentElement;
  root.classList.add("scripted");

  // ---- Staying up to date: an event, or half a minute, fetches the page again and puts its content in place. ----

  const live = document.body.hasAttribute("data-live");
  let source = null;
  let timer = 0;
  let running = false;
  let last = 0;

  const busy = () => {
    const at = document.activeElement;
    return at && at.matches("input, textarea, select");
  };

  async function refresh() {
    timer = 0;
    if (running || document.hidden || busy()) return;
    running = true;
    try {
      const answer = await fetch(location.pathname, { credentials: "same-origin", redirect: "manual" });
      if (answer.type === "opaqueredirect") { location.reload(); return; }
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const old = document.getElementById("content");
      const fresh = page.getElementById("content");
      if (!old || !fresh) return;
      const focused = document.activeElement && document.activeElement.getAttribute("href");
      old.replaceChildren(...fresh.childNodes);
      const clock = document.querySelector(".house time");
      const time = page.querySelector(".house time");
      if (clock && time) clock.replaceWith(time);
      if (focused) old.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
      last = Date.now();
    } catch { /* the next one may come through */ } finally {
      running = false;
    }
  }

  // However many events come, at most one fetch in a second.
  const soon = () => { if (!timer) timer = setTimeout(refresh, Math.max(150, 1000 - (Date.now() - last))); };

  function listen() {
    if (source || document.hidden) return;
    source = new EventSource("/api/v1/events");
    for (const kind of ["flood", "surge", "sign"]) source.addEventListener(kind, soon);
  }

  // A hidden page gives its connection back: browsers have few for each server.
  function visibility() {
    if (document.hidden) { source?.close(); source = null; } else { listen(); soon(); }
  }

  if (live) {
    listen();
    document.addEventListener("visibilitychange", visibility);
    setInterval(soon, 30000);
  }

  // ---- Keys. ----

  const dialog = document.getElementById("keys");
  let prefix = false;

  function step(by) {
    const links = [...document.querySelectorAll("tbody th a, .event")];
    if (!links.length) return;
    const next = links.indexOf(document.activeElement) + by;
    links[Math.min(Math.max(next, 0), links.length - 1)].focus();
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || busy() || dialog?.open) return;
    const key = event.key;
    if (prefix) {
      prefix = false;
      const place = document.querySelector(`.bar nav a[data-key="${CSS.escape(key)}"]`);
      if (place) { event.preventDefault(); place.click(); }
      return;
    }
    if (key === "g") { prefix = true; setTimeout(() => { prefix = false; }, 1500); }
    else if (key === "?") { event.preventDefault(); dialog?.showModal(); }
    else if (key === "j") step(1);
    else if (key === "k") step(-1);
    else if (key === "/") {
      event.preventDefault();
      const search = document.querySelector("[data-search]");
      if (search) search.focus(); else location.href = "/floods";
    }
  });

  // ---- A reading line on charts. ----

  const make = (name, parent, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    parent.append(element);
    return element;
  };

  const number = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

  for (const chart of document.querySelectorAll(".chart[data-points]")) {
    const points = chart.dataset.points.split(";").filter(Boolean).map((text) => text.split(",").map(Number));
    if (!points.length) continue;
    const floor = chart.dataset.floor;
    const width = chart.viewBox.baseVal.width;
    const group = make("g", chart, { visibility: "hidden", "pointer-events": "none" });
    const line = make("line", group, { class: "reading", y1: 12, y2: floor });
    const dot = make("circle", group, { class: "dot", r: 4.5 });
    const told = make("text", group, { class: "told", y: 9 });
    const zone = Number(chart.dataset.zone) || 0;
    chart.addEventListener("pointermove", (event) => {
      const box = chart.getBoundingClientRect();
      const at = (event.clientX - box.left) / box.width * width;
      let best = points[0];
      for (const point of points) if (Math.abs(point[0] - at) < Math.abs(best[0] - at)) best = point;
      const [x, y, second, value] = best;
      line.setAttribute("x1", x); line.setAttribute("x2", x);
      dot.setAttribute("cx", x); dot.setAttribute("cy", y);
      told.setAttribute("x", x + (x > width * 0.75 ? -8 : 8));
      told.setAttribute("text-anchor", x > width * 0.75 ? "end" : "start");
      const time = new Date((second + zone) * 1000).toISOString().slice(11, 19);
      told.textContent = `${number.format(value)} ${chart.dataset.unit} at ${time}`;
      group.setAttribute("visibility", "visible");
    });
    chart.addEventListener("pointerleave", () => group.setAttribute("visibility", "hidden"));
  }
})();
