// Every page of the demo plant, with something in it: as a desk shows it, as a phone does, and at 400 % zoom (1280 × 1024
// leaves 320 × 256, WCAG 1.4.10); in both themes and both languages; over plain HTTP under a name that is not localhost, as in a plant's
// network. No fault that axe knows, nothing wider than the window, no complaint in the console.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Platform, artefacts, root, until } from '../platform.mjs';
import { launch, open } from './chromium.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const without = !existsSync(process.env.CHROMIUM ?? '/usr/bin/chromium') && 'left out: no Chromium on this machine';
const NAME = 'plant.example';
const PASSWORD = 'correct horse battery';
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
/** Pages that only who is logged out, or has a link, is shown. */
const OUTSIDE = ['setup'];
let platform, browser, url, pages, storage;

before(async () => {
  if (without) return console.log(without);
  platform = await Platform.start('demo');
  browser = await launch(`--host-resolver-rules=MAP ${NAME} 127.0.0.1`);
  url = `http://${NAME}:${platform.http}`;
  const damaged = (a) => a.condition.endsWith('.outer_race');
  const alarm = await until('the damaged bearing', async () => (await platform.get('/api/v1/alarms?state=active')).alarms.find(damaged), 120);
  const { site, machine } = alarm.machine;
  const path = `/api/v1/machines/${encodeURIComponent(site)}/${encodeURIComponent(machine)}`;
  const order = await platform.send('POST', `${path}/work-orders`, { title: 'Replace the bearing', alarm: alarm.id, assignee: 'B' });
  await platform.send('POST', `${path}/notes`, { text: 'It can be heard.\nLouder in the morning.' });
  const other = await platform.send('POST', `${path}/work-orders`, { title: 'Clean the filter' });
  await platform.send('PUT', `${path}/work-orders/${other.number}`, { revision: 1, title: 'Clean the filter', state: 'done', finding: 'Blocked', parts: [{ name: 'F7', quantity: 2 }] });
  await platform.send('POST', '/api/v1/devices', { name: 'press-1', role: 'device', site });
  const at = [site, machine].map(encodeURIComponent).join('/');
  pages = {
    overview: '#/overview', start: '#/start', started: '#/start?device=press-1', alarms: '#/alarms', alarm: `#/alarms/${alarm.id}`, history: '#/alarms?tab=history',
    performance: '#/alarms/performance', work: '#/orders?state=all', order: `#/orders/${order.number}`, done: `#/orders/${other.number}`,
    machine: `#/machine/${at}`, vibration: `#/vibration/${at}/${alarm.point.split('/').map(encodeURIComponent).join('/')}`,
    trend: `#/trend?tags=${encodeURIComponent([`${site}/${machine}/${alarm.point}`].map(encodeURIComponent) + '~velocity_rms')}`, compare: '#/trend',
    connections: '#/connections', quarantine: '#/connections/quarantine', discovery: '#/connections/discovery', ledger: '#/connections/ledger',
    rules: '#/rules', devices: '#/devices', device: '#/devices/press-1', store: '#/store', account: '#/account',
    users: '#/admin', sessions: '#/admin/sessions', tokens: '#/admin/tokens', notifications: '#/admin/notifications', audit: '#/admin/audit', nowhere: '#/nowhere',
  };
  // Only with an administrator is the page served under another name.
  const page = await open(browser, { locale: 'en' });
  const link = await until('the link', () => platform.words.match(/#\/setup\?code=[0-9a-f]{32}/)?.[0]);
  await page.goto(`${platform.url}/${link}`);
  await page.locator('#setup-name').fill('lin');
  await page.locator('#new-password').fill(PASSWORD);
  await page.locator('#new-password-again').fill(PASSWORD);
  await page.locator('#new-password-again').press('Enter');
  await page.getByTestId('whoami').waitFor();
  await page.context().close();
  const again = await open(browser, { locale: 'en' });
  await again.goto(url);
  await again.locator('#login-name').fill('lin');
  await again.locator('#login-password').fill(PASSWORD);
  await again.locator('#login-password').press('Enter');
  await again.getByTestId('whoami').waitFor();
  storage = await again.context().storageState();
  await again.context().close();
});

after(async () => {
  await browser?.close();
  await platform?.stop();
});

test('no page of the page is left out here', () => {
  const routes = new Set([...readFileSync(join(root, 'web/ui/src/app.tsx'), 'utf8').matchAll(/page === "(\w+)"/g)].map((m) => m[1]));
  const looked = new Set(without ? routes : Object.values(pages).map((hash) => /^#\/(\w+)/.exec(hash)[1]));
  assert.deepEqual([...routes].filter((r) => !looked.has(r) && !OUTSIDE.includes(r)), []);
});

const SHAPES = {
  desk: { viewport: { width: 1440, height: 900 } },
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 },
  zoom: { viewport: { width: 320, height: 256 }, deviceScaleFactor: 4 },
};
// Each shape in both themes, each theme in both languages.
const LOOKS = [['desk', 'light', 'zh-CN'], ['desk', 'dark', 'en'], ['phone', 'light', 'en'], ['phone', 'dark', 'zh-CN'], ['zoom', 'light', 'zh-CN'], ['zoom', 'dark', 'en']];

for (const [shape, colorScheme, locale] of LOOKS) {
  test(`every page: ${shape}, ${colorScheme}, ${locale}`, { skip: without }, async () => {
    const page = await open(browser, { ...SHAPES[shape], colorScheme, locale, storageState: storage });
    const found = [];
    for (const [name, hash] of Object.entries(pages)) {
      await page.goto('about:blank');
      await page.goto(`${url}/${hash}`);
      await page.locator('.fresh, .stale, .state.problem, .state.empty').first().waitFor();
      await page.waitForFunction(() => !document.querySelector('.state.loading'));
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (wide > 0) found.push(`${name}: ${wide} px wider than the window`);
      if (await page.locator('.state.problem').count()) found.push(`${name}: ${await page.locator('.state.problem').first().innerText()}`);
      await page.evaluate(axe);
      const { violations } = await page.evaluate((runOnly) => globalThis.axe.run({ runOnly }), TAGS);
      found.push(...violations.map((v) => `${name}: ${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`));
    }
    await page.screenshot({ path: join(artefacts, `everywhere-${shape}-${colorScheme}.png`) });
    assert.deepEqual(found, []);
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });
}
