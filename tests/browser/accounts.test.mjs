// From a first start to somebody who may only look: set-up, log-in, an account, what is denied, and the audit log.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Platform, artefacts, until } from '../platform.mjs';
import { launch, open } from './chromium.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const without = !existsSync(process.env.CHROMIUM ?? '/usr/bin/chromium') && 'left out: no Chromium on this machine';
const PASSWORD = 'correct horse battery';
let platform, browser, page, url;

before(async () => {
  if (without) return console.log(without);
  platform = await Platform.start('run', []);
  // A page that is served from elsewhere while it is worked on.
  url = process.env.DANXIA_PAGE ?? platform.url;
  browser = await launch();
  page = await open(browser, { locale: 'en' });
});

after(async () => {
  await browser?.close();
  await platform?.stop();
});

async function accessible(name) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }));
  assert.deepEqual(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`), [], name);
  await page.screenshot({ path: join(artefacts, `accounts-${name}.png`), fullPage: true });
}

async function logIn(name, password) {
  await page.locator('#login-name').fill(name);
  await page.locator('#login-password').fill(password);
  await page.locator('#login-password').press('Enter');
}

test('the set-up link makes the first administrator', { skip: without }, async () => {
  const link = await until('the link', () => platform.words.match(/#\/setup\?code=[0-9a-f]{32}/)?.[0]);
  await page.goto(`${url}/${link}`);
  await page.locator('#setup-name').waitFor();
  await accessible('setup');
  await page.locator('#setup-name').fill('林');
  await page.locator('#new-password').fill(PASSWORD);
  await page.locator('#new-password-again').fill(PASSWORD);
  await page.locator('#new-password-again').press('Enter');
  await page.getByTestId('whoami').getByText('林').waitFor();
  assert.equal(await page.evaluate(() => location.hash), '#/overview', 'the code does not stay in the address');
});

test('an account is made, logs in at the address that was asked for, and is told what it may not', { skip: without }, async () => {
  await page.goto(`${url}/#/admin`);
  await page.getByTestId('user-row').waitFor();
  await accessible('users');
  await page.getByTestId('add-user').press('Enter');
  await page.locator('#user-name').fill('wang');
  await page.locator('#access-role').selectOption('viewer');
  await accessible('add-user');
  await page.getByTestId('save-user').click();
  const password = await page.getByTestId('password').inputValue();
  for (const tab of ['sessions', 'tokens', 'audit']) {
    await page.getByTestId(`tab-${tab}`).click();
    await page.locator('h1').waitFor();
    if (tab === 'audit') await page.locator('[data-action="user.add"]').waitFor();
    await accessible(tab);
  }
  await page.getByTestId('log-out').click();
  await page.locator('#login-name').waitFor();
  assert.equal(await page.evaluate(() => location.hash), '#/admin/audit');
  await accessible('login');
  page.complaints.length = 0;
  await logIn('wang', 'not the password');
  await page.getByRole('alert').waitFor();
  await page.goto(`${url}/#/devices`);
  await logIn('wang', password);
  await page.getByTestId('barred').waitFor();
  await accessible('denied');
  await page.goto(`${url}/#/rules`);
  await page.getByTestId('barred').waitFor();
  assert.equal(await page.getByTestId('rules-save').count(), 0, 'what may not be done is not offered');
  await page.goto(`${url}/#/account`);
  await page.getByTestId('session-row').waitFor();
  await accessible('account');
  assert.equal(await page.getByTestId('nav-admin').count(), 0);
  // What the browser says of answers that are 401 and 403 is no complaint of ours.
  assert.deepEqual(page.complaints.filter((c) => !/40[13]/.test(c)), []);
});

test('a session that is ended elsewhere shows the log-in', { skip: without }, async () => {
  const login = await fetch(`${platform.url}/api/v1/login`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ name: '林', password: PASSWORD }),
  });
  const cookie = login.headers.get('set-cookie').split(';')[0];
  const end = await fetch(`${platform.url}/api/v1/users/wang/end-sessions`, { method: 'POST', headers: { 'content-type': 'application/json', cookie }, body: '{}' });
  assert.equal(end.status, 200);
  await page.locator('#login-name').waitFor();
});
