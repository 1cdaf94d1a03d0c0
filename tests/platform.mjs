// A real instance on ports of its own.

import { spawn, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
export const danxia = process.env.DANXIA_BIN ?? join(root, 'target/release/danxia');
export const artefacts = join(root, 'test-artefacts');
mkdirSync(artefacts, { recursive: true });

/** The real recordings called `name`, or null where they are not on this machine. */
export function recordings(name) {
  const dir = join(process.env.DANXIA_DATA ?? join(root, '../shared/data'), name);
  return existsSync(join(dir, 'manifest.csv')) ? dir : null;
}

/** The rows of a manifest as objects; these manifests quote nothing. */
export function manifest(dir) {
  const [head, ...rows] = readFileSync(join(dir, 'manifest.csv'), 'utf8').trim().split(/\r?\n/);
  const keys = head.split(',');
  return rows.map((r) => Object.fromEntries(r.split(',').map((v, i) => [keys[i], v])));
}

export function freePort() {
  return new Promise((done) => {
    const s = createServer().listen(0, '127.0.0.1', () => {
      const { port } = s.address();
      s.close(() => done(port));
    });
  });
}

/** Waits until `probe` gives something true; says what it waited for when it gives up. */
export async function until(what, probe, seconds = 60) {
  const end = Date.now() + seconds * 1000;
  let last;
  while (Date.now() < end) {
    try {
      last = await probe();
      if (last) return last;
    } catch (e) {
      last = e;
    }
    await new Promise((r) => setTimeout(r, 100));
  }
  throw new Error(`waited ${seconds} s for ${what}; last seen: ${last?.stack ?? JSON.stringify(last)}`);
}

export class Platform {
  /** `mode` is `run` or `demo`; `more` are arguments in the place of `--anonymous`, or gives them when directory and ports are known. */
  static async start(mode = 'run', more = undefined) {
    const p = new Platform();
    p.dir = mkdtempSync(join(tmpdir(), 'danxia-browser-'));
    p.data = join(p.dir, 'data');
    [p.mqtt, p.http] = [await freePort(), await freePort()];
    p.url = `http://127.0.0.1:${p.http}`;
    p.args = [mode, '--data', p.data, '--mqtt', `127.0.0.1:${p.mqtt}`, '--http', `127.0.0.1:${p.http}`];
    if (mode === 'run') p.args.push(...(typeof more === 'function' ? more(p) : (more ?? ['--anonymous'])));
    await p.restart();
    return p;
  }

  /** Starts it, again in the same place if it has run before. */
  async restart() {
    this.words = '';
    this.child = spawn(danxia, this.args, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const s of [this.child.stdout, this.child.stderr]) s.on('data', (d) => (this.words = (this.words + d).slice(-20000)));
    await until('/readyz', async () => {
      if (this.child.exitCode !== null) throw new Error(`danxia ended: ${this.words}`);
      return (await fetch(`${this.url}/readyz`)).ok;
    });
  }

  async get(path) {
    const r = await fetch(this.url + path);
    if (!r.ok) throw new Error(`${path} answered ${r.status}: ${await r.text()}`);
    return r.json();
  }

  async send(method, path, body) {
    const r = await fetch(this.url + path, { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
    if (!r.ok) throw new Error(`${method} ${path} answered ${r.status}: ${await r.text()}`);
    return r.json();
  }

  replay(dir) {
    execFileSync(danxia, ['replay', dir, '--mqtt', `127.0.0.1:${this.mqtt}`], { stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /** Ends it; what it has stored stays. */
  async end() {
    const ended = new Promise((r) => this.child.once('exit', r));
    this.child.kill('SIGTERM');
    await ended;
  }

  async stop() {
    await this.end();
    rmSync(this.dir, { recursive: true, force: true });
  }
}
