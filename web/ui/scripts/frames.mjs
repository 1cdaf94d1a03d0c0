// Measures how smoothly the Vibration page moves with records of 65,536 samples: the work of the main thread for each
// step of the cursor and of the zoom, in a real Chromium, against whatever serves BASE:
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

/** Frame after frame while `act` goes on: how long each took, ms. */
async function frames(act) {
  await page.evaluate(() => {
    globalThis.times = [];
    globalThis.going = true;
    let last = performance.now();
    const frame = (t) => (globalThis.times.push(t - last), (last = t), globalThis.going && requestAnimationFrame(frame));
    requestAnimationFrame(frame);
  });
  await act();
  return page.evaluate(() => ((globalThis.going = false), globalThis.times.slice(2)));
}

function say(what, times) {
  const sorted = times.sort((a, b) => a - b);
  const at = (q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))]?.toFixed(1);
  console.log(`${what.padEnd(46)} ${String(sorted.length).padStart(4)} frames   median ${at(0.5)} ms   95 % ${at(0.95)} ms   longest ${at(1)} ms`);
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
say("pointer over the envelope, charts linked", await frames(async () => {
  for (let i = 0; i < 120; i++) await page.mouse.move(e.x + e.width * (0.1 + 0.006 * i), e.y + 60 + (i % 7));
}));
say("cursor by arrow keys, all charts and read-out", await frames(async () => {
  for (let i = 0; i < 120; i++) await page.keyboard.press("ArrowRight");
}));
const w = await boxOf("waveform");
say("zoom into the waveform and back, 12 times", await frames(async () => {
  for (let i = 0; i < 12; i++) {
    await page.mouse.move(w.x + w.width * 0.2, w.y + 40);
    await page.mouse.down();
    await page.mouse.move(w.x + w.width * 0.5, w.y + 40, { steps: 5 });
    await page.mouse.up();
    await page.keyboard.press("u");
  }
}));
say("pointer over the waveform, whole record", await frames(async () => {
  for (let i = 0; i < 120; i++) await page.mouse.move(w.x + w.width * (0.1 + 0.006 * i), w.y + 60 + (i % 7));
}));
await page.goto(`${base}/#/vibration/${place}?view=spectrogram`);
await page.waitForSelector("[data-testid=spectrogram-map] canvas");
await page.waitForTimeout(500);
const m = await page.locator("[data-testid=spectrogram-map]").boundingBox();
say("pointer over the spectrogram", await frames(async () => {
  for (let i = 0; i < 120; i++) await page.mouse.move(m.x + m.width * (0.1 + 0.006 * i), m.y + 60 + (i % 90));
}));
await browser.close();
