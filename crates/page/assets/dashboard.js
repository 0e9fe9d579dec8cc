"use strict";
// Asks for the whole state once a second and shows it. Curves are drawn here, as SVG, in the page's own colours and size: a picture
// from the server would be too small on a phone, white in the dark, and drawn at the cost of training.

const PERIOD = 1000;
const at = (id) => document.getElementById(id);
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

let last = null;

async function look() {
  try {
    const answer = await fetch("/state");
    last = await answer.json();
    show(last);
  } catch {
    const ended = last?.run === "ended";
    status(ended ? "ended" : "lost", ended ? "ended" : "no answer: the program has ended, or is asleep");
    ["pause", "snapshot", "stop"].forEach((id) => (at(id).disabled = true));
  }
  setTimeout(look, PERIOD);
}

function status(kind, text) {
  at("run").className = kind;
  at("run").textContent = text;
}

function show(state) {
  status(state.run, state.run || "starting");
  document.title = `${state.run === "running" ? "" : state.run + ": "}${state.net}`;
  at("net").textContent = state.net;
  const curve = state.curve ?? { raw: [], low_pass: [], accuracy: [] };
  const accuracy = curve.accuracy.at(-1);
  at("iteration").textContent = thousands(state.iteration);
  at("limit").textContent = state.max_iter ? " of " + thousands(state.max_iter) : "";
  at("loss").textContent = state.loss?.toPrecision(4) ?? "none yet";
  at("accuracy").textContent = accuracy ? accuracy[1].toFixed(2) + " %" : "none yet";
  at("rate").textContent = state.learning_rate.toPrecision(4);
  at("speed").textContent = state.speed ? state.speed.toPrecision(3) + " it/s" : "";
  at("left").textContent = state.seconds_left == null ? "" : time(state.seconds_left);
  at("progress").value = state.max_iter ? state.iteration / state.max_iter : 0;
  at("progress").hidden = !state.max_iter;
  const ended = state.run === "ended";
  at("pause").textContent = state.run === "paused" ? "Go on" : "Pause";
  at("pause").disabled = at("stop").disabled = at("snapshot").disabled = ended;
  at("snapshot").hidden = !state.has_snapshots;
  const end = Math.max(1, ...Object.values(curve).flat().map((point) => point[0]));
  draw(at("loss-curve"), { raw: curve.raw, low_pass: curve.low_pass }, end, (y) => y.toPrecision(2), 0);
  draw(at("accuracy-curve"), { accuracy: curve.accuracy }, end, (y) => y.toFixed(1) + " %");
  showFilters(state.filters);
  showLog(state.log);
}

const thousands = (n) => n.toLocaleString("en-US");

function time(seconds) {
  const two = (n) => String(Math.floor(n)).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  return (hours ? hours + ":" : "") + two((seconds / 60) % 60) + ":" + two(seconds % 60);
}

// Multiples of 1, 2 or 5 between two numbers, about `wanted` of them.
function ticks(from, to, wanted) {
  const rough = (to - from) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
  const first = Math.ceil(from / step);
  return Array.from({ length: Math.max(0, Math.floor(to / step + 1e-9) - first + 1) }, (_, i) => (first + i) * step);
}

// Lines of points by iteration, from 0 to `end`. The vertical axis starts at `bottom`, or below the lowest point.
function draw(svg, lines, end, label, bottom) {
  const points = Object.values(lines).flat();
  if (points.length === 0) {
    svg.innerHTML = `<text x="8" y="24">nothing recorded yet</text>`;
    return;
  }
  const { width, height } = svg.getBoundingClientRect();
  const [left, right, above, below] = [52, 12, 10, 24];
  const ys = points.map((point) => point[1]);
  const highest = Math.max(...ys);
  const lowest = bottom ?? Math.min(...ys);
  const margin = 0.06 * (highest - lowest || Math.abs(highest) || 1);
  const [low, high] = [bottom ?? lowest - margin, highest + margin];
  const x = (value) => left + (value / end) * (width - left - right);
  const y = (value) => height - below - ((value - low) / (high - low)) * (height - above - below);
  const path = (line) => line.map((point) => `${x(point[0]).toFixed(1)},${y(point[1]).toFixed(1)}`).join(" ");
  let picture = "";
  for (const value of ticks(low, high, 5)) {
    picture += `<line class="rule" x1="${left}" x2="${width - right}" y1="${y(value)}" y2="${y(value)}"/>`;
    picture += `<text x="${left - 6}" y="${y(value) + 4}" text-anchor="end">${value === 0 ? 0 : label(value)}</text>`;
  }
  for (const value of ticks(0, end, width / 110)) {
    const anchor = x(value) > width - 30 ? "end" : "middle";
    picture += `<text x="${x(value)}" y="${height - 6}" text-anchor="${anchor}">${thousands(value)}</text>`;
  }
  for (const [name, line] of Object.entries(lines)) {
    picture += `<polyline class="${name}" points="${path(line)}"/>`;
    if (name === "accuracy" && line.length < 60) {
      picture += line.map((point) => `<circle r="3" cx="${x(point[0])}" cy="${y(point[1])}"/>`).join("");
    }
  }
  svg.innerHTML = picture;
}

// Filters side by side; of several channels, the mean.
function showFilters(filters) {
  at("filters-section").hidden = !filters;
  if (!filters) return;
  const [count, depth, height, width] = filters.shape;
  const shape = filters.shape.slice(1).join(" x ");
  at("filters-name").textContent = `Filters: ${filters.name.replace("___filter", "")}, ${count} of ${shape}`;
  const columns = Math.min(count, 10);
  const canvas = at("filters");
  canvas.width = columns * (width + 1) - 1;
  canvas.height = Math.ceil(count / columns) * (height + 1) - 1;
  const c = canvas.getContext("2d");
  const [zero, plus, minus] = ["--paper", "--accent", "--second"].map((name) => channels(colour(name)));
  const image = c.createImageData(width, height);
  for (let filter = 0; filter < count; filter++) {
    for (let i = 0; i < width * height; i++) {
      let value = 0;
      for (let k = 0; k < depth; k++) value += filters.values[(filter * depth + k) * width * height + i] / 127 / depth;
      const end = value < 0 ? minus : plus;
      for (let k = 0; k < 3; k++) image.data[4 * i + k] = zero[k] + Math.abs(value) * (end[k] - zero[k]);
      image.data[4 * i + 3] = 255;
    }
    c.putImageData(image, (filter % columns) * (width + 1), Math.floor(filter / columns) * (height + 1));
  }
}

// "#1f6fb2" as [31, 111, 178].
const channels = (hex) => [1, 3, 5].map((from) => parseInt(hex.slice(from, from + 2), 16));

// Follows the end unless the reader has scrolled away from it.
function showLog(lines) {
  at("log-section").hidden = !lines;
  if (!lines) return;
  const log = at("log");
  const follows = log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
  const text = lines.join("\n");
  if (log.textContent === text) return;
  log.textContent = text;
  if (follows) log.scrollTop = log.scrollHeight;
}

async function order(path, said) {
  try {
    const answer = await fetch(path, { method: "POST" });
    at("told").textContent = answer.ok ? said : (await answer.json()).error;
  } catch {
    at("told").textContent = "The program does not answer.";
  }
  setTimeout(() => (at("told").textContent = ""), 4000);
}

at("pause").addEventListener("click", () => {
  const paused = last?.run === "paused";
  order(paused ? "/go-on" : "/pause", paused ? "It goes on." : "It pauses after this iteration.");
});
at("snapshot").addEventListener("click", () => order("/snapshot", "A snapshot is saved after this iteration; see the log."));
at("stop").addEventListener("click", () => {
  if (confirm("End training after this iteration? A snapshot is saved if the run saves any.")) order("/stop", "It stops.");
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => last && show(last));
addEventListener("resize", () => last && show(last));
look();
