// Sparks: the newest minute of a value on a small canvas.

import { POINTS } from "./store.js";

const WIDTH = 60;
const HEIGHT = 26;

let inks = null;

/** Colours as the style sheet has them now; canvases cannot read its variables. */
export function colour(name) {
  inks ??= new Map();
  if (!inks.has(name)) {
    const probe = document.createElement("i");
    probe.style.color = `var(--${name})`;
    probe.hidden = true;
    document.body.append(probe);
    inks.set(name, getComputedStyle(probe).color);
    probe.remove();
  }
  return inks.get(name);
}

/** Forget the colours: another theme is on. */
export const repaint = () => {
  inks = null;
};

export function spark() {
  const canvas = document.createElement("canvas");
  canvas.className = "spark";
  canvas.setAttribute("aria-hidden", "true");
  return canvas;
}

/** Draw a ring; what is below `floor` stays low, so that an idle container looks idle. */
export function draw(canvas, ring, floor, ink) {
  const scale = Math.min(2, window.devicePixelRatio || 1);
  if (canvas.width !== WIDTH * scale) {
    canvas.width = WIDTH * scale;
    canvas.height = HEIGHT * scale;
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, WIDTH, HEIGHT);
  let top = floor;
  for (const value of ring.values) if (value > top) top = value;
  if (!(top > 0)) return;
  pen.strokeStyle = pen.fillStyle = ink;
  pen.lineWidth = 1.25;
  pen.lineJoin = "round";
  for (const run of runs(ring)) line(pen, run, top);
}

function* runs(ring) {
  let run = [];
  for (let at = 0; at < POINTS; at += 1) {
    const value = ring.ago(POINTS - 1 - at);
    if (Number.isNaN(value)) {
      if (run.length) yield run;
      run = [];
    } else run.push([at, value]);
  }
  if (run.length) yield run;
}

function line(pen, run, top) {
  const x = (at) => 1 + (at * (WIDTH - 2)) / (POINTS - 1);
  const y = (value) => HEIGHT - 1 - (value / top) * (HEIGHT - 3);
  pen.beginPath();
  pen.moveTo(x(run[0][0]), y(run[0][1]));
  for (const [at, value] of run) pen.lineTo(x(at), y(value));
  if (run.length === 1) pen.lineTo(x(run[0][0]) + 1, y(run[0][1]));
  pen.stroke();
  pen.lineTo(x(run.at(-1)[0]), HEIGHT);
  pen.lineTo(x(run[0][0]), HEIGHT);
  pen.globalAlpha = 0.13;
  pen.fill();
  pen.globalAlpha = 1;
}
