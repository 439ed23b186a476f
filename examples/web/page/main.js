import { Meter } from "./meter.js";
import { openCamera, openFile } from "./sources.js";

// An exported network takes no smaller side.
const LEAST_SIDE = 16;

const $ = (id) => document.getElementById(id);

let source = null;
let opened = 0;
let ready = false;
let wanted = false;
let busy = false;

// The worker answers every question once, in order.
const questions = [];
let worker;

function ask(question, transfer = []) {
  return new Promise((resolve, reject) => {
    questions.push({ resolve, reject });
    worker.postMessage(question, transfer);
  });
}

function startWorker() {
  worker = new Worker("painter.js", { type: "module" });
  worker.onmessage = ({ data }) => {
    const { resolve, reject } = questions.shift();
    if (data.error) reject(new Error(data.error));
    else resolve(data);
  };
  worker.onerror = (event) => {
    event.preventDefault();
    for (const { reject } of questions.splice(0)) reject(new Error(event.message || "the worker did not start"));
  };
}

// A plain file server leaves the page without threads; see isolate.js. One try: some browsers have no service workers.
async function isolate() {
  if (crossOriginIsolated || !navigator.serviceWorker || sessionStorage.getItem("isolated")) return;
  sessionStorage.setItem("isolated", "tried");
  const registered = navigator.serviceWorker.register("isolate.js").then(() => navigator.serviceWorker.ready);
  const patience = new Promise((resolve) => setTimeout(resolve, 3000));
  if (!(await Promise.race([registered.catch(() => null), patience]))) return;
  location.reload();
  await new Promise(() => {});
}

function say(text, error = false) {
  $("message").textContent = text;
  $("message").classList.toggle("error", error);
}

/** Do something for the user; what goes wrong is told to them. */
async function attempt(doing) {
  try {
    await doing();
  } catch (problem) {
    say(problem.message, true);
  }
}

// Painting: whatever changes asks for it, and while a frame is on its way later ones replace each other.

const meter = new Meter(({ fps, ms }) => {
  $("fps").textContent = fps === null ? "–" : fps.toFixed(1);
  $("ms").textContent = ms === null ? "–" : ms.toFixed(ms < 10 ? 1 : 0);
});

function requestPaint() {
  wanted = true;
  if (!busy) attempt(paintWanted);
}

async function paintWanted() {
  busy = true;
  try {
    while (wanted && ready && source) {
      wanted = false;
      const bitmap = await capture();
      const { width, height } = bitmap;
      const { ms } = await ask({ kind: "frame", bitmap }, [bitmap]);
      meter.count(ms);
      $("painted-size").textContent = `${width} × ${height}`;
    }
  } finally {
    busy = false;
  }
}

/** The source's current frame, made to fit the chosen size; portraits into the size on its side. */
function capture() {
  const { image, width, height } = source;
  const box = document.querySelector("[name=size]:checked").value.split("x").map(Number);
  if (height > width) box.reverse();
  const scale = Math.min(1, box[0] / width, box[1] / height);
  const resizeWidth = Math.max(LEAST_SIDE, Math.round(width * scale));
  const resizeHeight = Math.max(LEAST_SIDE, Math.round(height * scale));
  return createImageBitmap(image, { resizeWidth, resizeHeight, resizeQuality: source.video ? "medium" : "high" });
}

// Sources

/** Paint what is being opened instead of what is painted now. */
async function show(opening, what) {
  // Until there is a style, what is said about that matters more.
  if (ready) say(`Opening ${what}…`);
  close();
  const mine = ++opened;
  const found = await opening;
  if (mine !== opened) {
    // Something else was opened meanwhile.
    found.close();
    return;
  }
  source = { ...found, name: what };
  found.failed?.catch((problem) => {
    if (mine === opened) say(problem.message, true);
  });
  document.body.classList.add("has-source");
  update();
  if (ready) say(`Painting ${what}.`);
  requestPaint();
}

function close() {
  source?.close();
  source = null;
  meter.reset();
  $("painted-size").textContent = "–";
  update();
}

function update() {
  const { video } = source ?? {};
  const camera = Boolean(video?.srcObject);
  $("camera").textContent = camera ? "Stop the camera" : "Use the camera";
  $("pause").disabled = !video || camera;
  $("pause").textContent = video?.paused ? "Play" : "Pause";
}

function openDropped(files) {
  if (files.length) attempt(() => show(openFile(files[0], requestPaint), files[0].name));
}

$("file").addEventListener("change", ({ target }) => {
  openDropped(target.files);
});

$("camera").addEventListener("click", () => attempt(async () => {
  if (source?.video?.srcObject) {
    close();
    say("The camera is off.");
  } else {
    await show(openCamera(requestPaint), "the camera");
  }
}));

$("pause").addEventListener("click", async () => {
  if (source.video.paused) await source.video.play();
  else source.video.pause();
  meter.reset();
  update();
});

addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
addEventListener("dragleave", ({ relatedTarget }) => {
  if (!relatedTarget) document.body.classList.remove("dropping");
});
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  openDropped(event.dataTransfer.files);
});

// Styles and sizes

$("sizes").addEventListener("change", () => {
  meter.reset();
  requestPaint();
});

async function useStyle(name) {
  say(`Loading ${name}…`);
  const url = new URL(`styles/${encodeURIComponent(name)}.onnx`, location.href).href;
  const { engine } = await ask({ kind: "style", url }).catch((problem) => {
    throw new Error(`The style ${name} cannot be used: ${problem.message}`);
  });
  $("engine").textContent = engine;
  $("result-caption").textContent = `Painted in ${name}`;
  say(source ? `Painting ${source.name}.` : "Ready.");
  ready = true;
  meter.reset();
  requestPaint();
}

async function listStyles() {
  const response = await fetch("styles.json");
  const names = response.ok ? await response.json() : [];
  if (!names.length) {
    throw new Error("There is no style here. Export one (reconet export), then npm run build; see README.md.");
  }
  for (const [index, name] of names.entries()) {
    const input = Object.assign(document.createElement("input"), { type: "radio", name: "style", value: name });
    input.checked = index === 0;
    const text = Object.assign(document.createElement("span"), { textContent: name });
    const label = document.createElement("label");
    label.append(input, text);
    $("styles").append(label);
  }
}

const chosenStyle = () => document.querySelector("[name=style]:checked").value;

await attempt(async () => {
  say("Starting…");
  await isolate();
  const missing = ["OffscreenCanvas", "WebAssembly"].find((name) => !(name in window));
  if (missing) throw new Error(`This browser is too old: it has no ${missing}.`);
  await listStyles();
  startWorker();
  const [from, to] = ["source", "result"].map((id) => $(id).transferControlToOffscreen());
  await ask({ kind: "open", source: from, result: to }, [from, to]);
  // Not before the worker can load one; what was chosen until now comes first.
  $("styles").addEventListener("change", () => attempt(() => useStyle(chosenStyle())));
  await useStyle(chosenStyle());
});
