// People log in at a provider that is not ours, and do not where they must not.

import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { danxia, freePort, Platform } from '../platform.mjs';
import { Browser } from './browser.mjs';
import { CLIENT, key, Login, SECRET } from './provider.mjs';

const PASSWORD = 'correct horse battery';
const BACK = '/api/v1/sign-in/callback';
const PEOPLE = {
  17: { preferred_username: '赵', groups: ['mill-operators', 'everybody'] },
  18: { preferred_username: 'qian', groups: ['danxia-admins'] },
  19: { preferred_username: 'sun', groups: ['canteen'] },
  20: { preferred_username: 'LIN', groups: ['danxia-admins'] },
};

let login, platform, home, tls;

before(async () => {
  const port = await freePort();
  tls = await freePort();
  platform = await Platform.start('run', (p) => {
    home = p.url;
    execFileSync(danxia, ['user', 'add', 'lin', '--role', 'administrator', '--password-stdin', '--data', p.data], { input: `${PASSWORD}\n`, stdio: ['pipe', 'ignore', 'ignore'] });
    const secret = join(p.dir, 'oidc.secret');
    writeFileSync(secret, `${SECRET}\n`, { mode: 0o600 });
    p.config = join(p.dir, 'danxia.toml');
    p.settings = (url) => `[http]
tls_listen = "127.0.0.1:${tls}"
[http.oidc]
issuer = "http://127.0.0.1:${port}"
client_id = "${CLIENT}"
client_secret_file = "${secret}"
scopes = ["profile", "groups"]
public_url = "${url}"
title = "Plant"
[[http.oidc.grant]]
value = "mill-operators"
role = "operator"
areas = ["s/mill"]
[[http.oidc.grant]]
value = "danxia-admins"
role = "administrator"
`;
    writeFileSync(p.config, p.settings(home));
    return ['--config', p.config];
  });
  login = await new Login({ port, people: structuredClone(PEOPLE), redirects: [home + BACK, `https://localhost:${tls}${BACK}`] }).start();
});

after(async () => {
  await platform?.stop();
  await login?.stop();
});

beforeEach(() => {
  Object.assign(login, { twist: undefined, deny: false, people: structuredClone(PEOPLE) });
});

/** Logs `who` in at the provider; the browser, and where it ended. */
async function logIn(who, { to = '', browser = new Browser(), at = home } = {}) {
  login.who = who;
  const way = await browser.follow(`${at}/api/v1/sign-in${to && `?to=${encodeURIComponent(to)}`}`);
  return { browser, way, end: way.at(-1).url };
}

const me = async (browser, at = home) => JSON.parse((await browser.ask(`${at}/api/v1/me`)).text);

/** The newest entries of the audit log, as an administrator sees them. */
async function audit(n) {
  const admin = new Browser();
  await admin.ask(`${home}/api/v1/login`, { method: 'POST', body: { name: 'lin', password: PASSWORD } });
  const { entries } = JSON.parse((await admin.ask(`${home}/api/v1/audit`)).text);
  return entries.filter((e) => e.who !== 'lin').slice(0, n).map((e) => [e.who, e.action, e.subject, e.outcome].join(' '));
}

async function refused(who, why, options) {
  const { browser, end } = await logIn(who, options);
  assert.equal(end, `${home}/#/sign-in?why=${why}`);
  assert.equal((await me(browser)).how, 'nobody');
  return browser;
}

test('somebody is let in with the role of their group, and comes back to where they were', async () => {
  const { browser, way, end } = await logIn('17', { to: '/machine/s/三?from=1'.replace('三', encodeURIComponent('三')) });
  assert.equal(end, `${home}/#/machine/s/%E4%B8%89?from=1`);
  const sent = new URL(way[0].headers.location);
  assert.equal(sent.origin, login.issuer);
  for (const name of ['state', 'nonce', 'code_challenge']) assert.match(sent.searchParams.get(name), /^[\w-]{43}$/);
  assert.equal(sent.searchParams.get('code_challenge_method'), 'S256');
  const set = way.at(-2).set.join('\n');
  assert.match(set, /^danxia_session=[0-9a-f]{64}; Path=\/; HttpOnly; SameSite=Lax/m);
  assert.match(set, /^danxia_sign_in=; .*Max-Age=0/m);
  const who = await me(browser);
  assert.deepEqual([who.how, who.name, who.role, who.areas, who.password, who.provider], ['session', '赵', 'operator', ['s/mill'], false, 'Plant']);
  assert.deepEqual(await audit(2), [`赵 login.provider 赵 ok`, `${login.issuer} user.add 赵 ok`]);
});

test('what the provider says holds from the next log-in on, and who has no role any more is out', async () => {
  const first = await logIn('17');
  login.people[17].groups = ['danxia-admins'];
  const second = await logIn('17');
  assert.equal((await me(second.browser)).role, 'administrator');
  assert.equal((await me(first.browser)).role, 'administrator', 'it is one account');
  login.people[17].groups = [];
  await refused('17', 'no_role');
  assert.equal((await me(first.browser)).how, 'nobody', 'sessions of before have ended');
  assert.equal((await me(second.browser)).how, 'nobody');
  await refused('19', 'no_role');
});

test('nobody takes over an account by what they are called, nor by a password', async () => {
  await refused('20', 'name_taken');
  login.people[17].preferred_username = 'lin';
  const { browser } = await logIn('17');
  assert.equal((await me(browser)).name, '赵', 'somebody is whom the provider means, not what they are called');
  for (const password of ['', PASSWORD]) {
    const tried = await new Browser().ask(`${home}/api/v1/login`, { method: 'POST', body: { name: '赵', password } });
    assert.equal(tried.status, 401);
  }
  login.people[17].preferred_username = 'a/b';
  login.people[21] = { preferred_username: 'a/b', groups: ['danxia-admins'] };
  await refused('21', 'no_name');
});

test('a session is a new one, and the one before it ends', async () => {
  const browser = new Browser();
  browser.cookies(home).set('danxia_session', 'a'.repeat(64));
  await logIn('17', { browser });
  const first = browser.cookies(home).get('danxia_session');
  assert.notEqual(first, 'a'.repeat(64));
  await logIn('17', { browser });
  const old = new Browser();
  old.cookies(home).set('danxia_session', first);
  assert.equal((await me(old)).how, 'nobody');
  assert.equal((await me(browser)).how, 'session');
});

test('a return counts once, in the browser that left, with the state that it left with', async () => {
  const browser = new Browser();
  login.who = '17';
  const way = await browser.follow(`${home}/api/v1/sign-in`, (url) => url.startsWith(home + BACK));
  const back = way.at(-1).url;
  const held = browser.cookies(home).get('danxia_sign_in');
  const stranger = await new Browser().ask(back);
  assert.equal(stranger.headers.location, '/#/sign-in?why=again', 'in another browser');
  const other = new URL(back);
  other.searchParams.set('state', 'x'.repeat(43));
  assert.equal((await browser.ask(other.href)).headers.location, '/#/sign-in?why=again');
  browser.cookies(home).set('danxia_sign_in', held);
  const exchanges = login.exchanges;
  assert.equal((await browser.ask(back)).headers.location, '/#/');
  assert.equal(login.exchanges, exchanges + 1);
  browser.cookies(home).set('danxia_sign_in', held);
  browser.cookies(home).delete('danxia_session');
  assert.equal((await browser.ask(back)).headers.location, '/#/sign-in?why=again', 'once');
  assert.equal(login.exchanges, exchanges + 1, 'and the provider is not asked');
  assert.equal((await audit(1))[0], ' login.provider  again');
});

test('tokens that are for others, too old, of another log-in or of nobody are not believed', async () => {
  const now = Math.floor(Date.now() / 1000);
  for (const twist of [
    { claims: { aud: 'grafana' } },
    { claims: { aud: [CLIENT, 'grafana'] } },
    { claims: { iss: 'https://login.example' } },
    { claims: { exp: now - 61 } },
    { claims: { iat: now + 3600 } },
    { claims: { nonce: 'x'.repeat(43) } },
    { by: key('first') },
    { header: { kid: 'nobody' } },
    { header: { alg: 'none' } },
    { header: { alg: 'HS256' } },
  ]) {
    login.twist = twist;
    await refused('17', 'unbelieved');
  }
  // Signed anew, and otherwise as it was: what was refused was refused for what was changed.
  login.twist = { claims: { exp: now - 30 } };
  assert.equal((await logIn('17')).end, `${home}/#/`);
});

test('who does not agree at the provider is back at the log-in', async () => {
  login.deny = true;
  await refused('17', 'declined');
});

test('keys that the provider has changed are read again; other algorithms, and claims that only userinfo has', async () => {
  assert.equal((await logIn('17')).end, `${home}/#/`);
  for (const [keys, alg, inToken] of [
    [[key('second')], 'RS256', true],
    [[key('third', 'ES256')], 'ES256', false],
    [[key('fourth', 'PS256')], 'PS256', false],
  ]) {
    await login.stop();
    Object.assign(login, { keys, alg, inToken });
    await login.start();
    const { browser, end } = await logIn('17');
    assert.equal(end, `${home}/#/`, alg);
    assert.deepEqual((await me(browser)).areas, ['s/mill']);
  }
});

test('an account is withdrawn like others, and has no password', async () => {
  const { browser } = await logIn('17');
  const run = (...args) => {
    try {
      return execFileSync(danxia, ['user', ...args, '--data', platform.data], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    } catch (e) {
      return e.stderr;
    }
  };
  assert.match(run('list'), /赵\toperator\ts\/mill\tactive\tprovider/);
  assert.match(run('passwd', '赵'), /has no password here/);
  const admin = new Browser();
  await admin.ask(`${home}/api/v1/login`, { method: 'POST', body: { name: 'lin', password: PASSWORD } });
  const raised = await admin.ask(`${home}/api/v1/users/${encodeURIComponent('赵')}`, { method: 'POST', body: { role: 'administrator' } });
  assert.equal(raised.status, 409);
  run('disable', '赵');
  assert.equal((await me(browser)).how, 'nobody');
  await refused('17', 'disabled');
  run('enable', '赵');
  assert.equal((await logIn('17')).end, `${home}/#/`);
  const own = await (await logIn('17')).browser.ask(`${home}/api/v1/me/password`, { method: 'POST', body: { current: '', password: PASSWORD } });
  assert.equal(own.status, 409);
});

test('another name of this computer leads to the one that the provider knows', async () => {
  const { browser, way, end } = await logIn('17', { at: home.replace('127.0.0.1', 'localhost') });
  assert.equal(new URL(way[1].url).origin, home);
  assert.equal(end, `${home}/#/`);
  assert.equal((await me(browser)).how, 'session');
});

test('while the provider is away, people with a password log in, and doctor says it', async () => {
  // Beside the provider, which is served from here.
  const doctor = () =>
    new Promise((said) => {
      const args = ['doctor', '--config', platform.config, '--data', platform.data, '--http', home.slice(7)];
      execFile(danxia, args, { encoding: 'utf8' }, (_, out) => said(out));
    });
  assert.match(await doctor(), /ok {4}oidc .*answers, with 1 keys/);
  await login.stop();
  // What the provider said of itself is known: the browser is sent there, and is told by itself that nobody answers.
  const left = await new Browser().ask(`${home}/api/v1/sign-in`);
  assert.equal(left.status, 303);
  await platform.end();
  await platform.restart();
  const fresh = await new Browser().ask(`${home}/api/v1/sign-in`);
  assert.equal(fresh.headers.location, '/#/sign-in?why=away');
  const lin = new Browser();
  assert.equal((await lin.ask(`${home}/api/v1/login`, { method: 'POST', body: { name: 'lin', password: PASSWORD } })).status, 200);
  assert.match(await doctor(), /warn {2}oidc .*does not answer.*people with a password/s);
  await login.start();
});

test('over TLS the cookies are of the kind that never travels in the clear', async () => {
  const secure = `https://localhost:${tls}`;
  writeFileSync(platform.config, platform.settings(secure));
  await platform.end();
  await platform.restart();
  const browser = new Browser(readFileSync(join(platform.data, 'ca.crt')));
  const { way, end } = await logIn('18', { browser, at: secure });
  assert.equal(end, `${secure}/#/`);
  assert.match(way[0].set.join(), /^__Host-danxia_sign_in=.*; Path=\/; HttpOnly; SameSite=Lax; Max-Age=600; Secure$/);
  assert.match(way.at(-2).set.join('\n'), /^__Host-danxia_session=.*; Secure$/m);
  assert.deepEqual([(await me(browser, secure)).name, (await me(browser, secure)).role], ['qian', 'administrator']);
  const plain = await new Browser().ask(`http://localhost:${tls}/`);
  assert.deepEqual([plain.status, plain.headers.location], [307, `${secure}/`]);
});
