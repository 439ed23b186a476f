// Frames a second of the page as its user sees them: the example clip, in Chromium.
// Paints with the first style of ./styles; run `npm run build` before.
import { availableParallelism, loadavg } from "node:os";
import { drop, here, launch, serve } from "./setup.mjs";

const SIZES = ["320 × 180", "640 × 360"];
// The browser compiles the runtime again, faster, while it runs; only then do times hold.
const WARM_MS = 10_000;
const SAMPLES = 20;
const SAMPLE_MS = 1000;

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
const number = async (page, id) => Number(await page.locator(`#${id}`).textContent());

async function measure(page, size) {
  await page.getByText(size, { exact: true }).click();
  await page.waitForTimeout(WARM_MS);
  const fps = [], ms = [];
  const start = await cpuSeconds();
  const from = performance.now();
  for (let i = 0; i < SAMPLES; i++) {
    await page.waitForTimeout(SAMPLE_MS);
    fps.push(await number(page, "fps"));
    ms.push(await number(page, "ms"));
  }
  const cpu = ((await cpuSeconds()) - start) * 1000;
  const frames = (mean(fps) * (performance.now() - from)) / 1000;
  return { fps: median(fps), ms: median(ms), cpu: cpu / frames };
}

/** What all of the browser's processes have used so far. */
async function cpuSeconds() {
  const { processInfo } = await inside.send("SystemInfo.getProcessInfo");
  return processInfo.reduce((sum, { cpuTime }) => sum + cpuTime, 0);
}

const server = await serve(here("../dist"));
const browser = await launch();
const inside = await browser.newBrowserCDPSession();
console.log(`Chromium ${browser.version()}, ${availableParallelism()} cores, load ${loadavg()[0].toFixed(1)} before\n`);
console.log("| size | engine | frames a second | network, ms | CPU, ms a frame |\n|---|---|---|---|---|");
const page = await browser.newPage();
await page.goto(`${server.url}reconet/`);
await page.getByText("Ready.").waitFor({ timeout: 120_000 });
const engine = await page.locator("#engine").textContent();
await drop(page, here("../../clip.mp4"));
for (const size of SIZES) {
  const { fps, ms, cpu } = await measure(page, size);
  console.log(`| ${size} | ${engine} | ${fps.toFixed(1)} | ${ms.toFixed(0)} | ${cpu.toFixed(0)} |`);
}
console.log(`\nload ${loadavg()[0].toFixed(1)} after`);
await browser.close();
server.stop();
