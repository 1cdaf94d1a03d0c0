// Series one under the other: chosen, read, a stretch of them selected, zoomed into, saved, and the same again by its link.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Platform, artefacts, until } from '../platform.mjs';
import { launch, open } from './chromium.mjs';

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

const says = (machine, ts, values) => {
  const args = ['-h', '127.0.0.1', '-p', String(platform.mqtt), '-q', '1', '-t', `danxia/v1/hall/${machine}/telemetry`];
  const { status, stderr } = spawnSync('mosquitto_pub', [...args, '-m', JSON.stringify({ ts, values })]);
  assert.equal(status, 0, String(stderr));
};

for (const locale of ['zh-CN', 'en']) {
  test(`two series are compared: ${locale}`, { skip: without }, async () => {
    const [fan, pump] = [`fan-${locale}`, `pump-${locale}`];
    const now = Date.now();
    // Ten minutes, a value a minute; the fan too hot in the middle of them.
    says(fan, now - 660_000, { temp: 50 });
    await until('the machine', () => platform.get(`/api/v1/machines/hall/${fan}`));
    await platform.send('POST', '/api/v1/alarm-definitions', { define: [{ machine: `hall/${fan}`, point: 'temp', condition: 'high', limit: 80 }] });
    for (let i = 0; i < 10; i++) {
      says(fan, now - 600_000 + i * 60_000, { temp: i === 5 ? 95 : 50 + i });
      says(pump, now - 600_000 + i * 60_000, { flow: 10 * i });
    }
    const page = await open(browser, { locale });
    await page.goto(`${platform.url}/#/overview`);
    await page.getByTestId('tile').first().waitFor();
    await page.keyboard.press('g');
    await page.keyboard.press('t');
    for (const [machine, point] of [[fan, 'temp'], [pump, 'flow']]) {
      await page.locator('#compare-machine').selectOption(`hall/${machine}`);
      await page.locator('#compare-point option', { hasText: point }).waitFor({ state: 'attached' });
      await page.locator('#compare-point').selectOption({ label: point });
      await page.locator(`[data-testid=compare-chart][data-tag$="${machine}%2F${point}"] canvas`).waitFor();
    }
    const rows = page.getByTestId('compare-row');
    const cells = async (i) => (await rows.nth(i).locator('td').allTextContents()).slice(0, 10);
    // 50, then 50 to 59 with 95 for 55.
    await until('the statistics of both', async () => (await rows.count()) === 2 && (await cells(0))[8] === '11');
    const [fanMean, , fanMin, fanMax] = await cells(0);
    assert.deepEqual([fanMean, fanMin, fanMax], [((50 + 545 + 40) / 11).toFixed(2), '50', '95']);
    assert.deepEqual((await cells(1)).slice(2, 4).concat((await cells(1))[8]), ['0', '90', '10']);
    await page.screenshot({ path: join(artefacts, `compare-${locale}.png`), fullPage: true });

    // A drag over one chart selects for all.
    const box = await page.getByTestId('trend-chart').first().locator('.u-over').boundingBox();
    await page.mouse.move(box.x + box.width * 0.5, box.y + 40);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.9, box.y + 50, { steps: 5 });
    await page.mouse.up();
    await page.getByTestId('compare-selected').waitFor();
    await page.getByTestId('compare-zoom').click();
    const [from, to] = await page.evaluate(() => [...new URLSearchParams(location.hash.split('?')[1])].filter(([k]) => k === 'from' || k === 'to').map(([, v]) => Number(v)));
    assert.ok(to - from > 1_000_000 && to - from < 2_000_000, `four tenths of an hour: ${to - from} ms`);

    // The link shows the same; a file holds what is shown.
    await page.reload();
    await until('both again', async () => (await rows.count()) === 2);
    const [download] = await Promise.all([page.waitForEvent('download'), rows.first().getByRole('link', { name: 'CSV' }).click()]);
    const text = readFileSync(await download.path(), 'utf8');
    assert.ok(text.startsWith('time_ns,site,machine,point,value,quality') && text.includes(`,hall,${fan},temp,`), text.slice(0, 200));
    await page.getByTestId('compare-remove').first().click();
    await until('one', async () => (await page.getByTestId('compare-chart').count()) === 1);
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });
}
