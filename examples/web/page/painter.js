// The worker: runs the network, and draws what it was given and what it made of it side by side.
//
// Asked {kind: "open", source, result}: the two OffscreenCanvases; answers {}.
//       {kind: "style", url}:           an exported style; answers {engine}, what it runs on.
//       {kind: "frame", bitmap}:        paints it; answers {ms}, the network's time.
// Every question is answered once, in order; {error} where it failed.

const RUNTIME = new URL("runtime/", import.meta.url).href;

let runtime, provider, network, source, result;
// The frame is read back from here: on a canvas that is shown, it would appear before its painting.
const frame = new OffscreenCanvas(1, 1).getContext("2d", { alpha: false, willReadFrequently: true });
let rgb, painted;

const answers = { open, style, frame: paint };
let last = Promise.resolve();
addEventListener("message", ({ data }) => {
  last = last.then(async () => {
    try {
      postMessage(await answers[data.kind](data));
    } catch (problem) {
      postMessage({ error: problem.message ?? String(problem) });
    }
  });
});

async function open(canvases) {
  source = canvases.source.getContext("2d", { alpha: false });
  result = canvases.result.getContext("2d", { alpha: false });
  await use((await hasGpu()) ? "webgpu" : "wasm");
  return {};
}

/** Whether there is a graphics chip; one that the CPU imitates is slower than WebAssembly. */
async function hasGpu() {
  const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
  return Boolean(adapter) && !adapter.info.isFallbackAdapter;
}

async function use(name) {
  provider = name;
  runtime = await import(`${RUNTIME}ort.${provider}.min.mjs`);
  runtime.env.wasm.wasmPaths = RUNTIME;
}

/** What the network runs on. The runtime chooses the number of threads: half of the cores' number, four at most. */
function engine() {
  const threads = runtime.env.wasm.numThreads;
  return provider === "webgpu" ? "WebGPU" : `WebAssembly, ${threads} thread${threads === 1 ? "" : "s"}`;
}

async function style({ url }) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
  const model = new Uint8Array(await response.arrayBuffer());
  let loaded;
  try {
    loaded = await load(model);
  } catch (problem) {
    if (provider === "wasm") throw problem;
    // Not every graphics chip can run every network.
    await use("wasm");
    loaded = await load(model);
  }
  const [{ type, shape }] = loaded.inputMetadata;
  if (type !== "uint8" || shape.at(-1) !== 3) throw new Error("not exported with --io uint8");
  await network?.release();
  network = loaded;
  return { engine: engine() };
}

function load(model) {
  return runtime.InferenceSession.create(model, { executionProviders: [provider] });
}

async function paint({ bitmap }) {
  const { width, height } = bitmap;
  if (frame.canvas.width !== width || frame.canvas.height !== height) resize(width, height);
  frame.drawImage(bitmap, 0, 0);
  bitmap.close();
  const pixels = frame.getImageData(0, 0, width, height);
  dropAlpha(pixels.data, rgb);

  const start = performance.now();
  const input = new runtime.Tensor("uint8", rgb, [1, height, width, 3]);
  const outputs = await network.run({ [network.inputNames[0]]: input });
  const ms = performance.now() - start;

  addAlpha(outputs[network.outputNames[0]].data, painted.data);
  source.putImageData(pixels, 0, 0);
  result.putImageData(painted, 0, 0);
  return { ms };
}

function resize(width, height) {
  for (const { canvas } of [frame, source, result]) Object.assign(canvas, { width, height });
  rgb = new Uint8Array(width * height * 3);
  painted = new ImageData(width, height);
  painted.data.fill(255);
}

function dropAlpha(from, to) {
  for (let a = 0, b = 0; b < to.length; a += 4, b += 3) {
    to[b] = from[a];
    to[b + 1] = from[a + 1];
    to[b + 2] = from[a + 2];
  }
}

function addAlpha(from, to) {
  for (let a = 0, b = 0; a < from.length; a += 3, b += 4) {
    to[b] = from[a];
    to[b + 1] = from[a + 1];
    to[b + 2] = from[a + 2];
  }
}
