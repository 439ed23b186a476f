// What the tests and the benchmark share: a built page, a server, a browser, and files to paint.
import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

// The interpreter that has reconet installed.
const PYTHON = process.env.PYTHON ?? "python3";
const run = promisify(execFile);
export const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** A folder that `clean` removes again. */
export async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), "reconet-web-"));
  return { path, clean: () => rm(path, { recursive: true, force: true }) };
}

/** Run `reconet`. */
export function reconet(...words) {
  return run(PYTHON, ["-m", "reconet_cli", "--quiet", ...words]);
}

/** Build the page into a folder, with the styles of another. */
export function build(styles, output) {
  return run(process.execPath, [here("../build.mjs"), styles, output]);
}

/** `python -m http.server` on a free port; {url, stop}. */
export async function serve(folder) {
  const port = await freePort();
  const words = ["-m", "http.server", String(port), "--bind", "127.0.0.1", "--directory", folder];
  const server = spawn(PYTHON, words, { stdio: "ignore" });
  process.once("exit", () => server.kill());
  const url = `http://127.0.0.1:${port}/`;
  for (const end = Date.now() + 60_000; ; ) {
    if (await fetch(url).then(() => true, () => false)) return { url, stop: () => server.kill() };
    if (Date.now() > end || server.exitCode !== null) throw new Error(`${PYTHON} -m http.server does not answer`);
    await new Promise((done) => setTimeout(done, 100));
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject).listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/** Chromium without a window; what CHROMIUM says, or one of the usual places. */
export function launch(...args) {
  const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"];
  const executablePath = process.env.CHROMIUM ?? places.find(existsSync);
  if (!executablePath) throw new Error("no Chromium found; set CHROMIUM to its path");
  return chromium.launch({ executablePath, args });
}

/** Drop a file onto the page, as a hand would. */
export async function drop(page, path) {
  await page.evaluate(() => {
    document.body.append(Object.assign(document.createElement("input"), { type: "file", id: "carrier" }));
  });
  await page.setInputFiles("#carrier", path);
  await page.evaluate(() => {
    const carrier = document.getElementById("carrier");
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(carrier.files[0]);
    carrier.remove();
    document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
  });
}

/** A second of grey bars that wander, as raw video that Chromium takes for a camera's. */
export async function writeBars(path, width = 320, height = 240) {
  const parts = [Buffer.from(`YUV4MPEG2 W${width} H${height} F25:1 Ip A1:1 C420jpeg\n`)];
  for (let frame = 0; frame < 25; frame++) {
    const luma = Buffer.alloc(width * height);
    for (let i = 0; i < luma.length; i++) luma[i] = ((i % width) + frame * 8) % 64 < 32 ? 60 : 200;
    parts.push(Buffer.from("FRAME\n"), luma, Buffer.alloc((width * height) / 2, 128));
  }
  await writeFile(path, Buffer.concat(parts));
}
