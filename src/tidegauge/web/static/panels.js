// Which charts there are, of which series they are made, and how their numbers read.

import { bytes, cores, count, perSecond, percent, rate } from "./format.js";
import { idOf } from "./frames.js";

const way = (direction) => ({ "network.io.direction": direction });
const operation = (direction) => ({ "disk.io.direction": direction });

const mode = (name) => ({ "cpu.mode": name });

const line = (label, metric, ink, more = {}) => ({ label, metric, attributes: {}, ink, spread: true, ...more });
const limit = (metric, more = {}) => line("limit", metric, "limit", { spread: false, limit: true, ...more });

/** The charts of a container; `values` are those whose absence explains an empty chart.
 *  A limit that `stands` is not in the history: the one of now is drawn. A line that is `extra` is
 *  thin, and only there for who asks for it in the legend. */
export const PANELS = [
  {
    key: "cpu", title: "CPU", says: "cores", format: cores, values: ["cpu"], least: 0.01,
    lines: [
      line("in use", "container.cpu.time", "cpu"),
      line("user", "container.cpu.time", "usage", { attributes: mode("user"), spread: false, extra: true }),
      line("system", "container.cpu.time", "tx", { attributes: mode("system"), spread: false, extra: true }),
      limit("container.cpu.limit.current"),
      line("throttled", "throttled", "held", { spread: false, share: true, format: percent }),
    ],
  },
  {
    key: "memory", title: "Memory", says: "bytes", format: bytes, values: ["memory"], least: 65536,
    lines: [
      line("working set", "container.memory.working_set", "memory"),
      line("with page cache", "container.memory.usage", "usage", { spread: false }),
      line("page cache", "container.memory.cache", "cache", { spread: false }),
      limit("container.memory.limit.current"),
    ],
  },
  {
    key: "network", title: "Network", says: "bytes per second", format: rate, values: ["rx", "tx"], least: 64,
    lines: [
      line("received", "container.network.io.sum", "rx", { attributes: way("receive") }),
      line("sent", "container.network.io.sum", "tx", { attributes: way("transmit") }),
    ],
  },
  {
    key: "packets", title: "Packets", says: "per second", format: perSecond, values: ["rx", "tx"], least: 1,
    lines: [
      line("received", "container.network.packet.count.sum", "rx", { attributes: way("receive"), spread: false }),
      line("sent", "container.network.packet.count.sum", "tx", { attributes: way("transmit"), spread: false }),
      line("dropped in", "container.network.packet.dropped.sum", "held", { attributes: way("receive"), spread: false }),
      line("dropped out", "container.network.packet.dropped.sum", "cache", { attributes: way("transmit"), spread: false }),
      line("errors in", "container.network.errors.sum", "limit", { attributes: way("receive"), spread: false }),
      line("errors out", "container.network.errors.sum", "usage", { attributes: way("transmit"), spread: false }),
    ],
  },
  {
    key: "io", title: "Block IO", says: "bytes per second", format: rate, values: ["read", "write"], least: 4096,
    lines: [
      line("read", "container.disk.io.sum", "rx", { attributes: operation("read") }),
      line("written", "container.disk.io.sum", "tx", { attributes: operation("write") }),
    ],
  },
  {
    key: "operations", title: "Block operations", says: "per second", format: perSecond, values: ["read", "write"], least: 1, optional: true,
    lines: [
      line("read", "container.disk.operations.sum", "rx", { attributes: operation("read"), spread: false }),
      line("written", "container.disk.operations.sum", "tx", { attributes: operation("write"), spread: false }),
    ],
  },
  {
    key: "pressure", title: "Waiting", says: "share of the time in which some task had to", format: percent, values: [], least: 0.01, optional: true,
    lines: [
      line("for a CPU", "container.cpu.pressure.waiting", "cpu", { spread: false }),
      line("for memory", "container.memory.pressure.waiting", "memory", { spread: false }),
      line("for IO", "container.disk.pressure.waiting", "tx", { spread: false }),
    ],
  },
  {
    key: "pids", title: "Tasks", says: "processes and threads", format: count, values: ["pids"], least: 4,
    lines: [line("tasks", "container.pids.count", "cpu"), limit("pids.limit", { stands: "pids_limit" })],
  },
  {
    key: "disk", title: "Own layer", says: "bytes on disk", format: bytes, values: ["disk"], least: 4096,
    lines: [line("written layer", "container.filesystem.usage", "memory", { spread: false })],
  },
].map((panel) => ({ ...panel, lines: panel.lines.map((each) => ({ ...each, id: idOf(each.metric, each.attributes) })) }));

const DERIVED = { "pids.limit": [], throttled: ["container.cpu.throttling.periods", "container.cpu.throttling.throttled_periods"] };

/** All metrics the charts of a container need: fewer than 20, which is the most for one request. */
export const METRICS = [...new Set(PANELS.flatMap(({ lines }) => lines.flatMap(({ metric }) => DERIVED[metric] ?? [metric])))];

/** Values that containers are compared by: one chart each. */
export const COMPARED = ["cpu/0", "memory/0", "network/0", "network/1", "io/0", "io/1", "pids/0"].map((where) => {
  const [key, number] = where.split("/");
  const panel = PANELS.find((each) => each.key === key);
  const one = panel.lines[number];
  const title = panel.lines.filter((each) => each.spread).length > 1 ? `${panel.title}, ${one.label}` : panel.title;
  return { ...panel, key: where.replace("/", "-"), title, line: one, keepsAll: true, optional: false };
});

const PER_STEP = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/** Distances of lines on an axis of whole things. */
export const WHOLE = [0, 1, 2, 3, 4, 5].flatMap((power) => [1, 2, 5].map((each) => each * 10 ** power));

/** Distances of lines on an axis of bytes: round in KiB, MiB and so on. */
export const BINARY = [0, 1, 2, 3, 4].flatMap((power) => PER_STEP.map((each) => each * 1024 ** power));
