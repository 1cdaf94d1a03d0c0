// Work orders and notes of a made-up plant.
const HOUR = 3_600_000;
const ago = (h) => new Date(Date.now() - h * HOUR).toISOString();
const fan = { site: "steel", machine: "main-fan-1", title: { zh: "主抽风机 1", en: "Main exhaust fan 1" } };
const mixer = { site: "chem", machine: "mixer-2", title: { zh: "搅拌机 2", en: "Mixer 2" } };

const person = { kind: "person", alarm: null, point: null, point_title: null, condition: null, raised: null, fault: null };
const order = (o) => ({
  revision: o.steps.length, planned_for: null, assignee: null, finding: null, faults: [], parts: [], labour_min: null, photos: [], origin: person, ...o,
});
const ORDERS = [
  order({
    number: 12, machine: fan, title: "Main exhaust fan 1: outer race of bearing DE", state: "planned", planned_for: ago(2), assignee: "Shift B, mechanics",
    origin: { ...person, kind: "alarm", alarm: "00000000000000a1", point: "vib_de_h", point_title: { zh: "驱动端水平振动", en: "Vibration DE horizontal" }, condition: "bearing.DE.outer_race", raised: ago(30), fault: "outer_race" },
    steps: [{ t: ago(29), by: "operator", state: "open" }, { t: ago(20), by: "engineer", state: "planned" }],
  }),
  order({
    number: 11, machine: fan, title: "Check the oil cooler", state: "done", labour_min: 90, finding: "Filter blocked with scale.\nFlushed, new element fitted.",
    parts: [{ name: "Filter element F7", quantity: 2 }], faults: ["looseness"],
    steps: [{ t: ago(200), by: "operator", state: "open" }, { t: ago(180), by: "engineer", state: "done" }],
  }),
  order({
    number: 10, machine: mixer, title: "Tighten the foundation bolts", state: "open", origin: { ...person, kind: "diagnosis", fault: "looseness" },
    steps: [{ t: ago(210), by: "engineer", state: "open" }],
  }),
  order({
    number: 9, machine: mixer, title: "Replace the coupling", state: "cancelled",
    steps: [{ t: ago(400), by: "engineer", state: "open" }, { t: ago(390), by: "engineer", state: "cancelled" }],
  }),
];
const NOTES = [
  { number: 3, alarm: "00000000000000a1", condition: "bearing.DE.outer_race", t: ago(28), by: "operator", text: "Can be heard at the drive end, clearly above the fan." },
  { number: 2, alarm: null, condition: null, t: ago(300), by: "engineer", text: "The guard of the coupling rattles at part load.\nNot the bearing." },
];

export function orders(q) {
  const state = q.get("state") ?? "all";
  const machine = q.get("machine");
  const unfinished = (o) => o.state === "open" || o.state === "planned";
  const wanted = (o) => (state === "all" || (state === "unfinished" ? unfinished(o) : o.state === state)) && (!machine || machine === `${o.machine.site}/${o.machine.machine}`);
  return { orders: ORDERS.filter(wanted), next_before: null };
}

export const one = (number) => ORDERS.find((o) => String(o.number) === number);

export function change(machine, number, said) {
  if (!number) {
    const made = order({ number: 13, machine: { ...fan, machine }, title: said.title, state: "open", assignee: said.assignee ?? null, steps: [{ t: ago(0), by: "operator", state: "open" }] });
    ORDERS.unshift(made);
    return made;
  }
  const o = one(number);
  Object.assign(o, { ...said, revision: o.revision + 1, steps: [...o.steps, { t: ago(0), by: "operator", state: said.state }] });
  return o;
}

export const notes = () => ({ notes: NOTES, next_before: null });

export function note(said) {
  const made = { number: NOTES.length + 2, alarm: null, condition: null, t: ago(0), by: "operator", text: said.text };
  NOTES.unshift(made);
  return made;
}

export function past(a, empty) {
  if (empty) return { occurrences: [], more: false, found: [] };
  const at = Date.parse(a.raised);
  const back = (h, last) => ({
    raised: new Date(at - h * HOUR).toISOString(), cleared: new Date(at - h * HOUR + last * 60_000).toISOString(),
    acknowledged: { by: "operator", at: new Date(at - h * HOUR + 120_000).toISOString() }, work_order: h > 100 ? 11 : null,
  });
  return { occurrences: [back(26, 14), back(180, 340)], more: false, found: [ORDERS[1]] };
}

const channel = (c) => ({ dead_since: null, waiting: 0, accepted: 0, failed: 0, given_up: 0, last_accepted: null, error_code: null, error: null, error_at: null, ...c });
const attempt = (a) => ({ channel: null, person: null, key: null, attempt: 1, alarms: 1, alarm: null, level: 0, code: null, why: null, ...a });

export const notifications = () => ({
  configured: true,
  escalating: 2,
  next: null,
  channels: [
    channel({ name: "mechanics", kind: "dingtalk", state: "working", accepted: 412, last_accepted: ago(0.2) }),
    channel({ name: "mail", kind: "email", state: "failing", waiting: 3, accepted: 57, failed: 4, last_accepted: ago(5), error_code: "unauthenticated", error: "535 5.7.8 Authentication failed", error_at: ago(0.1) }),
    channel({ name: "cmms", kind: "webhook", state: "dead", dead_since: ago(30), waiting: 41, accepted: 9, given_up: 2, error_code: "unreachable", error: "connect to 203.0.113.7:443: timed out", error_at: ago(0.3) }),
  ],
  log: [
    attempt({ id: 9, t: ago(0.1), outcome: "retry", channel: "mail", person: "lin", attempt: 4, code: "unauthenticated", why: "535 5.7.8 Authentication failed" }),
    attempt({ id: 8, t: ago(0.2), outcome: "accepted", channel: "mechanics", alarms: 12, alarm: "00000000000000a1", level: 1 }),
    attempt({ id: 7, t: ago(30), outcome: "given_up", channel: "cmms", attempt: 12, code: "unreachable", why: "connect to 203.0.113.7:443: timed out" }),
    attempt({ id: 6, t: ago(31), outcome: "nobody", attempt: 0, alarm: "00000000000000a1" }),
  ],
});

export const statistics = (asked) => ({
  statistics: asked.series.map((s, i) => ({
    point: s.point, indicator: s.indicator ?? null, unit: s.indicator ? "mm/s" : "°C", count: 3600 - i, texts: 0, bad: i,
    min: { t: ago(1), value: 58.1 + i }, max: { t: ago(0.5), value: 63.9 + i }, mean: 61.2 + i, time_mean: 61.21 + i, standard_deviation: 1.27,
    p05: 59.2, p50: 61.2, p95: 63.1,
  })),
});
