// What is asked of Tidegauge. Everything goes to where the page came from, and nowhere else.

import { keep, kept } from "./keeping.js";

const KEPT = "tidegauge-token";
let token = null;

/** An answer that is not one: the sentence the server sent, or why there is none. */
export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** Take a token out of the address, where it would be copied along with a link. */
export function takeToken() {
  const query = new URLSearchParams(location.search);
  if (!query.has("token")) return;
  useToken(query.get("token"));
  query.delete("token");
  const rest = query.size ? `?${query}` : "";
  history.replaceState(null, "", `${location.pathname}${rest}${location.hash}`);
}

export function useToken(given) {
  token = given;
  keep("sessionStorage", KEPT, given);
}

const known = () => token ?? kept("sessionStorage", KEPT) ?? "";

async function ask(path, parameters, signal) {
  const query = new URLSearchParams(parameters);
  const headers = known() ? { Authorization: `Bearer ${known()}` } : {};
  let reply;
  try {
    reply = await fetch(`api/v1/${path}${query.size ? `?${query}` : ""}`, { headers, signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("Tidegauge does not answer.", 0);
  }
  if (reply.ok) return reply.json();
  const told = await reply.json().catch(() => ({}));
  throw new ApiError(sentence(told.error ?? `Tidegauge answered ${reply.status}.`), reply.status);
}

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

export const containers = (sparks) => ask("containers", sparks ? { sparks } : {});

export const container = (key) => ask(`containers/${path(key)}`, {});

export const status = () => ask("status", {});

const onHost = (host) => (host ? [["host", host]] : []);

export const events = (start, stop, entities = [], host = "") => ask("events", [["start", start], ["stop", stop], ...entities.map((each) => ["entity", each]), ...onHost(host)]);

export const fleet = () => ask("fleet", {});

export const fleetServices = () => ask("fleet/services", {});

/** Containers of a host, or of a service. */
export const fleetContainers = (which) => ask("fleet/containers", which);

/** Series of entities, of some host of the fleet; `range` has start, stop and either step or points. */
export function series(entities, metrics, range, signal, host = "") {
  const parameters = [...entities.map((each) => ["entity", each]), ...metrics.map((each) => ["metric", each]), ...Object.entries(range), ...onHost(host)];
  return ask("series", parameters, signal);
}

/** Where live messages come from: the browser can send no header there. */
export const liveAddress = () => `api/v1/live${known() ? `?${new URLSearchParams({ token: known() })}` : ""}`;

/** A key is ENGINE/ALIAS; an alias may hold anything, slashes too. */
export function path(key) {
  const cut = key.indexOf("/");
  return `${encodeURIComponent(key.slice(0, cut))}/${encodeURIComponent(key.slice(cut + 1))}`;
}
