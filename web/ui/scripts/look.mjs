// Takes a picture of every page, both languages, both themes, desktop and phone, of whatever serves BASE, and checks
// each with axe and for errors in the console:
//   npm run build && npm run mock &      then   npm run look [-- --base http://127.0.0.1:5180 --out test-artefacts --only alarms]
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const args = process.argv.slice(2);
const value = (name, otherwise) => (args.includes(`--${name}`) ? args[args.indexOf(`--${name}`) + 1] : otherwise);
const base = value("base", "http://127.0.0.1:5180");
const out = value("out", "test-artefacts");
const only = value("only", "");
const machine = value("machine", "steel/main-fan-1");
const point = value("point", "vib_de_h");
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
mkdirSync(out, { recursive: true });

const alarms = await (await fetch(`${base}/api/v1/alarms?state=all`)).json().catch(() => ({ alarms: [] }));
const first = (alarms.alarms ?? []).find((a) => a.condition.startsWith("bearing")) ?? (alarms.alarms ?? [])[0];
const PAGES = [
  ["overview", "#/overview"],
  ["machine", `#/machine/${machine}`],
  ["vibration", `#/vibration/${machine}/${point}`],
  ["vibration-cursor", `#/vibration/${machine}/${point}?hz=88.4&harmonics=1&x=order&y=log`],
  ["vibration-sidebands", `#/vibration/${machine}/${point}?hz=3400&sidebands=4&spacing=88.4&q=g&amp=peak&y=db&spectrum=2800~4000&base=w-30&t=0.1&time=0.08~0.2&slip=-0.4`],
  ...["waveform", "waterfall", "spectrogram", "kurtogram", "peak_hold", "cepstrum", "orders", "average", "orbit"].map((v) => [`vibration-${v}`, `#/vibration/${machine}/${point}?view=${v}&hz=88.4&band=3200~3600`]),
  ["vibration-waterfall-lines", `#/vibration/${machine}/${point}?view=waterfall&as=lines`],
  ["vibration-run-up", `#/vibration/${machine}/${point}?view=run_up&q=um&amp=peak`],
  ["vibration-baseline", `#/vibration/${machine}/${point}?view=waveform&base=w-30&time=0.1~0.2`],
  ["vibration-no-speed", `#/vibration/${machine}/${point}?view=orders&wf=w-7`],
  ["alarms", "#/alarms"],
  ["alarms-history", "#/alarms?tab=history"],
  ["alarms-shelved", "#/alarms?tab=shelved"],
  ["alarms-out", "#/alarms?tab=out_of_service"],
  ...(first ? [["alarm", `#/alarms/${first.id}`]] : []),
  ["performance", "#/alarms/performance"],
  ["performance-coach", "#/alarms/performance?days=30&coach=00000000000000a1"],
  ["performance-no-help", "#/alarms/performance?days=30&coach=00000000000000a2&operators=2"],
  ["performance-simulated", "#/alarms/performance?days=1&point=steel/main-fan-1/bearing_temp&condition=high&limit=62.5&on=30&over=3&run=1"],
  ["work", "#/orders?state=all"],
  ["work-order", "#/orders/12"],
  ["work-done", "#/orders/11"],
  ["trend", "#/trend?tags=steel%252Fmain-fan-1%252Fbearing_temp_de,steel%252Fmain-fan-1%252Fvib_de_h~velocity_rms,steel%252Fmain-fan-1%252Fcurrent&range=8h"],
  ["trend-none", "#/trend"],
  ["notifications", "#/admin/notifications"],
  ["start", "#/start"],
  ["started", "#/start?device=press-1"],
  ["connections", "#/connections?left=1"],
  ["quarantine", "#/connections/quarantine"],
  ["quarantine-open", "#/connections/quarantine?code=unmapped"],
  ["quarantine-aside", "#/connections/quarantine?code=json_syntax&discarded=yes"],
  ["quarantine-hex", "#/connections/quarantine?code=waveform_length"],
  ["discovery", "#/connections/discovery"],
  ["ledger", "#/connections/ledger"],
  ["ledger-source", "#/connections/ledger?source=gw-sinter&hours=168"],
  ["store", "#/store"],
  ["rules", "#/rules"],
  ["devices", "#/devices?revoked=1"],
  ["devices-new", "#/devices?new=1"],
  ["device", "#/devices/press-1"],
].filter(([name]) => name.includes(only));
const SHAPES = [
  ["desktop", { width: 1440, height: 900 }],
  ["phone", { width: 390, height: 844 }],
];

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
let faults = 0;
for (const [shape, viewport] of SHAPES) {
  for (const theme of ["light", "dark"]) {
    for (const lang of ["zh-CN", "en"]) {
      const context = await browser.newContext({ viewport, locale: lang, colorScheme: theme, deviceScaleFactor: shape === "phone" ? 2 : 1, bypassCSP: false });
      const page = await context.newPage();
      page.on("console", (m) => m.type() === "error" && (faults++, console.log(`console: ${m.text()}`)));
      page.on("pageerror", (e) => (faults++, console.log(`error: ${e.stack ?? e}`)));
      for (const [name, hash] of PAGES) {
        await page.goto("about:blank");
        await page.goto(`${base}/${hash}`);
        await page.waitForSelector(".fresh, .stale, .state.problem, .state.empty", { timeout: 10_000 }).catch(() => console.log(`${name}: nothing drawn`));
        if (name === "rules") await page.selectOption("[data-testid=rule-pick]", { index: 1 }).catch(() => console.log("rules: no message to pick"));
        for (const s of await page.locator("[data-testid=quarantine-entry] summary").all()) await s.click();
        await page.evaluate(() => scrollTo(0, 0));
        await page.waitForTimeout(900);
        await page.screenshot({ path: `${out}/${name}-${shape}-${theme}-${lang}.png`, fullPage: true });
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        if (wide > 0) (faults++, console.log(`${name} ${shape} ${lang}: ${wide} px wider than the window`));
        await page.evaluate(axe);
        const found = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] }));
        for (const v of found.violations) {
          faults++;
          console.log(`${name} ${shape} ${theme} ${lang}: ${v.id}: ${v.help}`);
          for (const n of v.nodes.slice(0, 3)) console.log(`    ${n.target.join(" ")} ${n.any[0]?.message ?? ""}`);
        }
      }
      await context.close();
    }
  }
}
await browser.close();
console.log(faults === 0 ? "no faults" : `${faults} faults`);
process.exit(faults === 0 ? 0 : 1);
