// What arrives and is not understood yet, as somebody puts it right who has the page: a new point is adopted, a foreign
// topic gets a mapping rule and is read again, and the ledger adds up all along.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Platform, artefacts, danxia, until } from '../platform.mjs';
import { launch, open } from './chromium.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const without = (!existsSync(process.env.CHROMIUM ?? '/usr/bin/chromium') && 'left out: no Chromium on this machine')
  || (spawnSync('mosquitto_pub', ['--help']).error && 'left out: mosquitto_pub is not installed (Debian: mosquitto-clients)');
/** Devices with passwords, and nothing adopted by itself; and a trial that lets anybody publish on any topic. */
let strict, trial, browser;

before(async () => {
  if (without) return console.log(without);
  [strict, trial] = await Promise.all([Platform.start('run', []), Platform.start('run', ['--anonymous'])]);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await Promise.all([strict?.stop(), trial?.stop()]);
});

const publish = (platform, topic, payload, who = []) => execFileSync('mosquitto_pub', ['-h', '127.0.0.1', '-p', String(platform.mqtt), '-q', '1',
  '-t', topic, '-m', typeof payload === 'string' ? payload : JSON.stringify(payload), ...who], { stdio: 'pipe' });

/** Adds a device; gives what `mosquitto_pub` needs to come as it. */
async function device(platform, name, site) {
  const made = await platform.send('POST', '/api/v1/devices', { name, role: 'device', site });
  return ['-i', name, '-u', name, '-P', made.password];
}

/** The ledger as the page shows it, held against its own sum and against what the page says of it. */
async function ledger(platform, page) {
  await page.goto('about:blank');
  await page.goto(`${platform.url}/#/connections/ledger`);
  const row = page.getByTestId('ledger-sources').locator('tr.sum');
  await row.waitFor();
  const [received, committed, duplicates, quarantined, refused] = (await row.locator('td.n').allTextContents()).map((n) => Number(n.replaceAll(',', '')));
  assert.equal(received, committed + duplicates + quarantined + refused);
  assert.equal(await row.getAttribute('data-fits'), 'true');
  await page.locator('[data-testid="ledger-period"][data-fits="true"]').waitFor();
  return { received, committed, duplicates, quarantined, refused };
}

/** Every message counted: what was durable a moment ago is in the ledger now. */
const counted = (platform, received) => until(`${received} messages in the ledger`, async () => (await platform.get('/api/v1/ledger')).total.received === received);

test('a new point is adopted with a unit, what it said meanwhile is there, and what it says next is a number on the machine', { skip: without }, async () => {
  const page = await open(browser, { locale: 'zh-CN' });
  const who = await device(strict, 'press-1', 'hall');
  const topic = 'danxia/v1/hall/press-1/telemetry';
  publish(strict, topic, { values: { bearing_temp: 61.2 } }, who);
  await counted(strict, 1);
  assert.deepEqual(await ledger(strict, page), { received: 1, committed: 0, duplicates: 0, quarantined: 1, refused: 0 });

  await page.getByTestId('tab-quarantine').click();
  const group = page.locator('[data-testid="quarantine-group"][data-code="unknown_point"]');
  await group.getByText('未知测点').waitFor();
  await group.locator('summary').click();
  assert.match(await group.locator('[lang="en"]').innerText(), /press-1/, 'what the server said is a detail, marked as English');

  await group.getByTestId('mend').click();
  const machine = page.locator('[data-testid="new-machine"][data-machine="hall/press-1"]');
  const point = machine.locator('[data-testid="new-point"][data-point="bearing_temp"]');
  await point.getByText('61.2').waitFor();
  await point.locator('input:not([type="checkbox"])').fill('°C');
  await page.screenshot({ path: join(artefacts, 'new-point.png'), fullPage: true });
  await machine.getByTestId('adopt').click();
  await page.getByTestId('adopted').waitFor();
  await machine.waitFor({ state: 'detached' });

  await page.goto(`${strict.url}/#/machine/hall/press-1`);
  const row = page.getByTestId('point-row').filter({ hasText: 'bearing_temp' });
  await row.getByText('61.2').waitFor();
  publish(strict, topic, { values: { bearing_temp: 62.5 } }, who);
  await row.getByText('62.5').waitFor();
  assert.match(await row.innerText(), /62\.5\s*°C/);
  await page.screenshot({ path: join(artefacts, 'adopted-machine.png'), fullPage: true });
  await counted(strict, 2);
  assert.deepEqual(await ledger(strict, page), { received: 2, committed: 2, duplicates: 0, quarantined: 0, refused: 0 });
  assert.deepEqual(page.complaints, []);
});

test('who is turned away is told in words, in both languages', { skip: without }, async () => {
  const who = await device(strict, 'press-2', 'hall');
  spawnSync('mosquitto_pub', ['-h', '127.0.0.1', '-p', String(strict.mqtt), '-t', 'x', '-m', '1', ...who.slice(0, -1), 'not-this-password']);
  spawnSync('mosquitto_pub', ['-h', '127.0.0.1', '-p', String(strict.mqtt), '-q', '1', '-t', 'danxia/v1/other/press-2/telemetry', '-m', '1', ...who]);
  for (const [locale, words] of [['zh-CN', ['用户名或密码错误', '无权向该主题发布', '发布到']], ['en', ['Wrong user name or password', 'No right to publish to a topic', 'to publish to']]]) {
    const page = await open(browser, { locale });
    await page.goto(`${strict.url}/#/connections?left=1`);
    const away = (reason) => page.locator(`[data-testid="turned-away"][data-reason="${reason}"]`);
    await away('credentials').getByText(words[0]).waitFor();
    await away('publish_denied').getByText(words[1]).waitFor();
    const client = page.locator('[data-testid="connection-row"][data-client="press-2"]');
    await client.getByTestId('denied').getByText(words[2]).waitFor();
    assert.doesNotMatch(await client.innerText(), /publish_denied/, 'no raw code');
    await page.screenshot({ path: join(artefacts, `turned-away-${locale}.png`), fullPage: true });
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  }
});

test('an unmapped topic gets a rule made from its own message, is read again, and keeps its time', { skip: without }, async () => {
  const page = await open(browser, { locale: 'en', colorScheme: 'dark' });
  // An hour ago and a bit: what is read again must not get the time of reading.
  const times = [3_600, 3_599].map((s) => Math.floor(Date.now() / 1000) - s);
  for (const ts of times) publish(trial, 'plant/fan-3/data', { ts, temp: 60 + (ts - times[0]) * 0.5 });
  await counted(trial, 2);
  assert.deepEqual(await ledger(trial, page), { received: 2, committed: 0, duplicates: 0, quarantined: 2, refused: 0 });

  await page.getByTestId('tab-quarantine').click();
  const group = page.locator('[data-testid="quarantine-group"][data-code="unmapped"]');
  await group.getByText('The topic belongs to no form understood here').click();
  assert.match(await group.innerText(), /×2/);
  assert.match(await group.innerText(), /add a mapping rule/);
  const entry = page.getByTestId('quarantine-entry').first();
  await entry.locator('summary').click();
  await entry.locator('pre').getByText('"temp"').waitFor();
  await page.screenshot({ path: join(artefacts, 'unmapped.png'), fullPage: true });

  await group.getByTestId('mend').click();
  await until('the message to pick', () => page.getByTestId('rule-pick').locator('option').count().then((n) => n > 1));
  await page.getByTestId('rule-pick').selectOption({ index: 1 });
  await page.getByTestId('rule-suggest').click();
  await page.getByTestId('trial-reading').filter({ hasText: 'temp' }).waitFor();
  await page.screenshot({ path: join(artefacts, 'rule-tried.png'), fullPage: true });
  await page.getByTestId('rules-save').click();
  await page.locator('[data-testid="rules-revision"][data-revision="1"]').waitFor();

  await page.getByTestId('tab-quarantine').click();
  await group.getByRole('button', { name: 'Replay all of this reason' }).click();
  await page.locator('[data-testid="replay"][data-running="false"]').getByText('2 stored').waitFor();
  await group.waitFor({ state: 'detached' });
  await page.screenshot({ path: join(artefacts, 'replayed.png'), fullPage: true });

  const [rule] = (await trial.get('/api/v1/rules')).rules;
  const { points } = await trial.get(`/api/v1/machines/${rule.site}/fan-3`);
  const point = points.map((p) => p.name).find((n) => n.includes('temp'));
  assert.ok(point, JSON.stringify(points));
  const from = new Date((times[0] - 60) * 1000).toISOString();
  const range = await trial.get(`/api/v1/series/range?point=${encodeURIComponent(`${rule.site}/fan-3/${point}`)}&from=${from}`);
  assert.deepEqual([range.t_ms, range.v], [times.map((s) => s * 1000), [60, 60.5]]);

  // One more, which the rule now takes at once.
  publish(trial, 'plant/fan-3/data', { ts: times[1] + 60, temp: 61 });
  await counted(trial, 3);
  assert.deepEqual(await ledger(trial, page), { received: 3, committed: 3, duplicates: 0, quarantined: 0, refused: 0 });
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByTestId('statement').click()]);
  const file = join(artefacts, 'ledger.json');
  await download.saveAs(file);
  assert.equal(download.suggestedFilename(), 'danxia-ledger.json');
  const { key } = JSON.parse(readFileSync(file, 'utf8'));
  assert.match(execFileSync(danxia, ['verify', 'statement', file, '--key', key], { encoding: 'utf8' }),
    /3 received and 2 released from quarantine = 3 committed \+ 0 duplicates \+ 2 quarantined \+ 0 refused/);
  assert.deepEqual(page.complaints, []);
});

const PAGES = { clients: '#/connections', quarantine: '#/connections/quarantine?code=json_syntax', discovery: '#/connections/discovery', ledger: '#/connections/ledger', rules: '#/rules', devices: '#/devices' };

for (const [locale, colorScheme] of [['zh-CN', 'light'], ['en', 'dark']]) {
  test(`the pages below the connections pass axe, fit a phone and have titles of their own: ${locale}, ${colorScheme}`, { skip: without }, async () => {
    const name = `crane-${locale}`;
    const who = await device(strict, name, 'hall');
    publish(strict, `danxia/v1/hall/${name}/telemetry`, { values: { hoist_current: { v: 118.6, u: 'A' }, load: { v: 3, u: 'no-such-unit' } } }, who);
    publish(strict, `danxia/v1/hall/${name}/telemetry`, '{"values":{"a_long_name_that_has_to_wrap_somewhere_on_a_phone_because_it_is_so_long": 61.2', who);
    const held = await strict.get('/api/v1/rules');
    if (held.rules.length === 0) {
      const { rule } = await strict.send('POST', '/api/v1/rules/suggest', { topic: 'plant/fan-3/data', payload: '{"ts":1795392000,"temp":61}', encoding: 'utf-8' });
      await strict.send('PUT', '/api/v1/rules', { revision: held.revision, by: null, rules: [rule] });
    }
    await until('what is shown', async () => (await strict.get('/api/v1/discovery')).machines.some((m) => m.machine === `hall/${name}`)
      && (await strict.get('/api/v1/quarantine/groups')).some((g) => g.code === 'json_syntax'));

    const titles = new Set();
    for (const viewport of [{ width: 1440, height: 900 }, { width: 390, height: 844 }]) {
      const page = await open(browser, { locale, colorScheme, viewport });
      for (const [what, hash] of Object.entries(PAGES)) {
        await page.goto('about:blank');
        await page.goto(`${strict.url}/${hash}`);
        await page.locator('.fresh').first().waitFor();
        await until(`${what} to have loaded`, () => page.locator('.state.loading').count().then((n) => n === 0));
        const [heading, title] = [await page.locator('h1').innerText(), await page.title()];
        assert.ok(title.startsWith(heading), `${what}: the title ${title} begins as the page ${heading}`);
        titles.add(title);
        await page.screenshot({ path: join(artefacts, `below-${what}-${locale}-${viewport.width}.png`), fullPage: true });
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${what} is wider than ${viewport.width} px`);
        await page.evaluate(axe);
        const { violations } = await page.evaluate(() => globalThis.axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }));
        assert.deepEqual(violations.map((v) => `${what} ${viewport.width}: ${v.id}: ${v.nodes.map((n) => n.target).join(' ')}`), []);
      }
      assert.deepEqual(page.complaints, []);
      await page.context().close();
    }
    assert.equal(titles.size, Object.keys(PAGES).length, [...titles].join(', '));
  });
}

test('the checklist of a device is asked for while it is looked at and something is missing, and no longer', { skip: without }, async () => {
  await device(strict, 'press-3', 'hall');
  const page = await open(browser, { locale: 'en' });
  await page.clock.install();
  let [asked, last] = [0, 'waiting'];
  await page.route('**/devices/press-3/checklist', (route) => {
    asked += 1;
    const steps = ['tcp', 'identity', 'rights', 'topic', 'parse', 'value'].map((step) => ({ step, state: step === 'value' ? last : 'ok', at: null, seen: null, code: null, error: null, message: null }));
    return route.fulfill({ json: { device: 'press-3', now: new Date().toISOString(), steps } });
  });
  const value = (state) => page.locator(`[data-testid="check-value"][data-state="${state}"]`).waitFor();
  /** Seconds pass, one by one, each with the time that an answer needs. */
  const pass = async (seconds) => {
    for (let i = 0; i < seconds; i += 1) {
      await page.clock.runFor(1_000);
      await page.evaluate(() => fetch('/api/v1/status').then((r) => r.text()));
    }
  };
  const hide = (hidden) => page.evaluate((h) => {
    Object.defineProperty(document, 'hidden', { value: h, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);

  await page.goto(`${strict.url}/#/devices/press-3`);
  await value('waiting');
  let before = asked;
  await pass(5);
  assert.ok(asked > before, 'it goes on asking while something is missing');
  await hide(true);
  await pass(2);
  before = asked;
  await pass(5);
  assert.equal(asked, before, 'a hidden tab asks for nothing');
  last = 'ok';
  await hide(false);
  await value('ok');
  // The answer that ended it may have been followed by one more question.
  await pass(2);
  before = asked;
  await pass(20);
  assert.equal(asked, before, 'who has reached everything is not asked for any more');
  assert.equal(await page.locator('.stale').count(), 0, 'and is not called out of date');
  assert.deepEqual(page.complaints, []);
});
