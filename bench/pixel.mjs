// From PUBLISH to the alarm as it is drawn, in a real Chromium:
//   node bench/pixel.mjs --mqtt PORT --http PORT [--alarms 220]
// One line of JSON. The page of alarms is open; a point after the other exceeds its limit, at random intervals around 150 ms. A
// time begins when the PUBLISH (QoS 1) is handed to the socket, and ends when the frame that shows the alarm's row is done. Both
// are read from this computer's clock. Needs what tests/browser needs (npm ci there).
import { once } from 'node:events';
import { connect } from 'node:net';
import { launch, open } from '../tests/browser/chromium.mjs';
import { until } from '../tests/platform.mjs';

const args = process.argv.slice(2);
const value = (name, otherwise) => Number(args.includes(`--${name}`) ? args[args.indexOf(`--${name}`) + 1] : otherwise);
const [mqtt, http, n] = [value('mqtt'), value('http'), value('alarms', 220)];
const url = `http://127.0.0.1:${http}`;
const BETWEEN_MS = [50, 250];

/** An MQTT 3.1.1 string or payload with its length before it. */
const counted = (s) => Buffer.concat([Buffer.from([Buffer.byteLength(s) >> 8, Buffer.byteLength(s) & 255]), Buffer.from(s)]);
function packet(kind, ...parts) {
  const body = Buffer.concat(parts);
  const length = [];
  for (let rest = body.length; ; rest >>= 7) {
    length.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) break;
  }
  return Buffer.concat([Buffer.from([kind, ...length]), body]);
}

const socket = connect(mqtt, '127.0.0.1');
socket.setNoDelay(true);
await once(socket, 'connect');
socket.write(packet(0x10, counted('MQTT'), Buffer.from([4, 2, 0, 0]), counted('pixel')));
await once(socket, 'data');
socket.resume();
let id = 0;
const publish = (values) => {
  id = (id % 65_535) + 1;
  socket.write(packet(0x32, counted('danxia/v1/bench/pixel/telemetry'), Buffer.from([id >> 8, id & 255]), Buffer.from(JSON.stringify({ values }))));
};

const get = async (path) => (await fetch(url + path)).json();
const point = (i) => `p${i}`;
publish(Object.fromEntries(Array.from({ length: n }, (_, i) => [point(i), 20])));
await until('the points', async () => (await get('/api/v1/machines/bench/pixel')).points?.length === n);
const define = Array.from({ length: n }, (_, i) => ({ machine: 'bench/pixel', point: point(i), condition: 'high', limit: 80 }));
const defined = await fetch(`${url}/api/v1/alarm-definitions`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ define }) });
if (!defined.ok) throw new Error(await defined.text());

const browser = await launch();
try {
  const page = await open(browser, { locale: 'en' });
  await page.goto(`${url}/#/alarms`);
  await page.locator('[data-testid="stream"].l-open').waitFor();
  await page.evaluate(() => {
    globalThis.drawn = {};
    new MutationObserver((changes) => {
      const rows = changes.flatMap((c) => [...c.addedNodes]).flatMap((a) => (a.matches?.('[data-testid="alarm-row"]') ? [a] : [...(a.querySelectorAll?.('[data-testid="alarm-row"]') ?? [])]));
      const ids = rows.map((r) => r.dataset.id).filter((x) => !(x in globalThis.drawn));
      if (ids.length === 0) return;
      for (const x of ids) globalThis.drawn[x] = undefined;
      // A frame is done when the first task after its callbacks runs.
      requestAnimationFrame(() => {
        const after = new MessageChannel();
        after.port1.onmessage = () => ids.forEach((x) => (globalThis.drawn[x] ??= Date.now()));
        after.port2.postMessage(null);
      });
    }).observe(document.body, { childList: true, subtree: true });
  });
  const said = {};
  for (let i = 0; i < n; i++) {
    await new Promise((r) => setTimeout(r, BETWEEN_MS[0] + Math.random() * (BETWEEN_MS[1] - BETWEEN_MS[0])));
    said[point(i)] = Date.now();
    publish({ [point(i)]: 95 });
  }
  await until('the last alarm', async () => (await page.evaluate(() => Object.keys(globalThis.drawn).length)) >= n, 15).catch(() => undefined);
  const { alarms } = await get('/api/v1/alarms?state=all');
  const drawn = await page.evaluate(() => globalThis.drawn);
  const own = alarms.filter((a) => a.machine.machine === 'pixel');
  const times = own.map((a) => drawn[a.id] - said[a.point.split('/').at(-1)]).filter((t) => !Number.isNaN(t)).sort((a, b) => a - b);
  const at = (q) => times[Math.min(times.length - 1, Math.ceil(times.length * q) - 1)];
  console.log(JSON.stringify({ n: times.length, missing: n - times.length, p50_ms: at(0.5), p99_ms: at(0.99), max_ms: at(1) }));
} finally {
  await browser.close();
  socket.destroy();
}
