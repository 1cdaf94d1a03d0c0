// A device from "add" to its first value, as somebody does it who has the page and a shell: also under a name that is no
// secure context, where browsers offer no clipboard.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Platform, artefacts } from '../platform.mjs';
import { launch, open } from './chromium.mjs';

const without = (!existsSync(process.env.CHROMIUM ?? '/usr/bin/chromium') && 'left out: no Chromium on this machine')
  || (spawnSync('mosquitto_pub', ['--help']).error && 'left out: mosquitto_pub is not installed (Debian: mosquitto-clients)');
let platform, browser;

before(async () => {
  if (without) return console.log(without);
  platform = await Platform.start('run', ['--adopt']);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await platform?.stop();
});

const state = (page, step) => page.getByTestId(`check-${step}`);
const reaches = (page, step, wanted) => page.locator(`[data-testid="check-${step}"][data-state="${wanted}"]`).waitFor({ timeout: 20_000 });

for (const lang of ['zh-CN', 'en']) {
  test(`a device is added, its line is copied into a shell, and its first value arrives: ${lang}`, { skip: without }, async () => {
    const page = await open(browser, { locale: lang, ...(lang === 'en' ? { viewport: { width: 390, height: 844 }, colorScheme: 'dark' } : {}) });
    // What a page has on plain HTTP under another name than localhost: no clipboard.
    await page.addInitScript(() => {
      Object.defineProperty(globalThis, 'isSecureContext', { value: false });
      Object.defineProperty(navigator, 'clipboard', { value: undefined });
    });
    const name = `press-${lang}`;
    await page.goto(`${platform.url}/#/connections`);
    await page.getByTestId('to-devices').click();
    // By keyboard alone.
    await page.getByTestId('add-device').press('Enter');
    await page.locator('#device-name').fill(name);
    await page.locator('#device-site').fill('hall');
    await page.getByTestId('patterns').getByText(`danxia/v1/hall/${name}/#`, { exact: true }).waitFor();
    await page.locator('#device-site').press('Enter');

    const password = await page.getByTestId('password').inputValue();
    assert.match(password, /^[2-9a-z]{4}(-[2-9a-z]{4}){4}$/);
    await reaches(page, 'tcp', 'waiting');
    const box = page.getByTestId('config-mosquitto');
    const line = await box.inputValue();
    assert.ok(line.includes(password), 'the line is ready to paste');
    await page.locator('.copyable', { has: box }).getByRole('button').click();
    assert.equal(await page.evaluate(() => getSelection().toString() || document.activeElement.value.slice(document.activeElement.selectionStart, document.activeElement.selectionEnd)), line, 'it is selected, clipboard or not');
    await page.screenshot({ path: join(artefacts, `device-added-${lang}.png`), fullPage: true });

    // The wrong password first, then nonsense, then the line as it was copied.
    spawnSync('sh', ['-c', line.replace(password, 'not-this-password')]);
    await reaches(page, 'identity', 'failed');
    execFileSync('sh', ['-c', line.replace('{"values"', '{values')]);
    await reaches(page, 'parse', 'failed');
    await state(page, 'parse').locator('pre').getByText('{values').waitFor();
    await page.screenshot({ path: join(artefacts, `device-failed-${lang}.png`), fullPage: true });
    execFileSync('sh', ['-c', line]);
    await reaches(page, 'value', 'ok');
    await state(page, 'value').getByText(`hall/${name}/bearing_temp = 61.2`).waitFor();

    // Reloaded, the password is gone for good.
    await page.reload();
    await box.waitFor();
    assert.ok((await box.inputValue()).includes('PASSWORD'));
    assert.equal(await page.getByTestId('password').count(), 0);

    await page.getByTestId('revoke').click();
    await page.getByTestId('confirm').waitFor();
    await page.keyboard.press('Escape');
    // Escape changes nothing; the browser tells of the closing a moment later.
    await page.getByTestId('confirm').waitFor({ state: 'detached' });
    assert.equal(await page.getByTestId('revoke').count(), 1);
    await page.getByTestId('revoke').click();
    await page.getByTestId('confirm-yes').click();
    await page.getByTestId('enable').waitFor();
    const refused = spawnSync('sh', ['-c', line], { encoding: 'utf8' });
    assert.notEqual(refused.status, 0, 'whoever is revoked publishes nothing');
    assert.deepEqual(page.complaints, []);
  });
}

test('a gateway gets topics of its own: what is wrong stands beside the field, and a first message arrives by its line', { skip: without }, async () => {
  const page = await open(browser, { locale: 'en' });
  await page.goto(`${platform.url}/#/devices?new=1`);
  await page.locator('#device-name').fill('gw-7');
  await page.locator('#device-site').fill('hall');
  await page.getByTestId('own').locator('summary').click();
  const publish = page.locator('#own-publish');
  await publish.fill('mill/{device}/#\ndanxia/#');
  await page.getByTestId('create').click();
  await page.getByTestId('own-publish-fault').getByText('Pattern danxia/#:').waitFor();
  assert.equal(await publish.getAttribute('aria-invalid'), 'true');
  await publish.fill('mill/{device}/#');
  await page.getByTestId('create').click();
  const may = page.getByTestId('patterns');
  await may.getByText('mill/gw-7/#', { exact: true }).waitFor();
  const line = await page.getByTestId('config-own').inputValue();
  assert.match(line, /-t mill\/gw-7\/1 -f message$/);
  execFileSync('sh', ['-c', line.replace(/-f message$/, `-m '{"temp":61.5}'`)]);
  await reaches(page, 'topic', 'failed');

  // Changed on its page: the other topic, and everything to read.
  await publish.fill('foundry/#');
  await page.locator('#own-subscribe').fill('$SYS/#');
  await page.getByTestId('own-save').click();
  await page.getByTestId('own-subscribe-fault').getByText('belongs to the broker').waitFor();
  await page.locator('#own-subscribe').fill('#');
  await page.getByTestId('own-save').click();
  await may.getByText('foundry/#', { exact: true }).waitFor();
  await may.getByText('#', { exact: true }).waitFor();
  assert.equal(await may.getByText('mill/gw-7/#', { exact: true }).count(), 0);
  assert.ok(await page.getByTestId('own-save').isDisabled(), 'there is nothing left to save');
  await page.reload();
  await publish.waitFor();
  assert.equal(await publish.inputValue(), 'foundry/#');
  // Two answers of 400 are what it is about; nothing else complains.
  assert.deepEqual(page.complaints.filter((c) => !c.includes('400')), []);
});
