// The page in a real browser: what it paints, and what it says when it cannot.
//   PYTHON     the interpreter that has reconet installed (python3)
//   CHROMIUM   the browser (looked for in the usual places)
//   STYLE      the style to test with (mosaic)
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { build, drop, here, launch, reconet, serve, temporaryFolder, writeBars } from "./setup.mjs";

const CLIP = here("../../clip.mp4");
const STYLE = process.env.STYLE ?? "mosaic";
// Generous: a busy machine is no failure.
const PATIENCE = { timeout: 120_000 };

let folder, server, browser;

before(async () => {
  folder = await temporaryFolder();
  const { path } = folder;
  await mkdir(`${path}/styles`);
  await reconet("export", "--style", STYLE, "--io", "uint8", `${path}/styles/tested.onnx`);
  await writeFile(`${path}/styles/torn.onnx`, "not a network");
  await build(`${path}/styles`, `${path}/served/page`);
  await build(`${path}/none`, `${path}/served/bare`);
  await writeBars(`${path}/bars.y4m`);
  server = await serve(`${path}/served`);
  browser = await launch("--use-fake-device-for-media-stream", `--use-file-for-fake-video-capture=${path}/bars.y4m`);
});

after(async () => {
  await browser?.close();
  server?.stop();
  await folder?.clean();
});

/** A page of its own, closed at the end of the test; nothing it does may go wrong unheard. */
async function open(t, { name = "page", from = browser, before = async () => {}, ...options } = {}) {
  const context = await from.newContext({ viewport: { width: 1280, height: 760 }, ...options });
  t.after(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE.timeout);
  await before(context);
  page.on("pageerror", (problem) => assert.fail(problem));
  await page.goto(`${server.url}${name}/`);
  return page;
}

const says = (page, text) => page.getByText(text).waitFor(PATIENCE);
const choose = (page, name) => page.getByText(name, { exact: true }).click();
const painted = (page, size) => page.waitForFunction(
  (size) => document.getElementById("painted-size").textContent === size, size, PATIENCE);

const isPainted = async (page) => (await difference(page, "source", "result")).mean > 5;

/** Ask until it is so: a canvas shows what was drawn some time after it was drawn. */
async function until(page, isSo) {
  for (const end = Date.now() + PATIENCE.timeout; !(await isSo(page)); await page.waitForTimeout(50)) {
    assert.ok(Date.now() < end, `never so: ${isSo}`);
  }
}

/** Of two pictures (a canvas's id or a PNG as base64): the largest and the mean difference, in code values. */
function difference(page, first, second) {
  return page.evaluate(async (pictures) => {
    const read = async (picture) => {
      const image = document.getElementById(picture)
        ?? await createImageBitmap(await (await fetch(`data:image/png;base64,${picture}`)).blob());
      const context = new OffscreenCanvas(image.width, image.height).getContext("2d");
      context.drawImage(image, 0, 0);
      return context.getImageData(0, 0, image.width, image.height);
    };
    const [a, b] = await Promise.all(pictures.map(read));
    // While the size changes, one canvas may show it before the other.
    if (a.width !== b.width || a.height !== b.height) return { largest: NaN, mean: NaN };
    let largest = 0, sum = 0;
    for (let i = 0; i < a.data.length; i++) {
      const apart = Math.abs(a.data[i] - b.data[i]);
      largest = Math.max(largest, apart);
      sum += apart;
    }
    return { largest, mean: sum / (a.width * a.height * 3) };
  }, [first, second]);
}

/** A canvas as it is shown now, as a PNG. */
function snapshot(page, id) {
  return page.evaluate((id) => {
    const shown = document.getElementById(id);
    const copy = Object.assign(document.createElement("canvas"), { width: shown.width, height: shown.height });
    copy.getContext("2d").drawImage(shown, 0, 0);
    return copy.toDataURL().split(",")[1];
  }, id);
}

test("a dropped clip is painted frame after frame, until it is paused", async (t) => {
  const page = await open(t);
  await says(page, "Ready.");
  assert.ok(await page.evaluate(() => crossOriginIsolated), "the page has threads");
  await drop(page, CLIP);
  await painted(page, "320 × 180");
  await page.waitForFunction(() => Number(document.getElementById("fps").textContent) > 0, null, PATIENCE);
  await until(page, isPainted);
  const early = await snapshot(page, "result");
  await until(page, async () => (await difference(page, "result", early)).mean > 1);
  await choose(page, "640 × 360");
  await painted(page, "640 × 360");
  await mkdir(here("../dist"), { recursive: true });
  await page.screenshot({ path: here("../dist/screenshot.png") });
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByRole("button", { name: "Play" }).click();
  await page.getByRole("button", { name: "Pause" }).waitFor(PATIENCE);
});

test("a still is painted as `reconet stylize` paints it", async (t) => {
  const page = await open(t);
  await says(page, "Ready.");
  await drop(page, CLIP);
  await choose(page, "640 × 360");
  await painted(page, "640 × 360");
  await until(page, isPainted);
  const still = `${folder.path}/still.png`;
  const picture = await snapshot(page, "source");
  await writeFile(still, picture, "base64");
  await drop(page, still);
  await says(page, "Painting still.png.");
  const reference = `${folder.path}/painted.png`;
  await reconet("stylize", still, reference, "--style", STYLE, "--engine", "torch", "--precision", "fp32");
  await page.waitForFunction(() => document.getElementById("ms").textContent !== "–", null, PATIENCE);
  await until(page, async () => (await difference(page, "source", picture)).largest === 0);
  const apart = await difference(page, "result", await readFile(reference, "base64"));
  t.diagnostic(`at most ${apart.largest}, on average ${apart.mean.toFixed(4)} code values`);
  assert.ok(apart.largest <= 2, `${apart.largest} code values apart`);
});

test("the camera is painted, and stops", async (t) => {
  const page = await open(t, { permissions: ["camera"] });
  await says(page, "Ready.");
  await page.getByRole("button", { name: "Use the camera" }).click();
  await says(page, "Painting the camera.");
  await painted(page, "240 × 180");
  await until(page, isPainted);
  await page.getByRole("button", { name: "Stop the camera" }).click();
  await says(page, "The camera is off.");
});

test("without threads it works too", async (t) => {
  const page = await open(t, { serviceWorkers: "block" });
  await says(page, "Ready.");
  await says(page, "WebAssembly, 1 thread");
  await drop(page, CLIP);
  await painted(page, "320 × 180");
});

test("a style that is chosen while the page starts is the one that counts", async (t) => {
  let release;
  const chosen = new Promise((resolve) => { release = resolve; });
  const asked = [];
  const page = await open(t, {
    serviceWorkers: "block",
    before: async (context) => {
      context.on("request", (request) => asked.push(request.url()));
      await context.route("**/runtime/*.mjs", async (route) => {
        await chosen;
        await route.continue();
      });
    },
  });
  await choose(page, "torn");
  release();
  await says(page, "The style torn cannot be used");
  await page.waitForTimeout(1000);
  await says(page, "The style torn cannot be used");
  assert.deepEqual(asked.filter((url) => url.endsWith(".onnx")).map((url) => url.split("/").at(-1)), ["torn.onnx"]);
});

test("what cannot be shown is said", async (t) => {
  const page = await open(t, { permissions: [] });
  await says(page, "Ready.");
  await drop(page, here("page.test.mjs"));
  await says(page, "This browser cannot show page.test.mjs.");
  await page.getByRole("button", { name: "Use the camera" }).click();
  await says(page, "The camera may not be used");
  await choose(page, "torn");
  await says(page, "The style torn cannot be used:");
  await choose(page, "tested");
  await says(page, "Ready.");
});

test("a page without styles says how to get one", async (t) => {
  await says(await open(t, { name: "bare" }), "There is no style here.");
});

test("a machine without a camera is told so", async (t) => {
  const other = await launch();
  t.after(() => other.close());
  const page = await open(t, { from: other, permissions: ["camera"] });
  await says(page, "Ready.");
  await page.getByRole("button", { name: "Use the camera" }).click();
  await says(page, "There is no camera here.");
});
