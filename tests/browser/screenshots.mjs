// Every page of the demo plant as a picture, in both languages, light and dark, on a desk and on a phone; and the two
// pictures of the README with --readme.

import { join } from 'node:path';
import { Platform, artefacts, root, until } from '../platform.mjs';
import { launch, open } from './chromium.mjs';

const platform = await Platform.start('demo');
const browser = await launch();
try {
  const alarms = () => platform.get('/api/v1/alarms?state=active').then((a) => a.alarms);
  const outer = await until('the outer race fault', async () => (await alarms()).find((a) => a.condition.endsWith('outer_race')), 150);
  await until('the silent gateway', async () => (await alarms()).some((a) => a.condition === 'offline'), 150);
  await until('the loose sensor', async () => (await alarms()).some((a) => a.condition === 'sensor'), 150);
  const at = `${outer.machine.site}/${outer.machine.machine}`;
  const pages = {
    overview: '#/overview',
    machine: `#/machine/${at}`,
    vibration: `#/vibration/${at}/${outer.point.split('/').at(-1)}?wf=${outer.evidence.waveform}`,
    alarms: `#/alarms/${outer.id}`,
    connections: '#/connections',
    quarantine: '#/connections/quarantine',
    discovery: '#/connections/discovery',
    ledger: '#/connections/ledger',
    store: '#/store',
    rules: '#/rules',
    devices: '#/devices',
  };
  const take = async (name, hash, options, path) => {
    const page = await open(browser, options);
    await page.goto(`${platform.url}/${hash}`);
    await page.waitForSelector('main h1, main h2', { state: 'attached' });
    await until(`${name} to have loaded`, () => page.locator('[aria-busy="true"]').count().then((n) => n === 0));
    // Charts draw on the frame after their data.
    await page.evaluate(() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r))));
    await page.screenshot({ path });
    if (page.complaints.length) console.log(name, page.complaints);
    await page.context().close();
  };
  if (process.argv.includes('--readme')) {
    const options = { locale: 'en', colorScheme: 'light', viewport: { width: 1280, height: 800 } };
    for (const name of ['overview', 'vibration']) await take(name, pages[name], options, join(root, 'docs', `${name}.png`));
  } else {
    for (const [name, hash] of Object.entries(pages)) {
      for (const locale of ['zh-CN', 'en']) {
        for (const colorScheme of ['light', 'dark']) {
          await take(name, hash, { locale, colorScheme }, join(artefacts, `demo-${name}-${locale}-${colorScheme}.png`));
        }
        const phone = { locale, viewport: { width: 390, height: 844 } };
        await take(name, hash, phone, join(artefacts, `demo-${name}-${locale}-phone.png`));
      }
    }
  }
} finally {
  await browser.close();
  await platform.stop();
}
