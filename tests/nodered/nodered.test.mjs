import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { danxia, Platform, until } from '../platform.mjs';
import { NodeRed } from './nodered.mjs';

/** The rows of `export points` of one machine. */
function points(platform, machine) {
  const csv = execFileSync(danxia, ['export', 'points', '--data', platform.data, '--machine', machine, '--format', 'csv'], { encoding: 'utf8' });
  const [head, ...rows] = csv.trim().split(/\r?\n/);
  const keys = head.split(',');
  return rows.map((r) => Object.fromEntries(r.split(',').map((v, i) => [keys[i], v])));
}

for (const [version, name] of [['4', '3.1.1'], ['5', '5']]) {
  test(`Node-RED publishes and listens over MQTT ${name}`, async (t) => {
    const platform = await Platform.start();
    t.after(() => platform.stop());
    const red = await NodeRed.start({ port: platform.mqtt, version, clientId: `node-red-${version}`, filter: 'danxia/v1/node-red/#' });
    t.after(() => red.stop());
    await until('Node-RED to be connected', async () => (await platform.get('/api/v1/connections')).clients.some((c) => c.client_id === `node-red-${version}` && c.connected));

    const topic = 'danxia/v1/node-red/压机一号/telemetry';
    for (let i = 0; i < 20; i++) {
      await red.send(topic, { ts: 1_735_689_600_000 + i, values: { force: { v: 100 + i, u: 'kN' } } });
    }
    await until('every value in the store', () => points(platform, 'node-red/压机一号').length === 20);
    assert.deepEqual(points(platform, 'node-red/压机一号').map((r) => Number(r.value)), Array.from({ length: 20 }, (_, i) => 100 + i));
    const heard = await until('Node-RED to hear them', async () => {
      const all = await red.received();
      return all.length === 20 && all;
    });
    assert.ok(heard.every((m) => m.topic === topic), 'a Chinese name comes back as it went');

    const total = await platform.get('/api/v1/ledger/total');
    assert.deepEqual([total.received, total.committed, total.quarantined], [20, 20, 0]);
  });
}
