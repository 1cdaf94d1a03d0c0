// A real Node-RED with a flow of ours: what is posted to /send goes out over MQTT, what comes in is read at /received.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, until } from '../platform.mjs';

const here = dirname(fileURLToPath(import.meta.url));

/** The flow for one broker. `tls` holds the paths ca, cert and key; `version` is '4' (3.1.1) or '5'. */
function flow({ port, version, clientId, user, password, tls, filter }) {
  const broker = {
    id: 'broker', type: 'mqtt-broker', name: 'danxia', broker: '127.0.0.1', port: String(port), clientid: clientId,
    autoConnect: true, usetls: Boolean(tls), tls: tls ? 'tls' : '', protocolVersion: version, keepalive: '60',
    cleansession: true, autoUnsubscribe: true, birthTopic: '', closeTopic: '', willTopic: '',
    credentials: user ? { user, password } : {},
  };
  const nodes = [
    { id: 'tab', type: 'tab', label: 'danxia' },
    broker,
    { id: 'post', type: 'http in', z: 'tab', url: '/send', method: 'post', wires: [['unpack']] },
    {
      id: 'unpack', type: 'function', z: 'tab', outputs: 2,
      func: 'const { topic, payload } = msg.payload;\nreturn [{ topic, payload, qos: 1, retain: false }, { req: msg.req, res: msg.res, payload: "ok" }];',
      wires: [['out'], ['posted']],
    },
    { id: 'out', type: 'mqtt out', z: 'tab', topic: '', qos: '1', retain: 'false', broker: 'broker', wires: [] },
    { id: 'posted', type: 'http response', z: 'tab', statusCode: '200', wires: [] },
    { id: 'in', type: 'mqtt in', z: 'tab', topic: filter, qos: '1', datatype: 'utf8', broker: 'broker', inputs: 0, wires: [['keep']] },
    {
      id: 'keep', type: 'function', z: 'tab', outputs: 0,
      func: 'const kept = flow.get("kept") || [];\nkept.push({ topic: msg.topic, payload: msg.payload });\nflow.set("kept", kept.slice(-1000));',
      wires: [],
    },
    { id: 'get', type: 'http in', z: 'tab', url: '/received', method: 'get', wires: [['recall']] },
    { id: 'recall', type: 'function', z: 'tab', outputs: 1, func: 'msg.payload = flow.get("kept") || [];\nreturn msg;', wires: [['answer']] },
    { id: 'answer', type: 'http response', z: 'tab', statusCode: '200', wires: [] },
    { id: 'watch', type: 'status', z: 'tab', scope: ['in'], wires: [['note']] },
    { id: 'note', type: 'function', z: 'tab', outputs: 0, func: 'flow.set("status", msg.status);', wires: [] },
    { id: 'ask', type: 'http in', z: 'tab', url: '/status', method: 'get', wires: [['tell']] },
    { id: 'tell', type: 'function', z: 'tab', outputs: 1, func: 'msg.payload = flow.get("status") || {};\nreturn msg;', wires: [['answer']] },
  ];
  if (tls) {
    nodes.push({ id: 'tls', type: 'tls-config', ca: tls.ca, cert: tls.cert, key: tls.key, verifyservercert: true, servername: 'localhost' });
  }
  // What has a place on the sheet is a node; what has none is taken for a configuration.
  return nodes.map((n) => (n.z ? { x: 0, y: 0, ...n } : n));
}

export class NodeRed {
  static async start(options) {
    const red = new NodeRed();
    red.dir = mkdtempSync(join(tmpdir(), 'danxia-nodered-'));
    const port = await freePort();
    red.url = `http://127.0.0.1:${port}`;
    writeFileSync(join(red.dir, 'flows.json'), JSON.stringify(flow(options)));
    writeFileSync(join(red.dir, 'settings.js'), `module.exports = ${JSON.stringify({
      uiPort: port, uiHost: '127.0.0.1', flowFile: 'flows.json', credentialSecret: false, disableEditor: true, httpAdminRoot: false,
      telemetry: { enabled: false }, logging: { console: { level: 'info', metrics: false, audit: false } },
    })}`);
    red.words = '';
    red.child = spawn(process.execPath, [join(here, 'node_modules/node-red/red.js'), '--userDir', red.dir, '--settings', join(red.dir, 'settings.js')],
      { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const s of [red.child.stdout, red.child.stderr]) s.on('data', (d) => (red.words = (red.words + d).slice(-20000)));
    await until('Node-RED', async () => {
      if (red.child.exitCode !== null) throw new Error(`Node-RED ended: ${red.words}`);
      return (await fetch(`${red.url}/received`)).ok;
    });
    return red;
  }

  async status() {
    return (await fetch(`${this.url}/status`)).json();
  }

  async send(topic, payload) {
    const r = await fetch(`${this.url}/send`, {
      method: 'POST', headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ topic, payload: JSON.stringify(payload) }),
    });
    if (!r.ok) throw new Error(`Node-RED answered ${r.status}`);
  }

  async received() {
    return (await fetch(`${this.url}/received`)).json();
  }

  async stop() {
    const ended = new Promise((r) => this.child.once('exit', r));
    this.child.kill('SIGTERM');
    await ended;
    rmSync(this.dir, { recursive: true, force: true });
  }
}
