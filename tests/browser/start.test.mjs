// First run: an empty plant, an administrator, and a first value by the line that the page shows.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Platform, artefacts, until } from '../platform.mjs';
import { launch, open } from './chromium.mjs';

const without = (!existsSync(process.env.CHROMIUM ?? '/usr/bin/chromium') && 'left out: no Chromium on this machine')
  || (spawnSync('mosquitto_pub', ['--help']).error && 'left out: mosquitto_pub is not installed (Debian: mosquitto-clients)');

for (const locale of ['zh-CN', 'en']) {
  test(`from nothing to a first value: ${locale}`, { skip: without }, async () => {
    const platform = await Platform.start('run', []);
    const browser = await launch();
    try {
      const page = await open(browser, { locale });
      await page.goto(platform.url);
      await page.getByTestId('to-start').click();
      await page.locator('[data-testid=start-who][data-done=false]').waitFor();
      const link = await until('the link', () => platform.words.match(/#\/setup\?code=[0-9a-f]{32}/)?.[0]);
      await page.goto(`${platform.url}/${link}`);
      await page.locator('#setup-name').fill('lin');
      await page.locator('#new-password').fill('correct horse battery');
      await page.locator('#new-password-again').fill('correct horse battery');
      await page.locator('#new-password-again').press('Enter');
      await page.getByTestId('to-start').click();
      await page.locator('[data-testid=start-who][data-done=true]').waitFor();
      await page.screenshot({ path: join(artefacts, `start-${locale}.png`), fullPage: true });
      await page.getByTestId('start-name').fill('press-1');
      await page.getByTestId('start-site').fill('hall');
      await page.getByTestId('start-create').click();
      const line = await page.getByTestId('config-mosquitto').inputValue();
      await page.locator('[data-testid=check-tcp][data-state=waiting]').waitFor();
      execFileSync('sh', ['-c', line]);
      // Nobody has told the plant of this machine: it is taken in here, and what it said is not lost.
      await page.getByTestId('check-adopt').click();
      await page.getByTestId('arrived').waitFor();
      await page.screenshot({ path: join(artefacts, `started-${locale}.png`), fullPage: true });
      await page.getByTestId('arrived').getByRole('link').click();
      await page.getByTestId('point-row').getByText('61.2').waitFor();
      assert.deepEqual(page.complaints, []);
    } finally {
      await browser.close();
      await platform.stop();
    }
  });
}
