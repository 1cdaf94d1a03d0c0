// As much of a browser as a log-in needs: it follows redirects and holds cookies by origin, minding what they ask for.

import http from 'node:http';
import https from 'node:https';

export class Browser {
  /** `ca`: who vouches for servers over TLS, PEM. */
  constructor(ca = undefined) {
    this.ca = ca;
    this.jar = new Map();
  }

  cookies(origin) {
    if (!this.jar.has(origin)) this.jar.set(origin, new Map());
    return this.jar.get(origin);
  }

  /** One request, with the cookies of its origin. */
  ask(url, { method = 'GET', body = undefined, headers = {} } = {}) {
    const { origin, protocol } = new URL(url);
    const cookies = this.cookies(origin);
    const send = { ...headers };
    if (cookies.size > 0) send.cookie = [...cookies].map(([k, v]) => `${k}=${v}`).join('; ');
    if (body !== undefined) send['content-type'] = 'application/json';
    return new Promise((done, failed) => {
      const { request } = protocol === 'https:' ? https : http;
      const asked = request(url, { method, headers: send, ca: this.ca, agent: false }, (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (part) => (text += part));
        answer.on('end', () => {
          for (const set of answer.headers['set-cookie'] ?? []) this.take(origin, set);
          done({ url, status: answer.statusCode, headers: answer.headers, set: answer.headers['set-cookie'] ?? [], text });
        });
      });
      asked.on('error', failed);
      asked.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  take(origin, set) {
    const [pair, ...attributes] = set.split(/;\s*/);
    const at = pair.indexOf('=');
    const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
    const says = (what) => attributes.some((a) => a.toLowerCase() === what);
    const secure = says('secure');
    if (secure && !origin.startsWith('https:')) return;
    if (name.startsWith('__Host-') && !(secure && says('path=/'))) return;
    const age = attributes.map((a) => /^max-age=(-?\d+)$/i.exec(a)?.[1]).find((a) => a !== undefined);
    const gone = value === '' || (age !== undefined && Number(age) <= 0);
    if (gone) this.cookies(origin).delete(name);
    else this.cookies(origin).set(name, value);
  }

  /** Follows until somebody answers with something else than a redirect; gives every answer on the way. */
  async follow(url, until = () => false) {
    const way = [];
    for (let n = 0; n < 20; n++) {
      const answer = await this.ask(url);
      way.push(answer);
      const to = answer.headers.location;
      if (!to || answer.status < 300 || answer.status > 399) return way;
      url = new URL(to, url).href;
      if (until(url)) return [...way, { url, status: 0, headers: {}, set: [], text: '' }];
    }
    throw new Error(`no end of redirects: ${url}`);
  }
}
