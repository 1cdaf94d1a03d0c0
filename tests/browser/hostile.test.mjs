// Records as broken sensors, wrong settings and misread fields make them: none of them is called healthy, each says why
// not, in both languages, and what cannot be read at all is found where one looks for it.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Platform, artefacts, root, until } from '../platform.mjs';
import { launch, open } from './chromium.mjs';
import { record, running } from './records.mjs';

const without = (!existsSync(process.env.CHROMIUM ?? '/usr/bin/chromium') && 'left out: no Chromium on this machine')
  || (spawnSync('mosquitto_pub', ['--help']).error && 'left out: mosquitto_pub is not installed (Debian: mosquitto-clients)');
const words = Object.fromEntries(['zh-CN', 'en'].map((l) => [l, JSON.parse(readFileSync(join(root, `web/ui/src/i18n/${l}.json`), 'utf8'))]));
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

/** A pump with everything stated that a verdict needs, with `changes` to it. */
function born(machine, changes = {}) {
  const described = {
    class: 'pump', rated_kw: 90, foundation: 'rigid', area: 'hall',
    bearings: [{ name: 'DE', designation: '6205', elements: 9, ball_mm: 7.94, pitch_mm: 39.04, contact_deg: 0 }],
    points: [{ name: 'vib', kind: 'waveform', unit: 'm/s²', bearing: 'DE', axis: 'horizontal' }],
    ...changes,
  };
  publish(`danxia/v1/hall/${machine}/birth`, JSON.stringify(described));
}

const sent = (machine, payload) => publish(`danxia/v1/hall/${machine}/vib/waveform`, payload);
const good = running();
const limited = Float32Array.from(good, (_, i) => Math.max(-3, Math.min(3, 5 * Math.sin((2 * Math.PI * 25 * i) / 25_600))));
const huge = new Float32Array(65_536).map((_, i) => (i % 2 ? 3.4e38 : -3.4e38));

/**
 * What is stored and judged, by machine: the record, what the bearings' verdict names (a text of the catalogues, by its
 * key), whether the severity has a verdict all the same, and what is different about the machine.
 */
const JUDGED = {
  clipped: [record(limited), 'sensor.clipped'],
  counted: [record(good, { clip_count: 40 }), 'sensor.clipped'],
  flat: [record(new Float32Array(65_536).fill(1.25)), 'sensor.flat'],
  single: [record(Float32Array.of(0.5)), 'sensor.flat'],
  lossy: [record(good, { gaps: 12 }), 'sensor.gaps'],
  unplugged: [record(good, { bias_v: 23.9 }), 'sensor.bias'],
  immense: [record(huge), 'sensor.clipped'],
  brief: [record(running(512)), 'refusal.record_length'],
  slow: [record(running(65_536, { fs: 300 }), { fs: 300 }), 'refusal.rate'],
  fast: [record(good, { fs: 1e9 }), 'refusal.record_length'],
  speedless: [record(good, { rpm: undefined }), 'refusal.speed', true],
  standing: [record(good, { rpm: { mean: 0 } }), 'refusal.speed'],
  backwards: [record(good, { rpm: { mean: -1500 } }), 'refusal.speed'],
  absurd: [record(good, { rpm: { mean: 1e30 } }), 'refusal.speed', true],
  // Nothing in it tells the angle.
  changing: [record(running(65_536, { hz: 0 }), { rpm: { mean: 1500, min: 1000, max: 2000 } }), 'refusal.speed_unsteady', true],
  unknown: [record(good), 'refusal.geometry', true, { bearings: [], points: [{ name: 'vib', kind: 'waveform', unit: 'm/s²', axis: 'horizontal' }] }],
  voltage: [record(good, { unit: 'V' }), 'refusal.unit', false, { points: [{ name: 'vib', kind: 'waveform', bearing: 'DE', axis: 'horizontal' }] }],
};

/** What is refused on reading, by machine: the message and the reason in the quarantine. */
const UNREADABLE = {
  'not-a-number': [record(Float32Array.from(good, (v, i) => (i === 777 ? NaN : v))), 'waveform_samples'],
  endless: [record(Float32Array.from(good, (v, i) => (i === 777 ? Infinity : v))), 'waveform_samples'],
  empty: [record(new Float32Array(0)), 'waveform_samples'],
  'rate-0': [record(good, { fs: 0 }), 'waveform_fs'],
  'rate-nan': [record(good, { fs: NaN }), 'waveform_fs'],
  'rate-less': [record(good, { fs: undefined }), 'waveform_no_fs'],
  'other-length': [record(good, { n: 65_535 }), 'waveform_length'],
  'cut-off': [record(good).subarray(0, 5_000), 'cbor_syntax'],
  'other-crc': [record(good, { crc32c: 1 }), 'waveform_crc'],
  'unit-less': [record(good, { unit: undefined }), 'waveform_no_unit'],
  'other-unit': [record(good, { unit: '°C' }), 'unit_mismatch'],
  'odd-unit': [record(good, { unit: 'furlong' }), 'unit_unknown'],
  'no-scale': [record(new Int16Array(4096).fill(7), { scale: 0 }), 'waveform_scale'],
  'speed-nan': [record(good, { rpm: { mean: NaN } }), 'value_not_finite'],
};
/** Ten million samples, in as many messages as the door lets through. */
const PARTS = 10;

const machineOf = (name) => platform.get(`/api/v1/machines/hall/${name}`);
const judged = (name) => until(`a verdict on ${name}`, async () => (await machineOf(name)).points.find((p) => p.name === 'vib')?.diagnosis, 20);

/** Everything drawn in `main` that is green, as somebody sees it: text, ground, edges and shapes. */
const green = (page) => page.evaluate(() => {
  const is = (colour) => {
    const [r, g, b, a = 1] = (colour.match(/[\d.]+/g) ?? []).map(Number);
    return a > 0 && g > r + 30 && g > b + 30;
  };
  const seen = ['color', 'backgroundColor', 'borderLeftColor', 'borderTopColor', 'fill', 'stroke'];
  return [...document.querySelectorAll('main, main *')]
    .filter((el) => seen.some((k) => is(getComputedStyle(el)[k])))
    .map((el) => `${el.tagName}.${el.getAttribute('class')}`);
});

/** The page at `hash`, drawn. */
async function show(page, hash) {
  await page.goto(`${platform.url}/#/about-blank`);
  await page.goto(`${platform.url}/${hash}`);
  await page.locator('.fresh, .state.problem').first().waitFor();
  await until(`${hash} to have loaded`, () => page.locator('.state.loading, [aria-busy="true"]').count().then((n) => n === 0), 20);
  assert.equal(await page.locator('.state.problem').count(), 0, `${hash} failed`);
}

/** Codes are for programs: none may be left on the page. */
const raw = (text) => text.match(/\b[a-z]+(?:_[a-z0-9]+)+\b/g)?.filter((w) => w !== 'crc32c') ?? [];

test('a good record is judged, so that the others can be told from it', { skip: without }, async () => {
  born('good');
  sent('good', record(good));
  const d = await judged('good');
  assert.ok(d.sensor.healthy && 'hypotheses' in d.bearing && d.zone.zone === 'A', JSON.stringify(d));
  const page = await open(browser, { locale: 'en' });
  await show(page, '#/machine/hall/good');
  assert.equal(await page.locator('.diagnosis .verdict.quiet').count(), 1);
  assert.equal(await page.locator('.assessment .verdict.quiet').count(), 1);
  assert.equal(await page.locator('.machine-head .status-word.s-normal').count(), 1);
  assert.deepEqual(await green(page), []);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test('every record that cannot be judged says why on the machine and the vibration page, and is nowhere called normal', { skip: without }, async () => {
  for (const [name, [payload, , , changes]] of Object.entries(JUDGED)) {
    born(name, changes);
    sent(name, payload);
  }
  for (const name of Object.keys(JUDGED)) await judged(name);
  for (const [locale, colorScheme, viewport] of [['zh-CN', 'light', { width: 1440, height: 900 }], ['en', 'dark', { width: 390, height: 844 }]]) {
    const page = await open(browser, { locale, colorScheme, viewport });
    for (const [name, [, reason, zoned]] of Object.entries(JUDGED)) {
      const said = words[locale][reason];
      const verdict = async (where) => {
        const box = page.getByTestId('verdict').first();
        await box.waitFor();
        assert.match(await box.getAttribute('class'), /unknown/, `${name} on the ${where} page: ${await box.innerText()}`);
        assert.ok((await box.innerText()).includes(said), `${name} on the ${where} page says “${await box.innerText()}”, not “${said}”`);
        assert.equal(await page.locator('.verdict.quiet').count(), 0, `${name}: nothing says that nothing was found`);
        assert.deepEqual(await green(page), [], `${name} on the ${where} page`);
        assert.deepEqual(raw(await page.locator('main').innerText()), [], `${name} on the ${where} page: raw codes`);
      };
      await show(page, `#/machine/hall/${name}`);
      await verdict('machine');
      const zone = await page.locator('[data-testid="zone"]').first().getAttribute('data-zone');
      assert.equal(zone !== '', zoned ?? false, `${name}: zone ${zone}`);
      const status = await page.locator('.machine-head .status-word').getAttribute('class');
      assert.equal(/s-normal/.test(status), zoned ?? false, `${name}: ${status}`);
      if (zoned) assert.ok((await page.locator('.machine-head .status-word').innerText()).includes(words[locale]['machine.partly']), `${name}: judged by half`);
      assert.ok(await page.locator('.machine-head .unjudged').count(), `${name}: the heading says that something was not judged`);
      await page.screenshot({ path: join(artefacts, `hostile-${name}-${locale}.png`), fullPage: true });
      await show(page, `#/vibration/hall/${name}/vib`);
      await verdict('vibration');
      if (locale === 'en') await page.screenshot({ path: join(artefacts, `hostile-${name}-vibration.png`), fullPage: true });
    }
    // The plant as a whole: the only machine that is normal without a word beside it is the good one.
    await show(page, '#/overview');
    for (const [name, [, , zoned]] of Object.entries(JUDGED)) {
      const tile = page.locator(`[data-testid="tile"][data-machine="hall/${name}"]`);
      assert.equal((await tile.getAttribute('data-status')) === 'normal', zoned ?? false, name);
      if (zoned) assert.ok((await tile.innerText()).includes(words[locale]['machine.partly']), `${name}: judged by half`);
    }
    await page.screenshot({ path: join(artefacts, `hostile-overview-${locale}.png`), fullPage: true });
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  }
});

test('every view of the bench draws a hostile record or says why it does not', { skip: without }, async () => {
  const page = await open(browser, { locale: 'en' });
  for (const name of ['single', 'immense', 'brief', 'fast', 'standing', 'voltage']) {
    for (const view of ['waveform', 'waterfall', 'spectrogram', 'kurtogram', 'peak_hold', 'cepstrum', 'orders', 'average', 'run_up', 'orbit']) {
      await show(page, `#/vibration/hall/${name}/vib?view=${view}`);
      assert.deepEqual(raw(await page.locator('main').innerText()), [], `${name}, ${view}: raw codes`);
      assert.ok(await page.locator('.record canvas, [data-testid="refused"], .record .state.empty').count(), `${name}, ${view}: nothing is said`);
      for (const refused of await page.getByTestId('refused').all()) {
        assert.ok(await refused.locator('.todo li').count(), `${name}, ${view}: ${await refused.innerText()} says nothing of what to do`);
      }
    }
  }
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test('what cannot be read is in the quarantine, each with its reason, and the machine is not called normal for it', { skip: without }, async () => {
  for (const [name, [payload]] of Object.entries(UNREADABLE)) {
    born(name);
    sent(name, payload);
  }
  born('vast');
  const part = new Int16Array(1_000_000).map((_, i) => i % 1000);
  const id = '00000000-0000-4000-8000-00000000aaaa';
  const t0_ns = BigInt(Date.now()) * 1_000_000n;
  for (let i = 1; i <= PARTS; i += 1) sent('vast', record(part, { id, t0_ns, part: i, parts: PARTS }));
  // In one message it is more than the door takes, and whoever sends it is turned away.
  spawnSync('mosquitto_pub', ['-h', '127.0.0.1', '-p', String(platform.mqtt), '-q', '1', '-t', 'danxia/v1/hall/vast/vib/waveform', '-s'], { input: record(new Int16Array(10_000_000)) });
  const expected = { ...Object.fromEntries(Object.entries(UNREADABLE).map(([n, [, c]]) => [n, c])), vast: 'waveform_limit' };
  const entries = async (code) => (await platform.get(`/api/v1/quarantine?code=${code}&limit=100`)).entries;
  for (const [name, code] of Object.entries(expected)) {
    await until(`${name} in quarantine as ${code}`, async () => (await entries(code)).some((e) => e.topic === `danxia/v1/hall/${name}/vib/waveform`), 20);
  }
  for (const locale of ['zh-CN', 'en']) {
    const page = await open(browser, { locale });
    await show(page, '#/connections/quarantine');
    for (const code of new Set(Object.values(expected))) {
      const group = page.locator(`[data-testid="quarantine-group"][data-code="${code}"]`);
      await group.waitFor();
      const [what] = words[locale][`cause.${code}`].split(/(?<=[.。])/);
      assert.ok((await group.innerText()).includes(what.replace(/[.。]$/, '')), `${code}: ${await group.innerText()}`);
    }
    await page.screenshot({ path: join(artefacts, `hostile-quarantine-${locale}.png`), fullPage: true });
    for (const name of Object.keys(expected)) {
      await show(page, `#/machine/hall/${name}`);
      assert.equal(await page.locator('.machine-head .status-word.s-normal').count(), 0, `${name} is called normal`);
      assert.equal(await page.locator('.verdict.quiet').count(), 0, name);
      const note = page.getByTestId('in-quarantine');
      await note.waitFor();
      assert.match(await note.locator('a').getAttribute('href'), /#\/connections\/quarantine/);
      assert.deepEqual(raw(await page.locator('main').innerText()), [], name);
    }
    await page.screenshot({ path: join(artefacts, `hostile-unreadable-${locale}.png`), fullPage: true });
    // The entry itself: what was expected, what was found, and where.
    await show(page, '#/connections/quarantine?code=waveform_samples');
    const entry = page.getByTestId('quarantine-entry').filter({ hasText: 'not-a-number' });
    await entry.locator('summary').first().click();
    await entry.getByText(/NaN as sample 777/).first().waitFor({ state: 'attached' });
    await show(page, '#/connections?left=1');
    await page.locator('[data-testid="turned-away"][data-reason="packet_too_large"]').getByText(words[locale]['turned_away.packet_too_large']).waitFor();
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  }
});
