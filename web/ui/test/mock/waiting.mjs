// Made-up quarantine, new points and ledger: enough of each kind that the pages below Connections have to show.
const iso = (t) => new Date(t).toISOString();
const ago = (s) => iso(Date.now() - s * 1000);
const now = Date.now();

const REASONS = {
  json_syntax: "the payload is not JSON: expected `,` or `}` at line 1 column 31; correct the message where the position points",
  unit_mismatch: "oil_temp: the unit bar is a pressure, and the point is kept in °C; correct the unit in the device or in the point",
  unmapped: "the topic plant/fan-3/data belongs to no form understood here; publish in one of the forms, or add a mapping rule",
  unknown_machine: "nobody knows the machine steel/press-4; adopt it under New points",
  waveform_length: "the header announces 32768 samples, the payload holds 32000; send the record again in one piece",
};
let id = 0;
const entry = (code, seconds, source, topic, head, more = {}) => ({
  id: ++id, t: iso(now - seconds * 1000), source, topic, size: Buffer.byteLength(head), head, head_encoding: "utf-8", code, reason: REASONS[code],
  complete: true, discarded: null, ...more,
});
const hex = "a8626673194b00616e1a000080006475696474a7fc4be22f9a4d0b9c1e6b" + "20c1f53ed6a2".repeat(12);
const ENTRIES = [
  ...Array.from({ length: 9 }, (_, i) => entry("unmapped", 60 + 37 * i, "gw-4", `plant/fan-${1 + (i % 3)}/data`, `{"ts":"2026-11-24 08:0${i}:00","kind":"data","temp":${612 + i}}`)),
  ...Array.from({ length: 5 }, (_, i) => entry("json_syntax", 4_000 + 30 * i, "plc-test", "danxia/v1/steel/press/telemetry", '{"values":{"bearing_temp": 61.2')),
  ...Array.from({ length: 3 }, (_, i) => entry("unit_mismatch", 9_000 + 600 * i, "plc-test", "danxia/v1/steel/press/telemetry", '{"ts":1735689600,"values":{"oil_temp":{"v":3,"u":"bar"}}}')),
  entry("unknown_machine", 20, "press-4", "danxia/v1/steel/press-4/telemetry", '{"values":{"bearing_temp":{"v":61.2,"u":"°C"}}}'),
  entry("waveform_length", 80_000, "二号热连轧粗轧机振动采集网关", "danxia/v1/steel/二号热连轧粗轧机/驱动侧轴承座水平方向/waveform", hex, { head_encoding: "hex", size: 131_204, complete: false }),
  entry("json_syntax", 70_000, "plc-test", "danxia/v1/steel/press/telemetry", "hello?", { discarded: "林工: commissioning" }),
];
const waiting = () => ENTRIES.filter((e) => e.discarded === null);
const without = ({ id: _, complete: __, discarded: ___, ...message }) => message;

export const groups = () =>
  Object.keys(REASONS).flatMap((code) => {
    const all = ENTRIES.filter((e) => e.code === code);
    const times = all.map((e) => e.t).sort();
    return all.length === 0 ? [] : [{ code, count: all.length, discarded: all.filter((e) => e.discarded).length, first: times[0], last: times.at(-1), example: without(all.find((e) => e.t === times.at(-1))) }];
  }).sort((a, b) => b.count - a.count);

export const stats = () => ({
  waiting: waiting().length, complete: waiting().filter((e) => e.complete).length, discarded: ENTRIES.length - waiting().length,
  bytes: ENTRIES.reduce((s, e) => s + e.size, 0), cut: 1, dropped: 0,
});

export const topics = (code) => {
  const of = (topic) => waiting().filter((e) => e.code === code && e.topic === topic);
  return [...new Set(waiting().filter((e) => e.code === code).map((e) => e.topic))].map((topic) => {
    const all = of(topic);
    return { topic, waiting: all.length, complete: all.filter((e) => e.complete).length, first: all.at(-1).t, last: all[0].t };
  });
};

/** Whether `topic` is what was asked for, or lies below it. */
const under = (asked, topic) => asked === null || asked === topic || (asked.endsWith("/#") && topic.startsWith(asked.slice(0, -1)));
export const entries = (q) => ENTRIES
  .filter((e) => (e.discarded !== null) === (q.get("discarded") === "yes"))
  .filter((e) => (q.get("code") ?? e.code) === e.code && under(q.get("topic"), e.topic))
  .slice(0, Number(q.get("limit") ?? 100));

export const payload = (wanted) => {
  const e = ENTRIES.find((x) => String(x.id) === wanted);
  return e && { ...e, payload: e.head, encoding: e.head_encoding, shown: Math.min(e.size, e.head_encoding === "hex" ? e.head.length / 2 : e.size) };
};

/** The entries that a body of `quarantine/…` is about. */
const meant = (m) => ENTRIES.filter((e) => (m.ids ?? [e.id]).includes(e.id) && (m.codes ?? [e.code]).includes(e.code) && (m.topics ?? [e.topic]).includes(e.topic));
let last = { running: false, selected: 0, done: 0, committed: 0, duplicates: 0, failed: 0, incomplete: 0, problem: null };
export const progress = () => last;
export const replay = (m) => {
  const all = meant(m).filter((e) => e.discarded === null);
  const committed = all.filter((e) => e.complete && e.code === "unknown_machine").length;
  const incomplete = all.filter((e) => !e.complete).length;
  return (last = { running: false, selected: all.length, done: all.length, committed, duplicates: 0, failed: all.length - committed - incomplete, incomplete, problem: null });
};
export const putAside = (m, aside) => {
  const all = meant(m);
  for (const e of all) e.discarded = aside ? `operator: ${m.why}` : null;
  return { messages: all.length };
};

const point = (name, value, unit, more = {}) => ({
  name, kind: "scalar", unit, unit_known: true, value, quality: "good", t: ago(4), count: 212, source: "press-4", first: ago(3_600), last: ago(4), ...more,
});
export const discovery = () => ({
  machines: [
    { machine: "steel/press-4", known: false, described: false, title: { en: null, zh: null }, points: [
      point("bearing_temp", 61.2, "°C"), point("speed", 1_486, "r/min"), point("load", 82.4, "pct", { unit_known: false }), point("state", "running", null),
    ] },
    { machine: "steel/crane-2", known: false, described: true, title: { en: "Charging crane 2", zh: "二号装料起重机" }, points: [
      point("hoist_current", 118.6, "A", { source: "gw-crane" }), point("vib_hoist", null, "m/s²", { kind: "waveform", count: 14, source: "gw-crane" }),
    ] },
    { machine: "steel/main-fan-1", known: true, described: true, title: { en: "Main exhaust fan 1", zh: "一号主抽风机" }, points: [
      point("damper_position_of_the_second_inlet_guide_vane", 43.5, "%", { source: "二号热连轧粗轧机振动采集网关", quality: "uncertain" }),
    ] },
  ],
  left_out: 0,
  ignored: ["steel/test-rig", "steel/main-fan-1/spare_channel"],
});

const SOURCES = [["gw-sinter", 42, 0, 0], ["gw-blast-furnace", 38, 0.02, 0], ["plc-test", 0.3, 0, 0.2]];
const line = (t, width_s, source, rate, duplicates, quarantined, extra = {}) => {
  const wave = 1 + 0.15 * Math.sin(t / 5_400_000) + 0.05 * Math.sin(t / 700_000);
  const committed = Math.round(rate * wave * width_s);
  const counts = { duplicates: Math.round(duplicates * width_s), quarantined: Math.round(quarantined * width_s), refused: 0, ...extra };
  const { released = 0, gaps = 0, ...rest } = counts;
  return { t_ms: t, width_s, source, received: committed + rest.duplicates + rest.quarantined + rest.refused - released, committed, ...rest, released, gaps };
};
/** Minutes of the last day, hours before; an hour without any message ten hours ago. */
export function history(q) {
  const out = [];
  const from = Number(q.get("from") ?? now - 86_400_000);
  for (let t = Math.ceil(from / 3_600_000) * 3_600_000; t < Date.now() - 60_000; ) {
    const age = Date.now() - t;
    const width_s = age > 86_400_000 ? 3_600 : 60;
    const wanted = q.get("source") ? SOURCES.filter(([s]) => s === q.get("source")) : [["", 80.3, 0.02, 0.2]];
    if (age < 9 * 3_600_000 || age > 10 * 3_600_000)
      for (const [source, ...rates] of wanted) out.push(line(t, width_s, q.get("source") ? source : "", ...rates, age < 1_900_000 && age > 1_800_000 ? { released: 12, gaps: 3 } : {}));
    t += width_s * 1000;
  }
  return { lines: out };
}

export const ledger = () => {
  const s = (source, committed, duplicates, quarantined, refused) => ({ source, received: committed + duplicates + quarantined + refused, committed, duplicates, quarantined, refused });
  const sources = [s("gw-sinter", 41_254_000, 21, 0, 0), s("gw-blast-furnace", 37_814_600, 12_480, 0, 0), s("plc-test", 295_820, 0, 196_418, 12), s("二号热连轧粗轧机振动采集网关", 2_310, 4, 1, 0)];
  const total = { received: 0, committed: 0, duplicates: 0, quarantined: 0, refused: 0 };
  for (const x of sources) for (const k of Object.keys(total)) total[k] += x[k];
  return { sources, total };
};
export const empty = {
  stats: { waiting: 0, complete: 0, discarded: 0, bytes: 0, cut: 0, dropped: 0 },
  discovery: { machines: [], left_out: 0, ignored: [] },
  ledger: { sources: [], total: { received: 0, committed: 0, duplicates: 0, quarantined: 0, refused: 0 } },
};
