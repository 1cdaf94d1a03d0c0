// Measures how smoothly the Vibration page moves with records of 65,536 samples, in a real Chromium: the time of the main
// thread's own processor for each step of the cursor and of the zoom (which other work on the machine does not change),
// and the time from frame to frame (which it does). Against whatever serves BASE:
//   npm run build && npm run mock &      then   npm run frames [-- --base http://127.0.0.1:5180]
import { chromium } from "playwright-core";

const args = process.argv.slice(2);
const value = (name, otherwise) => (args.includes(`--${name}`) ? args[args.indexOf(`--${name}`) + 1] : otherwise);
const base = value("base", "http://127.0.0.1:5180");
const place = value("point", "steel/main-fan-1/vib_de_h");

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
});
const page = await browser.newPage({ viewport: { width: 1440, height: 1400 } });
await page.goto(`${base}/#/vibration/${place}?harmonics=10`);
await page.waitForSelector("[data-testid=waveform-chart] canvas");
await page.waitForTimeout(500);

const devtools = await page.context().newCDPSession(page);
await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
const busy = async () => {
  const { metrics } = await devtools.send("Performance.getMetrics");
  return 1000 * metrics.find((m) => m.name === "TaskDuration").value;
};

/** Does `act` and says what it took of the main thread for each of `steps`, and how long the frames meanwhile were. */
async function frames(what, steps, act) {
  const before = await busy();
  await page.evaluate(() => {
    globalThis.times = [];
    globalThis.going = true;
    let last = performance.now();
    const frame = (t) => (globalThis.times.push(t - last), (last = t), globalThis.going && requestAnimationFrame(frame));
    requestAnimationFrame(frame);
  });
  await act();
  const times = await page.evaluate(() => ((globalThis.going = false), globalThis.times.slice(2)));
  const work = (await busy()) - before;
  const sorted = times.sort((a, b) => a - b);
  const at = (q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))]?.toFixed(1);
  console.log(`${what.padEnd(46)} ${(work / steps).toFixed(1).padStart(6)} ms of processor a step;  frames: median ${at(0.5)} ms, 95 % ${at(0.95)} ms, longest ${at(1)} ms`);
}

const chart = (id) => page.locator(`[data-testid=${id}-chart] .u-over`);
const boxOf = async (id) => {
  await chart(id).scrollIntoViewIfNeeded();
  return chart(id).boundingBox();
};

const e = await boxOf("envelope");
await page.mouse.click(e.x + e.width * 0.3, e.y + 50);
await page.waitForTimeout(400);
const marked = await page.evaluate(() => Number(new URLSearchParams(location.hash.split("?")[1]).get("hz")));
console.log(`cursor at ${marked} Hz, harmonics on, 65,536 samples in the waveform`);
await frames("pointer over the envelope, charts linked", 120, async () => {
  for (let i = 0; i < 120; i++) await page.mouse.move(e.x + e.width * (0.1 + 0.006 * i), e.y + 60 + (i % 7));
});
await frames("cursor by arrow keys, all charts and read-out", 120, async () => {
  for (let i = 0; i < 120; i++) await page.keyboard.press("ArrowRight");
});
const w = await boxOf("waveform");
await frames("zoom into the waveform and back, 12 times", 12, async () => {
  for (let i = 0; i < 12; i++) {
    await page.mouse.move(w.x + w.width * 0.2, w.y + 40);
    await page.mouse.down();
    await page.mouse.move(w.x + w.width * 0.5, w.y + 40, { steps: 5 });
    await page.mouse.up();
    await page.keyboard.press("u");
  }
});
await frames("pointer over the waveform, whole record", 120, async () => {
  for (let i = 0; i < 120; i++) await page.mouse.move(w.x + w.width * (0.1 + 0.006 * i), w.y + 60 + (i % 7));
});
await page.goto(`${base}/#/vibration/${place}?view=spectrogram`);
await page.waitForSelector("[data-testid=spectrogram-map] canvas");
await page.waitForTimeout(500);
const m = await page.locator("[data-testid=spectrogram-map]").boundingBox();
await frames("pointer over the spectrogram", 120, async () => {
  for (let i = 0; i < 120; i++) await page.mouse.move(m.x + m.width * (0.1 + 0.006 * i), m.y + 60 + (i % 90));
});
await browser.close();
