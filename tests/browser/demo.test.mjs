// The demo as the README promises it: four scripted faults, each an alarm with its evidence within two minutes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Platform, until } from '../platform.mjs';

test('within two minutes every scripted fault of the demo is an alarm with evidence, and nothing else is', async () => {
  const platform = await Platform.start('demo');
  try {
    const active = () => platform.get('/api/v1/alarms?state=active').then((a) => a.alarms);
    const wanted = {
      'an outer race fault with its lines': (a) => a.condition.endsWith('.outer_race') && a.evidence.lines.length > 0,
      'an imbalance in zone D': (a) => a.condition === 'zone_d' && a.evidence.codes.includes('imbalance'),
      'a sensor that is not believed': (a) => a.condition === 'sensor' && a.evidence.codes.length > 0,
      'three machines of a silent gateway': (a) => a.condition === 'offline',
    };
    const end = Date.now() + 120_000;
    for (const [what, is] of Object.entries(wanted)) {
      await until(what, async () => (await active()).some(is), (end - Date.now()) / 1000);
    }
    const alarms = await until('the third machine', async () => {
      const all = await active();
      return all.filter((a) => a.condition === 'offline').length === 3 && all;
    }, (end - Date.now()) / 1000);
    const failing = new Set(alarms.map((a) => a.machine.machine));
    assert.equal(failing.size, 6, `exactly the six failing machines: ${[...failing]}`);
    const machines = (await platform.get('/api/v1/overview')).areas.flatMap((a) => a.machines);
    assert.equal(machines.length, 24);
    assert.deepEqual(machines.filter((m) => m.status === 'normal' && failing.has(m.machine)), [], 'no failing machine looks healthy');
    await theDamagedBearingIsNamedByAllPointsTogether(platform, alarms.find(wanted['an outer race fault with its lines']));
  } finally {
    await platform.stop();
  }
});

/** And a person confirms that, by a slip, and takes it back. */
async function theDamagedBearingIsNamedByAllPointsTogether(platform, alarm) {
  const { site, machine } = alarm.machine;
  const path = `/api/v1/machines/${encodeURIComponent(site)}/${encodeURIComponent(machine)}`;
  const said = await until('the damaged bearing named', async () => {
    const { assessment } = await platform.get(`${path}/assessment`);
    return assessment?.shafts.some((s) => s.verdicts.some((v) => v.fault === 'outer_race' && /probable|confirmed/.test(v.standing))) && assessment;
  }, 60);
  const verdict = said.shafts.flatMap((s) => s.verdicts).find((v) => v.fault === 'outer_race');
  assert.equal(alarm.condition, `bearing.${verdict.bearing}.outer_race`);
  assert.ok(said.health < 80, `health ${said.health}`);
  assert.ok(said.shafts[0].points.length > 1, 'more than one point was heard');
  const judge = (judgement) => platform.send('POST', `${path}/judge`, { fault: 'outer_race', judgement, by: '林' });
  const confirmed = (await judge('confirmed')).assessment.card;
  assert.deepEqual([confirmed.confirmed, confirmed.open.includes('outer_race'), confirmed.judged[0].by], [1, false, '林']);
  const back = (await judge('withdrawn')).assessment.card;
  assert.deepEqual([back.confirmed, back.open.includes('outer_race')], [0, true]);
}
