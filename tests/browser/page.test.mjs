// The whole path: real recordings over MQTT, to what an engineer sees and does in a browser.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { Platform, artefacts, manifest, recordings, until } from '../platform.mjs';
import { launch, open } from './chromium.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const dir = recordings('cwru');
const without = !existsSync(process.env.CHROMIUM ?? '/usr/bin/chromium')
  ? 'left out: no Chromium on this machine (Debian: chromium)'
  : dir === null && 'left out: no recordings in DANXIA_DATA or ../shared/data';
let platform, browser;

before(async () => {
  if (without) return console.log(without);
  platform = await Platform.start();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await platform?.stop();
});

const machineOf = (row) => basename(row.file, '.f32');
const normal = (row) => ['normal', 'healthy'].includes(row.condition);

test('replayed recordings become named faults, and the healthy ones raise nothing', { skip: without }, async () => {
  platform.replay(dir);
  const rows = manifest(dir);
  const machines = () => platform.get('/api/v1/overview').then((o) => o.areas.flatMap((a) => a.machines));
  await until('every machine of the manifest', async () => (await machines()).length >= rows.length);
  // Done when every waveform that was published has its diagnosis.
  const judged = async (row) => {
    const site = (await machines()).find((m) => m.machine === machineOf(row))?.site;
    const m = await platform.get(`/api/v1/machines/${encodeURIComponent(site)}/${encodeURIComponent(machineOf(row))}`);
    return m.points.some((p) => p.diagnosis);
  };
  for (const row of rows) await until(`a diagnosis of ${row.file}`, () => judged(row));

  const alarms = async () => (await platform.get('/api/v1/alarms?state=all')).alarms;
  const named = (list, row) => list
    .filter((a) => a.machine.machine === machineOf(row) && a.condition.startsWith('bearing.'))
    .map((a) => a.condition.split('.').at(-1));
  const races = rows.filter((r) => ['outer_race', 'inner_race'].includes(r.condition));
  const right = (list) => races.filter((r) => named(list, r).includes(r.condition));
  const list = await until('the race faults', async () => {
    const l = await alarms();
    return right(l).length >= races.length - 3 && l;
  });
  console.log(`${right(list).length} of ${races.length} race faults named`);
  for (const kind of ['outer_race', 'inner_race']) {
    assert.ok(right(list).some((r) => r.condition === kind), `no ${kind} was named`);
  }
  for (const row of rows.filter(normal)) {
    const raised = list.filter((a) => a.machine.machine === machineOf(row));
    assert.deepEqual(raised.map((a) => a.condition), [], `${row.file} is healthy`);
  }
});

test('an engineer sees the fault with its lines, acknowledges it, reloads, and it stays acknowledged', { skip: without }, async () => {
  const page = await open(browser);
  await page.goto(`${platform.url}/#/alarms`);
  const row = page.getByTestId('alarm-row').filter({ hasText: '外圈' }).first();
  await row.waitFor();
  await page.screenshot({ path: join(artefacts, 'alarms-before.png') });
  const id = await row.getAttribute('data-id');
  await page.goto(`${platform.url}/#/alarms/${id}`);
  await page.getByTestId('evidence').waitFor();
  await page.screenshot({ path: join(artefacts, 'alarm-evidence.png') });
  await page.getByTestId('evidence-vibration').click();
  const lines = page.locator('[data-testid="fault-line"][data-label="outer_race"]');
  await until('the fault lines', async () => (await lines.count()) >= 3);
  assert.ok(await page.getByTestId('envelope-chart').locator('canvas').last().isVisible());
  await page.screenshot({ path: join(artefacts, 'alarm-vibration.png') });

  await page.goto(`${platform.url}/#/alarms`);
  const again = page.locator(`[data-testid="alarm-row"][data-id="${id}"]`);
  await again.getByTestId('alarm-ack').click();
  await again.locator('[data-testid="alarm-state"][data-state="acknowledged"]').waitFor();
  await page.reload();
  await again.locator('[data-testid="alarm-state"][data-state="acknowledged"]').waitFor();
  await page.screenshot({ path: join(artefacts, 'alarms-acknowledged.png') });
  assert.equal((await platform.get(`/api/v1/alarms/${id}`)).state, 'acknowledged');
  assert.deepEqual(page.complaints, []);
});

test('an analyst names the outer race by eye: peaks, what they may be, harmonics, the band, and a link that shows the same', { skip: without }, async () => {
  const page = await open(browser, { locale: 'en' });
  const faulty = manifest(dir).find((r) => r.condition === 'outer_race');
  const overview = await platform.get('/api/v1/overview');
  const m = overview.areas.flatMap((a) => a.machines).find((x) => x.machine === machineOf(faulty));
  await page.goto(`${platform.url}/#/vibration/${encodeURIComponent(m.site)}/${encodeURIComponent(m.machine)}/vibration`);
  await page.getByTestId('envelope-chart').locator('canvas').first().waitFor();
  // From peak to peak with the keyboard until one is the outer race's.
  const said = page.getByTestId('cursor-what');
  await until('a peak that is the outer race', async () => {
    await page.keyboard.press('Shift+ArrowRight');
    return (await said.count()) > 0 && /outer race 1×/.test(await said.textContent());
  });
  await page.keyboard.press('h');
  assert.ok(await page.getByTestId('harmonics').isChecked());
  await page.keyboard.press('s');
  assert.ok(await page.getByTestId('sidebands').isChecked());
  // A drag zooms one chart and no other; `u` undoes it.
  const chart = page.getByTestId('waveform-chart').locator('.u-over');
  await chart.scrollIntoViewIfNeeded();
  const box = await chart.boundingBox();
  await page.mouse.move(box.x + 200, box.y + 40);
  await page.mouse.down();
  await page.mouse.move(box.x + 400, box.y + 40, { steps: 4 });
  await page.mouse.up();
  const zoomed = () => page.evaluate(() => [...new URLSearchParams(location.hash.split('?')[1]).keys()]
    .filter((k) => ['time', 'envelope', 'spectrum', 'velocity'].includes(k)));
  assert.deepEqual(await zoomed(), ['time']);
  await page.keyboard.press('u');
  assert.deepEqual(await zoomed(), []);
  // The kurtogram's best band, demodulated.
  await page.getByTestId('view-kurtogram').click();
  await page.getByTestId('best-band').click();
  await page.getByTestId('band-envelope-chart').locator('canvas').first().waitFor();
  await page.screenshot({ path: join(artefacts, 'bench-kurtogram.png'), fullPage: true });
  // Every view draws, or says why it does not.
  for (const view of ['waveform', 'waterfall', 'spectrogram', 'peak_hold', 'cepstrum', 'orders', 'average', 'run_up', 'orbit', 'spectra']) {
    await page.getByTestId(`view-${view}`).click();
    await until(`${view} to have loaded`, () => page.locator('.record [aria-busy="true"], .record .state.loading').count().then((n) => n === 0));
    assert.equal(await page.locator('.record .state.problem').count(), 0, view);
    await page.screenshot({ path: join(artefacts, `bench-${view}.png`), fullPage: true });
  }
  // All of it is in the link.
  const readout = await page.getByTestId('cursor-readout').textContent();
  await until('the cursor to be in the link', () => page.evaluate(() => location.hash.includes('hz=')));
  const link = await page.evaluate(() => location.href);
  const other = await open(browser, { locale: 'en' });
  await other.goto(link);
  await other.getByTestId('cursor-what').waitFor();
  assert.equal(await other.getByTestId('cursor-readout').textContent(), readout);
  await page.locator('.saved summary').click();
  await page.getByTestId('view-name').fill('outer race');
  await page.keyboard.press('Enter');
  assert.equal(await page.getByTestId('saved-view').count(), 1);
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByTestId('export-wav').click()]);
  assert.ok(readFileSync(await file.path()).subarray(0, 4).equals(Buffer.from('RIFF')));
  assert.deepEqual([...page.complaints, ...other.complaints], []);
});

for (const [lang, colorScheme] of [['zh-CN', 'light'], ['en', 'dark']]) {
  test(`every page opens without complaint and passes axe: ${lang}, ${colorScheme}`, { skip: without }, async () => {
    const page = await open(browser, { locale: lang, colorScheme });
    const overview = await platform.get('/api/v1/overview');
    const m = overview.areas.flatMap((a) => a.machines)[0];
    const at = `${encodeURIComponent(m.site)}/${encodeURIComponent(m.machine)}`;
    for (const [name, hash] of [['overview', '#/overview'], ['machine', `#/machine/${at}`], ['vibration', `#/vibration/${at}/vibration`],
      ['vibration-kurtogram', `#/vibration/${at}/vibration?view=kurtogram&band=2000~4000&hz=100`], ['vibration-waterfall', `#/vibration/${at}/vibration?view=waterfall`],
      ['alarms', '#/alarms'], ['connections', '#/connections'], ['devices', '#/devices'], ['devices-new', '#/devices?new=1']]) {
      await page.goto(`${platform.url}/${hash}`);
      await page.waitForSelector('main h1, main h2', { state: 'attached' });
      await until(`${name} to have loaded`, () => page.locator('[aria-busy="true"]').count().then((n) => n === 0));
      await page.screenshot({ path: join(artefacts, `${name}-${lang}-${colorScheme}.png`), fullPage: true });
      // Evaluated through the debugger, which the page's own Content-Security-Policy does not bind.
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => globalThis.axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'] }));
      assert.deepEqual(violations.map((v) => `${name}: ${v.id}: ${v.nodes.map((n) => n.target).join(' ')}`), []);
    }
    assert.deepEqual(page.complaints, []);
  });
}
