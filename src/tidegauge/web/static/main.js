// Puts the page together: which page is shown, what keeps it up to date, what the keys do.

import { Announcer } from "./announce.js";
import * as api from "./api.js";
import { el, empty, mark } from "./dom.js";
import { clock } from "./format.js";
import { Live } from "./live.js";
import { OverviewPage } from "./overview.js";
import { go, link, parse } from "./route.js";
import { Store } from "./store.js";
import { installTheme } from "./theme.js";

// The others are fetched when they are wanted: charts weigh as much as all the rest.
const FLEET = {
  all: async () => (await import("./fleet.js")).FleetPage,
  host: async () => (await import("./fleet_list.js")).FleetListPage,
  service: async () => (await import("./fleet_list.js")).FleetListPage,
  container: async () => (await import("./fleet_container.js")).FleetContainerPage,
};
const PAGES = {
  overview: () => OverviewPage,
  container: async () => (await import("./container.js")).ContainerPage,
  compare: async () => (await import("./compare.js")).ComparePage,
  events: async () => (await import("./events.js")).EventsPage,
  status: async () => (await import("./status.js")).StatusPage,
  fleet: async ({ parts }) => (FLEET[parts[0]] ?? FLEET.all)(),
};
const LISTED = new Set(["events", "fleet", "status"]);
const RELOAD_EVERY = 1000; // the list is asked for again after events, but not more often
const SPARKS = 60;

const store = new Store();
const context = { store, selected: new Set() };
const announcer = new Announcer(document.getElementById("announcer"));
const main = document.getElementById("main");
let page = null;
let shown = "";
let frame = 0;
let closed = false; // for want of a token
let broken = false; // an error stands where the page was

/** Show what the address says. */
async function show() {
  const route = parse();
  let Page = null;
  try {
    Page = await (PAGES[route.page] ?? PAGES.overview)(route);
  } catch {
    main.replaceChildren(empty("This page could not be fetched", "Tidegauge does not answer. It is fetched when you come again."));
    return;
  }
  if (closed || location.hash !== route.hash) return; // or the next one is under way
  const key = `${route.page} ${route.parts.join("/")}`;
  if (key !== shown || (Page.same && !Page.same(page, route))) {
    page?.close();
    page = new Page(context, route);
    main.replaceChildren(page.element);
    document.title = page.title === "Containers" ? "Tidegauge" : `${page.title} – Tidegauge`;
    for (const each of document.querySelectorAll("nav a")) mark(each, "aria-current", each.dataset.page === (LISTED.has(route.page) ? route.page : "overview") ? "page" : null);
    if (shown) (page.element.querySelector("h1[tabindex]") ?? main).focus({ preventScroll: true });
    if (shown) scrollTo(0, 0);
    shown = key;
  }
  page.update(route);
}

/** One repaint for all that came since the last one. */
function draw() {
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    page?.tick();
  });
}

let reloading = null;
let again = false;
let reloaded = 0;

/** Ask for the list; at once, or as soon as the last time is a second ago. */
async function reload(sparks = 0) {
  if (reloading) {
    again = true;
    return;
  }
  reloading = new Promise((resolve) => setTimeout(resolve, sparks ? 0 : Math.max(0, reloaded + RELOAD_EVERY - performance.now())));
  await reloading;
  try {
    store.load(await api.containers(sparks));
    if (broken) showAgain();
  } catch (error) {
    refused(error);
  } finally {
    reloaded = performance.now();
    reloading = null;
  }
  draw();
  if (again) {
    again = false;
    reload();
  }
}

function refused(error) {
  if (error.status === 401) askToken();
  else if (!store.loaded && error.status) {
    broken = true;
    main.replaceChildren(empty("Tidegauge cannot show its containers", error.message));
  }
}

function showAgain() {
  broken = false;
  shown = "";
  show();
}

/** The server wants to be told a secret. */
function askToken() {
  if (closed) return;
  closed = true;
  live.stop();
  const field = el("input", { type: "password", autocomplete: "current-password", required: true });
  const form = el("form", { class: "token" }, el("label", {}, "The token (web.token in the configuration) ", field), el("button", { type: "submit", text: "Show" }));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    api.useToken(field.value);
    location.reload();
  });
  main.replaceChildren(empty("This Tidegauge asks for a token", form));
  field.focus();
}

let connections = 0;

const live = new Live({
  overview: (overview) => {
    if (store.apply(overview) && store.loaded) reload();
    draw();
  },
  happened: (event) => {
    store.tell("happened", event);
    announcer.happened(event);
    reload();
  },
  status: (status) => {
    document.getElementById("fleet").hidden = !status.fleet;
    store.surround(status);
  },
  link: (state) => store.setLink(state),
  opened: () => (connections++ || !store.loaded) && reload(SPARKS),
});

const WORDS = { live: "live", connecting: "connecting", paused: "paused", lost: "disconnected" };
let counting = 0;

/** The sign in the corner, and the banner while the connection is lost. */
function showLink(state) {
  const sign = document.getElementById("link");
  mark(sign, "data-link", state.state);
  sign.lastChild.textContent = WORDS[state.state];
  const banner = document.getElementById("banner");
  document.body.classList.toggle("stale", state.state === "lost");
  clearInterval(counting);
  if (state.state === "live" || state.state === "paused") banner.hidden = true;
  if (state.state !== "lost") return;
  const wait = el("span", { "aria-live": "off" });
  const tell = () => (wait.textContent = ` Next try in ${Math.max(0, Math.ceil((state.next - Date.now()) / 1000))} s.`);
  tell();
  counting = setInterval(tell, 1000);
  const retry = el("button", { type: "button", text: "Try now", on: { click: () => live.retry() } });
  banner.replaceChildren(el("b", { text: `Disconnected since ${clock(state.since)}.` }), " What you see is from then.", wait, " ", retry);
  banner.hidden = false;
}

function key(event) {
  const typing = event.target.closest("input:not([type=checkbox]), textarea, select");
  if (event.ctrlKey || event.metaKey || event.altKey || typing) return;
  if (event.key === "/" && page?.search) {
    event.preventDefault();
    page.search();
  } else if (event.key === "Escape" && !document.querySelector(":popover-open") && shown !== "overview " && !event.defaultPrevented) {
    go(link("overview"));
  }
}

api.takeToken();
installTheme(document.getElementById("theme"), () => page?.repaint());
store.on("link", showLink);
for (const topic of ["list", "surroundings"]) store.on(topic, draw);
window.addEventListener("hashchange", show);
document.addEventListener("keydown", key);
show();
reload(SPARKS);
live.start();
