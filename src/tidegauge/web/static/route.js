// The address bar: #/PAGE/ARGUMENTS?QUERY. It holds all that a shared link needs.

export const RANGES = { live: 180, "5m": 300, "15m": 900, "1h": 3600, "6h": 21600, "24h": 86400, "7d": 604800, "30d": 2592000, "90d": 7776000 };

export function parse(hash = location.hash) {
  const [way, query = ""] = split(hash.replace(/^#\/?/, ""));
  const [page, ...parts] = way.split("/");
  return { hash, page: page || "overview", parts: parts.map(decoded), query: new URLSearchParams(query) };
}

function split(text) {
  const at = text.indexOf("?");
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** A link within the page; parameters that are empty are left out. */
export function link(page, parts = [], parameters = []) {
  const pairs = Array.isArray(parameters) ? parameters : Object.entries(parameters);
  const query = new URLSearchParams(pairs.filter(([, value]) => value !== "" && value !== null && value !== undefined));
  const way = page === "overview" ? "" : [page, ...parts.map(encodeURIComponent)].join("/");
  return `#/${way}${query.size ? `?${query}` : ""}`;
}

/** Link to a container by its key. */
export function containerLink(key, parameters = []) {
  const cut = key.indexOf("/");
  return link("container", [key.slice(0, cut), key.slice(cut + 1)], parameters);
}

export const go = (address) => {
  location.hash = address;
};

/** Change the address without a new entry in the browser's history, and tell the pages. */
export function replace(address) {
  history.replaceState(null, "", address);
  window.dispatchEvent(new HashChangeEvent("hashchange"));
}

/** The range of a route: a name of RANGES, or two times somebody zoomed to. */
export function rangeOf(query, usual = "1h") {
  const from = Number(query.get("from"));
  const to = Number(query.get("to"));
  const name = query.get("range");
  const base = Object.hasOwn(RANGES, name ?? "") ? name : usual;
  return from > 0 && to > from ? { name: base, from, to } : { name: base, from: null, to: null };
}

/** Start and stop of a range now, in Unix seconds of the server. */
export function bounds(range, now) {
  return range.from === null ? [now - RANGES[range.name], now] : [range.from, range.to];
}
