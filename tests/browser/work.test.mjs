// An alarm becomes a work order; the work is planned, done and closed with what was found; the next time the alarm comes,
// its page says so. Notes. What strangers write is text and nothing else.

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

/** What axe finds on what is shown, by name and place. */
async function faults(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }));
  return found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target).join(', ')}`);
}

/** A photo as a camera would send one: drawn by the browser. */
const photo = async (page) => {
  const data = await page.evaluate(() => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [2400, 1200];
    canvas.getContext('2d').fillRect(100, 100, 900, 500);
    return canvas.toDataURL('image/png').split(',')[1];
  });
  return { name: 'bearing.png', mimeType: 'image/png', buffer: Buffer.from(data, 'base64') };
};

const WORDS = {
  'zh-CN': { done: '已完成', planned: '已计划', finding: '滤网堵塞，已清洗' },
  en: { done: 'Done', planned: 'Planned', finding: 'Filter blocked, cleaned' },
};
const EVIL = '<img src=x onerror="window.stolen=1"> =HYPERLINK("http://example.com")';

for (const lang of ['zh-CN', 'en']) {
  test(`from an alarm to a work order that is closed, and back to the alarm: ${lang}`, { skip: without }, async () => {
    const words = WORDS[lang];
    const machine = `pump-${lang}`;
    const page = await open(browser, { locale: lang, ...(lang === 'en' ? { colorScheme: 'dark' } : {}) });
    says(machine, { temp: 20 });
    await until('the machine', () => platform.get(`/api/v1/machines/hall/${machine}`));
    await platform.send('POST', '/api/v1/alarm-definitions', { define: [{ machine: `hall/${machine}`, point: 'temp', condition: 'high', limit: 80 }] });
    says(machine, { temp: 95 });
    await page.goto(`${platform.url}/#/alarms?machine=hall/${machine}`);
    const row = page.locator(`[data-testid="alarm-row"][data-machine="hall/${machine}"]`);
    await row.locator('.c-message a').click({ timeout: 10_000 });
    const evidence = page.getByTestId('evidence');
    await evidence.getByTestId('past').waitFor();
    await page.keyboard.press('a');
    await page.getByTestId('evidence-ack').waitFor({ state: 'detached' });

    // The alarm calls for work; the order opens on its own page, whose link is its own.
    await page.getByTestId('evidence-work-order').click();
    assert.match(await page.getByTestId('order-title').inputValue(), new RegExp(machine));
    await page.getByTestId('order-assignee').fill('B');
    await page.getByTestId('order-planned').fill('2030-01-02T08:00');
    assert.deepEqual(await faults(page), []);
    await page.getByTestId('order-open').click();
    await page.waitForURL(/#\/orders\/\d+$/);
    const order = page.getByTestId('work-order');
    await order.getByText(words.planned).first().waitFor();
    const number = Number(/\d+$/.exec(page.url())[0]);
    const stored = () => platform.get(`/api/v1/work-orders/${number}`);
    assert.equal((await stored()).planned_for, '2030-01-02T00:00:00Z', 'eight o’clock in the plant');

    // Nothing is closed without a finding. Then: what was found, a part, the hours, a photo.
    assert.ok(await page.getByTestId('order-to-done').isDisabled());
    await page.getByTestId('order-finding').fill(`${words.finding}\n${EVIL}`);
    await page.getByTestId('part-add').click();
    await page.getByTestId('part-name').fill('F7');
    await page.getByTestId('order-hours').fill('1.5');
    await page.getByTestId('photo-input').setInputFiles(await photo(page));
    await page.getByTestId('photo-sent').waitFor();
    await page.getByTestId('photo-input').setInputFiles({ name: 'x.svg', mimeType: 'image/svg+xml', buffer: Buffer.from('not a picture') });
    await order.getByRole('alert').waitFor();
    assert.deepEqual(await faults(page), []);
    await page.screenshot({ path: join(artefacts, `work-order-${lang}.png`), fullPage: true });
    await page.getByTestId('order-to-done').click();
    await page.locator('[data-testid=work-order][data-state=done]').waitFor();
    const picture = page.getByTestId('photo');
    await until('the photo', () => picture.evaluate((i) => i.complete && i.naturalWidth));
    assert.equal(await picture.evaluate((i) => i.naturalWidth), 1600, 'made smaller before it was sent');
    const done = await stored();
    assert.deepEqual([done.state, done.labour_min, done.parts], ['done', 90, [{ name: 'F7', quantity: 1 }]]);
    assert.deepEqual(done.steps.map((s) => s.state), ['planned', 'done']);
    assert.deepEqual(await faults(page), []);

    // The alarm goes and comes again: its page says what was found the last time, and when that was.
    says(machine, { temp: 20 });
    const { alarms: [alarm] } = await platform.get(`/api/v1/alarms?state=all&machine=hall%2F${machine}`);
    const state = async () => (await platform.get(`/api/v1/alarms/${alarm.id}`)).state;
    await until('that it is gone', async () => (await state()) === 'normal');
    says(machine, { temp: 96 });
    await until('that it is there again', async () => (await state()) === 'unacknowledged');
    await page.goto(`${platform.url}/#/alarms/${alarm.id}`);
    await evidence.getByTestId('past-found').getByText(words.finding, { exact: false }).waitFor();
    await evidence.getByTestId('past-occurrences').getByRole('link', { name: `#${number}` }).waitFor();
    await page.screenshot({ path: join(artefacts, `alarm-past-${lang}.png`), fullPage: true });
    assert.deepEqual(await faults(page), []);

    // The list, and the machine's page with its notes.
    await page.keyboard.press('g');
    await page.keyboard.press('w');
    await page.getByTestId('work-done').click();
    await page.locator(`[data-testid=work-row][data-number="${number}"]`).getByText('F7').waitFor({ state: 'detached' });
    await page.goto(`${platform.url}/#/machine/hall/${machine}`);
    await page.getByTestId('order-brief').getByText(words.done).waitFor();
    await page.getByTestId('note-text').fill(EVIL);
    await page.getByTestId('note-add').click();
    await page.getByTestId('note').getByText(EVIL).waitFor();
    assert.deepEqual(await faults(page), []);
    await page.getByTestId('note-withdraw').click();
    await page.getByTestId('note-withdraw-yes').click();
    await page.getByTestId('note').waitFor({ state: 'detached' });
    assert.equal(await page.evaluate(() => globalThis.stolen), undefined);

    // The journal as spreadsheets.
    await page.goto(`${platform.url}/#/alarms?tab=history&machine=hall/${machine}`);
    for (const format of ['csv', 'xlsx']) {
      const [download] = await Promise.all([page.waitForEvent('download'), page.getByTestId(`journal-${format}`).click()]);
      const bytes = readFileSync(await download.path());
      if (format === 'xlsx') assert.equal(bytes.subarray(0, 2).toString(), 'PK');
      else assert.deepEqual(bytes.toString().trim().split('\r\n').slice(1).map((l) => l.split(',')[5]), ['raised', 'acknowledged', 'cleared', 'raised']);
    }
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });
}

test('two who change the same order: the second is told, and nothing is lost', { skip: without }, async () => {
  says('mill', { temp: 20 });
  await until('the machine', () => platform.get('/api/v1/machines/hall/mill'));
  const order = await platform.send('POST', '/api/v1/machines/hall/mill/work-orders', { title: 'look at it' });
  const page = await open(browser, { locale: 'en' });
  await page.goto(`${platform.url}/#/orders/${order.number}`);
  await page.getByTestId('order-finding').fill('a long text that nobody wants to type again');
  await platform.send('PUT', `/api/v1/machines/hall/mill/work-orders/${order.number}`, { revision: 1, title: 'look at it', state: 'planned', by: 'somebody' });
  await page.getByTestId('order-to-done').click();
  await page.getByTestId('overtaken').getByText('somebody has changed', { exact: false }).waitFor();
  const typed = page.getByTestId('order-finding');
  assert.equal(await typed.inputValue(), 'a long text that nobody wants to type again');
  await page.getByTestId('keep-mine').click();
  await page.getByTestId('order-to-done').click();
  await page.locator('[data-testid=work-order][data-state=done]').waitFor();
  const stored = await platform.get(`/api/v1/work-orders/${order.number}`);
  assert.deepEqual([stored.revision, stored.finding], [3, 'a long text that nobody wants to type again']);
  await page.context().close();
});
