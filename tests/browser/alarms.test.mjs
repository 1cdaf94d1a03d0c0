// An engineer's alarm: found, understood, put aside, taken back, acknowledged, out of service, reset, and found again in
// the journal; a flood of a thousand; the stream across a restart of the server.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Platform, artefacts, until } from '../platform.mjs';
import { launch, open } from './chromium.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const without = (!existsSync(process.env.CHROMIUM ?? '/usr/bin/chromium') && 'left out: no Chromium on this machine')
  || (spawnSync('mosquitto_pub', ['--help']).error && 'left out: mosquitto_pub is not installed (Debian: mosquitto-clients)');
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

const says = (machine, values) => {
  const args = ['-h', '127.0.0.1', '-p', String(platform.mqtt), '-q', '1', '-t', `danxia/v1/hall/${machine}/telemetry`];
  const { status, stderr } = spawnSync('mosquitto_pub', [...args, '-m', JSON.stringify({ values })]);
  assert.equal(status, 0, String(stderr));
};

const known = (machine) => until(`the machine ${machine}`, () => platform.get(`/api/v1/machines/hall/${machine}`));
const define = (define) => platform.send('POST', '/api/v1/alarm-definitions', { define });

/** What axe finds on what is shown, by name and place. */
async function faults(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }));
  return found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target).join(', ')}`);
}

const WORDS = {
  'zh-CN': { todo: '检查冷却风道', shelved: '已搁置', out: '停用', latched: '已锁定，待复位' },
  en: { todo: 'check the cooling duct', shelved: 'Shelved', out: 'Take out of service', latched: 'Latched, to be reset' },
};

for (const lang of ['zh-CN', 'en']) {
  test(`an alarm from its first line to its reset, by keyboard and mouse: ${lang}`, { skip: without }, async () => {
    const machine = `fan-${lang}`;
    const page = await open(browser, { locale: lang, ...(lang === 'en' ? { colorScheme: 'dark' } : {}) });
    await page.goto(`${platform.url}/#/alarms`);
    says(machine, { temp: 20 });
    await known(machine);
    await define([{
      machine: `hall/${machine}`, point: 'temp', condition: 'high', limit: 80, priority: 1, latching: true, group: 'heat',
      respond_within_s: 900, action: { zh: WORDS['zh-CN'].todo, en: WORDS.en.todo },
    }]);

    // It comes to the page that is open, without a reload.
    says(machine, { temp: 95 });
    const row = page.locator(`[data-testid="alarm-row"][data-machine="hall/${machine}"]`);
    await row.waitFor({ timeout: 10_000 });
    await row.locator('.c-message a').click();
    const evidence = page.getByTestId('evidence');
    await evidence.getByText(WORDS[lang].todo).waitFor();
    await page.screenshot({ path: join(artefacts, `alarm-${lang}.png`) });
    assert.deepEqual(await faults(page), []);

    // Put aside by keyboard, with a reason; then it is in that list alone.
    await page.keyboard.press('s');
    await page.getByTestId('inhibit-reason').fill('sensor is replaced');
    await page.getByTestId('inhibit-for').selectOption('15');
    assert.deepEqual(await faults(page), []);
    await page.screenshot({ path: join(artefacts, `shelve-${lang}.png`) });
    await page.getByTestId('inhibit-reason').press('Enter');
    await evidence.getByText(WORDS[lang].shelved, { exact: false }).first().waitFor();
    await row.waitFor({ state: 'detached' });
    await page.getByTestId('tab-shelved').click();
    await row.getByText('sensor is replaced', { exact: false }).waitFor();

    // Taken back it is to be seen again; seen, it may go, and waits for its reset.
    await row.locator('.c-message a').click();
    await page.getByTestId('evidence-unshelve').click();
    await page.getByTestId('tab-active').click();
    await row.waitFor();
    await row.locator('.c-message a').click();
    await page.keyboard.press('a');
    await page.getByTestId('evidence-ack').waitFor({ state: 'detached' });
    says(machine, { temp: 20 });
    await row.getByText(WORDS[lang].latched).waitFor({ timeout: 10_000 });
    await page.getByTestId('evidence-reset').click();
    await row.waitFor({ state: 'detached' });

    // Out of service, allowed by somebody.
    await page.getByTestId('evidence-out-of-service').click();
    await page.getByTestId('inhibit-reason').fill('rebuilt');
    await page.getByTestId('inhibit-approved').fill('maintenance lead');
    await page.getByTestId('inhibit').getByRole('button', { name: WORDS[lang].out }).click();
    await page.getByTestId('tab-out_of_service').click();
    await row.getByText('rebuilt', { exact: false }).waitFor();
    assert.deepEqual(await faults(page), []);

    // All of it is in the journal.
    const id = await row.getAttribute('data-id');
    const { entries } = await platform.get(`/api/v1/alarms/${id}/journal`);
    const steps = ['raised', 'shelved', 'unshelved', 'acknowledged', 'cleared', 'reset', 'out_of_service'];
    assert.deepEqual(entries.map((e) => e.trigger).reverse(), steps);
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });
}

test('a thousand alarms within a moment stay usable, and the stream survives a restart of the server', { skip: without }, async () => {
  const values = (v) => Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`p${i}`, v]));
  const page = await open(browser, { locale: 'en' });
  await page.goto(`${platform.url}/#/alarms`);
  says('flood', values(20));
  await until('a thousand points', async () => (await platform.get('/api/v1/machines/hall/flood')).points.length === 1_000);
  await define(Array.from({ length: 1_000 }, (_, i) => ({ machine: 'hall/flood', point: `p${i}`, condition: 'high', limit: 80 })));
  says('flood', values(95));
  const shown = async () => Number((await page.getByTestId('tab-active').locator('b').textContent()).replace(/\D/g, ''));
  await until('all of them on the page', async () => (await shown()) >= 1_000, 20);
  const rows = page.getByTestId('alarm-row');
  assert.ok((await rows.count()) <= 250, 'no more is drawn than one looks at');
  // A key moves the selection at once.
  await rows.first().locator('.c-message a').click();
  const began = Date.now();
  for (let i = 0; i < 10; i++) await page.keyboard.press('j');
  await until('the eleventh row', async () => (await rows.nth(10).getAttribute('aria-selected')) === 'true', 10);
  console.log(`ten rows down among a thousand alarms: ${Date.now() - began} ms`);

  // kill -9, and the same place again: the page that stayed open goes on by itself.
  const exited = new Promise((r) => platform.child.once('exit', r));
  platform.child.kill('SIGKILL');
  await exited;
  await platform.restart();
  says('flood', values(20));
  const returned = async () => (await platform.get('/api/v1/alarms?state=active')).total === 0;
  await until('all of them gone', returned);
  await until('that the page knows', async () => (await rows.first().getByTestId('alarm-state').getAttribute('data-state')) === 'returned_unacknowledged', 30);
  await page.context().close();
});
