// Numbers in words. All take base units; what is not available is a dash.

export const NONE = "–";

const BINARY = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

const three = (value) => (value >= 99.95 ? value.toFixed(0) : value >= 9.995 ? value.toFixed(1) : value.toFixed(2));

export const missing = (value) => value === null || value === undefined || Number.isNaN(value);

export function bytes(value) {
  if (missing(value)) return NONE;
  let step = 0;
  let size = value;
  while (size >= 1023.5 && step < BINARY.length - 1) {
    size /= 1024;
    step += 1;
  }
  return `${step === 0 ? Math.round(size) : three(size)} ${BINARY[step]}`;
}

export const rate = (value) => (missing(value) ? NONE : `${bytes(value)}/s`);

export function cores(value) {
  if (missing(value)) return NONE;
  if (value > 0 && value < 0.0005) return "< 0.001";
  return value < 0.0995 && value > 0 ? value.toFixed(3) : three(value);
}

export const coresOf = (value) => (missing(value) ? NONE : `${cores(value)} ${value === 1 ? "core" : "cores"}`);

export function percent(share) {
  if (missing(share)) return NONE;
  const value = share * 100;
  return `${value > 0 && value < 9.95 ? value.toFixed(1) : value.toFixed(0)} %`;
}

export function count(value) {
  if (missing(value)) return NONE;
  return Number.isInteger(value) ? value.toLocaleString("en").replaceAll(",", " ") : three(value);
}

export const perSecond = (value) => (missing(value) ? NONE : `${value === 0 ? 0 : three(value)}/s`);

/** The time between two samples of an engine. */
export const cycle = (value) => (missing(value) ? NONE : `${three(value)} s`);

export function seconds(value) {
  if (missing(value)) return NONE;
  if (value < 0.9995) return `${Math.round(value * 1000)} ms`;
  return value < 60 ? `${three(value)} s` : span(value);
}

const STEPS = [[86400, "d"], [3600, "h"], [60, "m"], [1, "s"]];

/** A length of time by its two largest parts: 3d 4h, 12m 5s. */
export function span(value) {
  if (missing(value)) return NONE;
  const whole = Math.max(0, Math.floor(value));
  const first = STEPS.findIndex(([size]) => whole >= size);
  if (first < 0) return "0s";
  const [size, name] = STEPS[first];
  const part = `${Math.floor(whole / size)}${name}`;
  const next = STEPS[first + 1];
  const rest = next ? Math.floor((whole % size) / next[0]) : 0;
  return rest ? `${part} ${rest}${next[1]}` : part;
}

const two = (number) => String(number).padStart(2, "0");

export function clock(at) {
  if (missing(at)) return NONE;
  const time = new Date(at * 1000);
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}

export function day(at) {
  const time = new Date(at * 1000);
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
}

/** Date and time of the reader's zone. */
export const moment = (at) => (missing(at) ? NONE : `${day(at)} ${clock(at)}`);

/** The time alone where it was today. */
export const lately = (at) => (missing(at) ? NONE : day(at) === day(Date.now() / 1000) ? clock(at) : moment(at));

/** Each value of a container: its label, how it reads, and its base unit. */
export const VALUES = {
  cpu: ["CPU", coresOf, "cores"],
  cpu_limit: ["CPU limit", coresOf, "cores"],
  cpu_throttled: ["Throttled", percent, "of its CPU periods"],
  memory: ["Memory", bytes, "bytes"],
  memory_usage: ["With page cache", bytes, "bytes"],
  memory_cache: ["Page cache", bytes, "bytes"],
  memory_rss: ["Anonymous", bytes, "bytes"],
  memory_limit: ["Memory limit", bytes, "bytes"],
  rx: ["Received", rate, "bytes per second"],
  tx: ["Sent", rate, "bytes per second"],
  read: ["Read", rate, "bytes per second"],
  write: ["Written", rate, "bytes per second"],
  pids: ["Tasks", count, "tasks"],
  pids_limit: ["Limit of tasks", count, "tasks"],
  disk: ["Own layer", bytes, "bytes"],
};

/** The exact value for a title; why there is none, where there is none. */
export function exact(name, container) {
  const value = container.values[name];
  if (missing(value)) return container.absent?.[name] ?? "not available";
  return `${VALUES[name][0]}: ${value} ${VALUES[name][2]}`;
}
