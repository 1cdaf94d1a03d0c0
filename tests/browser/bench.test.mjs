// What an analyst does at the bench beyond one record: a run-up as Bode and polar plots, an earlier record beneath the
// one in view, and the peak-hold; of a machine whose resonance is known because it is computed.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Platform, artefacts, until } from '../platform.mjs';
import { launch, open } from './chromium.mjs';
import { record } from './records.mjs';

const without = (!existsSync(process.env.CHROMIUM ?? '/usr/bin/chromium') && 'left out: no Chromium on this machine')
  || (spawnSync('mosquitto_pub', ['--help']).error && 'left out: mosquitto_pub is not installed (Debian: mosquitto-clients)');
let platform, browser;

before(async () => {
  if (without) return console.log(without);
  platform = await Platform.start('run', ['--anonymous']);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await platform?.stop();
});

const publish = (topic, payload) => execFileSync('mosquitto_pub', ['-h', '127.0.0.1', '-p', String(platform.mqtt), '-q', '1', '-t', topic, '-s'], { input: payload });

const [FS, SECONDS] = [5_120, 16];
/** The shaft from 600 to 2400 r/min, Hz, and its turns so far. */
const hz = (t) => 10 + (30 * t) / SECONDS;
const turns = (t) => 10 * t + (15 * t * t) / SECONDS;
const [RESONANCE_HZ, DAMPING, ECCENTRICITY_UM] = [25, 0.05, 10];

/** Acceleration (m/s²) of a rotor with an imbalance on one resonance, as slowly run up as it takes to follow its response. */
const runUp = () => Float32Array.from({ length: FS * SECONDS }, (_, i) => {
  const t = i / FS;
  const r = hz(t) / RESONANCE_HZ;
  const [re, im] = [1 - r * r, 2 * DAMPING * r];
  const displacement = (ECCENTRICITY_UM * 1e-6 * r * r) / Math.hypot(re, im);
  return -displacement * (2 * Math.PI * hz(t)) ** 2 * Math.cos(2 * Math.PI * turns(t) - Math.atan2(im, re));
});
const pulses = () => Float32Array.from({ length: FS * SECONDS }, (_, i) => (turns(i / FS) % 1 < 0.1 ? 5 : 0));

test('a run-up with a tacho shows its resonance where it is, with its phase, and the link shows the same', { skip: without }, async () => {
  publish('danxia/v1/hall/rotor/birth', JSON.stringify({
    class: 'fan', points: [
      { name: 'x', kind: 'waveform', unit: 'm/s²', bearing: 'DE', axis: 'horizontal' },
      { name: 'key', kind: 'waveform', unit: 'V' },
    ],
    bearings: [{ name: 'DE', designation: '6205' }],
  }));
  const t0_ns = BigInt(Date.now()) * 1_000_000n;
  const taken = { fs: FS, t0_ns, rpm: { mean: 1500, min: 600, max: 2400 } };
  publish('danxia/v1/hall/rotor/key/waveform', record(pulses(), { ...taken, unit: 'V', rpm: undefined }));
  publish('danxia/v1/hall/rotor/x/waveform', record(runUp(), taken));
  for (const [locale, colorScheme] of [['en', 'light'], ['zh-CN', 'dark']]) {
    const page = await open(browser, { locale, colorScheme });
    await page.goto(`${platform.url}/#/vibration/hall/rotor/x?q=um&amp=peak`);
    await page.getByTestId('view-run_up').click();
    // The tacho is found by its unit; what is looked at first is the largest.
    const at = page.getByTestId('run-up-at');
    await at.waitFor();
    const [rpm, um, lag] = (await at.innerText()).replaceAll(',', '').match(/[\d.]+/g).map(Number);
    assert.ok(Math.abs(rpm - 1500) < 30, `resonance at ${rpm} r/min`);
    assert.ok(Math.abs(um - ECCENTRICITY_UM / (2 * DAMPING)) < 10, `${um} µm`);
    assert.ok(Math.abs(lag - 90) < 15, `lags by ${lag}°`);
    const box = await page.getByTestId('bode-amplitude').boundingBox();
    await page.mouse.click(box.x + box.width * 0.9, box.y + 80);
    await until('another speed to be read', async () => Number((await at.innerText()).replaceAll(',', '').match(/[\d.]+/)[0]) > 2000);
    const [said, link] = [await at.innerText(), await page.evaluate(() => location.href)];
    await page.screenshot({ path: join(artefacts, `bench-run-up-${locale}.png`), fullPage: true });
    await page.goto('about:blank');
    await page.goto(link);
    await at.waitFor();
    assert.equal(await at.innerText(), said);
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  }
});

test('an earlier record lies beneath the one in view wherever there is one curve, also where it is shorter or missing', { skip: without }, async () => {
  publish('danxia/v1/hall/fan/birth', JSON.stringify({ class: 'fan', points: [{ name: 'x', kind: 'waveform', unit: 'm/s²' }] }));
  const sine = (n, size, fs) => Float32Array.from({ length: n }, (_, i) => size * Math.sin((2 * Math.PI * 25 * i) / fs) + Math.sin(i * i));
  const now = BigInt(Date.now()) * 1_000_000n;
  publish('danxia/v1/hall/fan/x/waveform', record(sine(16_384, 2, 12_800), { fs: 12_800, t0_ns: now - 60_000_000_000n }));
  publish('danxia/v1/hall/fan/x/waveform', record(sine(65_536, 8, 25_600), { t0_ns: now }));
  const page = await open(browser, { locale: 'en' });
  await page.goto(`${platform.url}/#/vibration/hall/fan/x`);
  await page.getByTestId('waveform-chart').locator('canvas').first().waitFor();
  await page.getByTestId('baseline').selectOption({ index: 2 });
  await page.getByTestId('compared').waitFor();
  for (const view of ['spectra', 'waveform', 'peak_hold', 'cepstrum', 'orders']) {
    await page.getByTestId(`view-${view}`).click();
    await until(`${view} to have loaded`, () => page.locator('.record [aria-busy="true"], .record .state.loading').count().then((n) => n === 0));
    assert.equal(await page.locator('.record .state.problem').count(), 0, view);
    assert.equal(await page.getByTestId('compared').count(), 1, view);
    await page.screenshot({ path: join(artefacts, `bench-compared-${view}.png`), fullPage: true });
  }
  await page.getByTestId('view-waveform').click();
  // In the colour of the baseline, and only as far as that goes.
  const blue = (from, to) => page.evaluate(([a, b]) => {
    const canvas = document.querySelectorAll('[data-testid="waveform-chart"] canvas');
    const drawn = canvas[canvas.length - 1];
    const ctx = drawn.getContext('2d');
    const { data } = ctx.getImageData(drawn.width * a, 0, drawn.width * (b - a), drawn.height);
    const probe = document.createElement('canvas').getContext('2d');
    probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue('--baseline');
    probe.fillRect(0, 0, 1, 1);
    const [r, g, bl] = probe.getImageData(0, 0, 1, 1).data;
    let n = 0;
    for (let i = 0; i < data.length; i += 4) if (Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - bl) < 24 && data[i + 3] > 200) n += 1;
    return n;
  }, [from, to]);
  await page.evaluate(() => (location.hash = location.hash.replace(/&time=[^&]*/, '') + '&time=1.2~1.4'));
  await until('the baseline where it is', async () => (await blue(0, 0.4)) > 20);
  assert.equal(await blue(0.6, 0.9), 0, 'it is as long as it is, and no longer');
  // One that is gone is nothing to be compared with, and no error.
  await page.evaluate(() => (location.hash = location.hash.replace(/base=[^&]*/, 'base=00000000-0000-4000-8000-00000000dead')));
  await until('nothing beneath', async () => (await blue(0, 0.4)) === 0);
  assert.deepEqual(page.complaints.filter((c) => !c.includes('404')), []);
});
