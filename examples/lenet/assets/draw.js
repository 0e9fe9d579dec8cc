"use strict";
// Keeps the drawing as strokes, shows it, and asks the server what it is. One request at a time: what is drawn meanwhile is asked
// next, so that a slow server sees fewer pictures instead of a queue of them.

const SIDE = 560; // the paper's own pixels
const PEN = SIDE / 12;
const SENT = 140; // side of the picture that is sent
const STEP = SIDE / 40; // of an arrow key

const at = (id) => document.getElementById(id);
const paper = at("paper");
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const COLUMNS = { conv1: [5, 10], conv2: [10, 25] }; // of maps, on a narrow page and on a wide one
const narrow = matchMedia("(max-width: 40rem)");

let strokes = [];
let stroke = null; // the one that is being drawn
let pen = null; // where the keyboard's pen is, once a key was pressed
let penDown = false;
let asking = false;
let changed = false;

const rows = Array.from({ length: 10 }, (_, digit) => {
  const row = at("probabilities").tBodies[0].insertRow();
  row.innerHTML = `<th scope="row">${digit}</th><td><div class="bar"><div></div></div></td><td></td>`;
  return row;
});

function drawOn(canvas, ink, background) {
  const c = canvas.getContext("2d");
  const scale = canvas.width / SIDE;
  c.setTransform(1, 0, 0, 1, 0, 0);
  c.clearRect(0, 0, canvas.width, canvas.height);
  if (background) {
    c.fillStyle = background;
    c.fillRect(0, 0, canvas.width, canvas.height);
  }
  c.setTransform(scale, 0, 0, scale, 0, 0);
  c.lineCap = c.lineJoin = "round";
  c.lineWidth = PEN;
  c.strokeStyle = ink;
  for (const points of strokes) {
    c.beginPath();
    c.moveTo(points[0][0] + 0.1, points[0][1]); // a line without any length would not be drawn
    points.forEach((point) => c.lineTo(...point));
    c.stroke();
  }
  return c;
}

function redraw() {
  const c = drawOn(paper, colour("--ink"));
  if (pen && document.activeElement === paper) {
    c.lineWidth = 3;
    c.strokeStyle = colour(penDown ? "--accent" : "--second");
    c.beginPath();
    c.arc(...pen, PEN / 2, 0, 2 * Math.PI);
    c.stroke();
  }
  at("clear").disabled = at("undo").disabled = strokes.length === 0;
}

function update() {
  redraw();
  changed = true;
  if (!asking) ask();
}

async function ask() {
  asking = true;
  while (changed) {
    changed = false;
    if (strokes.length === 0) {
      show(null);
      continue;
    }
    const sent = Object.assign(document.createElement("canvas"), { width: SENT, height: SENT });
    drawOn(sent, "#000", "#fff");
    const picture = await new Promise((done) => sent.toBlob(done, "image/png"));
    try {
      const answer = await fetch("/predict?activations", { method: "POST", body: picture });
      const found = await answer.json();
      if (!answer.ok) throw new Error(found.error);
      if (strokes.length > 0) show(found);
    } catch (error) {
      const gone = error instanceof TypeError;
      complain(gone ? "The server does not answer. Is the program still running?" : error.message);
    }
  }
  asking = false;
}

function complain(message) {
  at("verdict").className = "error";
  at("verdict").textContent = message;
}

function show(found) {
  at("verdict").className = "";
  rows.forEach((row, digit) => {
    const share = found ? found.probabilities[digit] : 0;
    row.className = found && digit === found.digit ? "best" : "";
    row.querySelector(".bar div").style.transform = `scaleX(${share})`;
    row.cells[2].textContent = found ? (100 * share).toFixed(1) + " %" : "";
  });
  if (!found) {
    at("verdict").textContent = "Nothing is drawn yet.";
    ["input", "conv1", "conv2"].forEach((id) => at(id).getContext("2d").clearRect(0, 0, 9999, 9999));
    return;
  }
  const sure = found.probabilities[found.digit];
  at("verdict").innerHTML = `${sure > 0.9 ? "A" : sure > 0.5 ? "Probably a" : "Perhaps a"} <b>${found.digit}</b>`;
  drawMaps(at("input"), { shape: [1, 28, 28], values: found.input }, 1);
  found.activations.forEach((maps) => drawMaps(at(maps.blob), maps, COLUMNS[maps.blob][narrow.matches ? 0 : 1]));
}

// Maps side by side with a pixel between them; values from -127 to 127 go from the second colour over the card's to the accent's.
function drawMaps(canvas, { shape: [count, height, width], values }, columns) {
  const lines = Math.ceil(count / columns);
  canvas.width = columns * (width + 1) - 1;
  canvas.height = lines * (height + 1) - 1;
  const c = canvas.getContext("2d");
  const [zero, plus, minus] = ["--paper", "--accent", "--second"].map((name) => channels(colour(name)));
  const image = c.createImageData(width, height);
  for (let map = 0; map < count; map++) {
    for (let i = 0; i < width * height; i++) {
      const value = values[map * width * height + i] / 127;
      const end = value < 0 ? minus : plus;
      for (let k = 0; k < 3; k++) image.data[4 * i + k] = zero[k] + Math.abs(value) * (end[k] - zero[k]);
      image.data[4 * i + 3] = 255;
    }
    c.putImageData(image, (map % columns) * (width + 1), Math.floor(map / columns) * (height + 1));
  }
}

// "#1f6fb2" as [31, 111, 178].
const channels = (hex) => [1, 3, 5].map((from) => parseInt(hex.slice(from, from + 2), 16));

function place(event) {
  const box = paper.getBoundingClientRect();
  return [((event.clientX - box.left) / box.width) * SIDE, ((event.clientY - box.top) / box.height) * SIDE];
}

paper.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  paper.setPointerCapture(event.pointerId);
  pen = null;
  penDown = false;
  stroke = [place(event)];
  strokes.push(stroke);
  update();
});
paper.addEventListener("pointermove", (event) => {
  if (!stroke || penDown) return;
  (event.getCoalescedEvents?.() ?? []).forEach((one) => stroke.push(place(one)));
  stroke.push(place(event));
  update();
});
["pointerup", "pointercancel"].forEach((name) => paper.addEventListener(name, () => { if (!penDown) stroke = null; }));

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
paper.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const arrow = ARROWS[event.key];
  if (arrow) {
    pen = (pen ?? [SIDE / 2, SIDE / 2]).map((x, axis) => Math.min(SIDE, Math.max(0, x + STEP * arrow[axis])));
    if (penDown) stroke.push(pen);
  } else if (event.key === " ") {
    pen ??= [SIDE / 2, SIDE / 2];
    penDown = !penDown;
    stroke = penDown ? [pen] : null;
    if (penDown) strokes.push(stroke);
  } else if (event.key === "Delete") {
    clear();
  } else {
    return;
  }
  event.preventDefault();
  update();
});
["focus", "blur"].forEach((name) => paper.addEventListener(name, redraw));

function lift() {
  stroke = null;
  penDown = false;
}

function clear() {
  lift();
  strokes = [];
  update();
}

at("clear").addEventListener("click", clear);
at("undo").addEventListener("click", () => {
  lift();
  strokes.pop();
  update();
});
[narrow, matchMedia("(prefers-color-scheme: dark)")].forEach((query) => query.addEventListener("change", update));
redraw();
