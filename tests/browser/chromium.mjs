// A real Chromium.

import { chromium } from 'playwright-core';

/** `more`: further arguments. */
export function launch(...more) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', ...more],
  });
}

/** A page that remembers everything its console complained about. */
export async function open(browser, options) {
  return tab(await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'zh-CN', ...options }));
}

/** Such a page beside the others of `context`. */
export async function tab(context) {
  const page = await context.newPage();
  page.complaints = [];
  page.on('console', (m) => m.type() === 'error' && page.complaints.push(m.text()));
  page.on('pageerror', (e) => page.complaints.push(String(e)));
  return page;
}

/** Tabs that may be put to sleep: those of Playwright count as looked at whatever is done to them. Gives what opens one. */
export async function sleepers(browser) {
  const devtools = await browser.newBrowserCDPSession();
  const { browserContextId } = await devtools.send('Target.createBrowserContext');
  const waiting = new Map();
  devtools.on('Target.receivedMessageFromTarget', ({ message }) => {
    const { id, result, error } = JSON.parse(message);
    const [done, failed] = waiting.get(id) ?? [];
    waiting.delete(id);
    if (error) failed?.(new Error(error.message));
    else done?.(result);
  });
  let last = 0;
  const open = async (url) => {
    const { targetId } = await devtools.send('Target.createTarget', { url, browserContextId });
    const { sessionId } = await devtools.send('Target.attachToTarget', { targetId, flatten: false });
    const send = (method, params = {}) => new Promise((done, failed) => {
      waiting.set(++last, [done, failed]);
      devtools.send('Target.sendMessageToTarget', { sessionId, message: JSON.stringify({ id: last, method, params }) }).catch(failed);
    });
    return {
      evaluate: async (expression) => (await send('Runtime.evaluate', { expression, returnByValue: true })).result.value,
      sleep: () => send('Page.setWebLifecycleState', { state: 'frozen' }),
      wake: async () => {
        await send('Page.setWebLifecycleState', { state: 'active' });
        await send('Page.bringToFront');
      },
    };
  };
  return { open, close: () => devtools.send('Target.disposeBrowserContext', { browserContextId }) };
}
