// How a made-up alarm system performs: one flood, a few bad actors, one of which chatters.
const DAY = 86_400_000;
const SLOT = 600_000;
const iso = (ms) => new Date(ms).toISOString();

const name = (a) => ({ id: a.id, machine: a.machine, point: a.point, point_title: a.point_title, condition: a.condition, priority: a.priority });
const hash = (n) => Math.abs(Math.sin(n * 12.9898) * 43758.5453) % 1;

/** An alarm on a limit of single values, which the list of alarms has few of. */
const extra = (alarms, id, point, condition, priority) => {
  const like = alarms[0] ?? { machine: { site: "steel", machine: "main-fan-1", title: { zh: "主抽风机 1", en: "Main exhaust fan 1" } } };
  return { id, machine: like.machine, point, point_title: null, condition, priority };
};

const limitsOf = (alarms) => [
  extra(alarms, "00000000000000a1", "bearing_temp", "high", 2),
  extra(alarms, "00000000000000a2", "oil_pressure", "low", 2),
  extra(alarms, "00000000000000a3", "current", "high", 3),
];

export function performance(alarms, q, empty) {
  const to = q.get("to") ? Number(q.get("to")) : Date.now();
  const from = Number(q.get("from"));
  const operators = Number(q.get("operators") ?? 1);
  const first = Math.floor(from / SLOT) * SLOT;
  const n = Math.ceil((to - first) / SLOT);
  const burst = Math.floor(n * 0.62);
  const slots = Array.from({ length: n }, (_, i) => {
    if (empty) return 0;
    if (i >= burst && i < burst + 4) return [23, 41, 17, 6][i - burst];
    return hash(i) < 0.72 ? 0 : Math.floor(6 * hash(i + 0.5) ** 3 + 1);
  });
  const sum = slots.reduce((a, b) => a + b, 0);
  const bins = [0, 1, 2, 3, 6, 11, 21, 51];
  const histogram = bins.map((b, i) => slots.filter((x) => x >= b && x < (bins[i + 1] ?? Infinity)).length);
  const floods = empty ? [] : [{ from: iso(first + burst * SLOT), to: iso(first + (burst + 4) * SLOT), annunciations: 87, most_in_slot: 41, open: false }];
  const days = Array.from({ length: Math.ceil((to - from) / DAY) }, (_, i) => {
    const begin = from + i * DAY;
    const of = slots.filter((_, k) => first + k * SLOT >= begin && first + k * SLOT < begin + DAY);
    return { from: iso(begin), annunciations: of.reduce((a, b) => a + b, 0), whole: begin + DAY <= to };
  });
  const limits = limitsOf(alarms);
  const actors = empty ? [] : [...limits, ...alarms.filter((a) => !limits.some((l) => l.id === a.id))].slice(0, 10);
  const shares = [0.31, 0.14, 0.09, 0.05, 0.04, 0.03, 0.02, 0.02, 0.01, 0.01];
  const top = actors.map((a, i) => ({ alarm: name(a), annunciations: Math.max(1, Math.round(sum * shares[i])), share: shares[i], coached: i < 3 }));
  const topShare = top.reduce((a, x) => a + x.share, 0);
  const each = empty ? [0, 0, 0, 0] : [Math.round(sum * 0.02), Math.round(sum * 0.16), Math.round(sum * 0.24), 0];
  each[3] = empty ? 0 : sum - each[0] - each[1] - each[2];
  const k = (code, value, target) => ({ code, value, target, met: value === null || target === null ? null : value <= target });
  const share = (n) => (sum ? n / sum : null);
  return {
    from: iso(from), to: iso(to), operators, annunciations: sum, alarms: empty ? 0 : 37, unascribed: 0,
    kpis: [
      k("per_operator_day", (sum / ((to - from) / DAY)) / operators, 144),
      k("worst_day", Math.max(0, ...days.map((d) => d.annunciations)) / operators, 144),
      k("most_in_ten_minutes", empty ? 0 : 44, 10),
      k("flood_time", empty ? 0 : 4 / n, 0.01),
      k("top_ten", empty ? null : topShare, 0.05),
      k("chattering", empty ? 0 : 2, 0),
      k("fleeting", empty ? 0 : 3, 0),
      k("stale_in_day", empty ? 0 : 3, 4),
      k("high_priority", share(each[0] + each[1]), 0.05),
      k("high_and_medium_priority", share(each[0] + each[1] + each[2]), 0.2),
      k("acknowledge_median", empty ? null : 252, null),
      k("never_acknowledged", empty ? null : 0.07, null),
    ],
    rate: {
      mean: sum / n, most_in_slot: Math.max(0, ...slots), most_in_ten_minutes: empty ? 0 : 44, first_slot_ms: first, slot_ms: SLOT, slots, bins, histogram,
      flood_share: empty ? 0 : 4 / n, floods, floods_in_all: floods.length, days,
    },
    top,
    chattering: actors.slice(0, 2).map((a, i) => ({ alarm: name(a), episodes: 14 - 9 * i, annunciations: Math.round(sum * shares[i] * 0.9), most_in_minute: 11 - 6 * i, last: iso(to - 5_000_000), coached: true })),
    chattering_alarms: empty ? 0 : 2,
    fleeting: actors.slice(3, 6).map((a, i) => ({ alarm: name(a), times: 9 - 3 * i })),
    fleeting_alarms: empty ? 0 : 3,
    stale: actors.slice(4, 7).map((a, i) => ({ alarm: name(a), since: iso(to - (9 - 3 * i) * DAY), until: i === 2 ? iso(to - 1.5 * DAY) : null })),
    stale_alarms: empty ? 0 : 3,
    priorities: { each, high: each[0] + each[1], medium: each[2], low: each[3] },
    acknowledgement: { acknowledged: Math.round(sum * 0.93), median_s: empty ? null : 252, p90_s: empty ? null : 2_940, raised_anew: Math.round(sum * 0.05), waiting: Math.round(sum * 0.02) },
  };
}

const now = { side: "above", limit: 63, deadband: 0.4, on_delay_s: 0, off_delay_s: 0 };

export function coach(alarms, id, q) {
  const to = q.get("to") ? Number(q.get("to")) : Date.now();
  const limits = limitsOf(alarms);
  const found = limits.find((a) => a.id === id) ?? alarms.find((a) => a.id === id);
  if (!found) return null;
  const answer = { alarm: name(found), from: iso(Number(q.get("from"))), to: iso(to), unit: "°C", refused: null, advice: null };
  if (!limits.includes(found)) return { ...answer, unit: null, refused: "not_a_limit" };
  const base = { announced: 41, merged: 0, swallowed: 0, swallowed_examples: [], later_median_s: 0, later_most_s: 0, solves: true };
  return {
    ...answer,
    advice: {
      verdict: found.condition === "low" ? "nothing_helps" : "solved", current: now, raised: 388, most_in_minute: 11, standing_s: 41_300, excursions: 41, cut: false, values: 604_512, passed_over: 12,
      alternatives: [
        { ...base, means: "deadband", definition: { ...now, deadband: 2 }, solves: found.condition !== "low", raised: 41, most_in_minute: 1, standing_s: 44_900 },
        {
          ...base, means: "on_delay", definition: { ...now, on_delay_s: 20 }, solves: found.condition !== "low", raised: 36, most_in_minute: 1, announced: 36, later_median_s: 34, later_most_s: 211, swallowed: 5, standing_s: 38_200,
          swallowed_examples: [{ from: iso(to - 3e7), to: iso(to - 3e7 + 48_000), raised: 9, extreme: 64.1 }, { from: iso(to - 9e7), to: iso(to - 9e7 + 17_000), raised: 3, extreme: 63.7 }],
        },
        { ...base, means: "off_delay", definition: { ...now, off_delay_s: 45 }, solves: found.condition !== "low", raised: 40, most_in_minute: 2, merged: 1, standing_s: 47_100 },
      ],
      best: found.condition === "low" ? null : 0,
    },
  };
}

export function simulate(asked) {
  const to = Date.now();
  const days = asked.days ?? 30;
  const from = to - days * DAY;
  const firings = (n, every, length, extreme) => Array.from({ length: n }, (_, i) => {
    const raised = to - Math.min(3, days) * DAY + (i + 0.3 + 0.5 * hash(i)) * every;
    return { raised: iso(raised), cleared: i === n - 1 ? null : iso(raised + length), extreme };
  }).filter((f) => Date.parse(f.raised) < to);
  const fault = (raised) => ({ fault: "outer_race", confirmed: iso(to - 0.5 * DAY), raised: raised && iso(to - raised), early_s: raised && (raised - 0.5 * DAY) / 1_000 });
  const outcome = (definition, list, caught) => ({
    definition, raised: list.length, most_in_minute: 1, standing_s: list.reduce((a, f) => a + (Date.parse(f.cleared ?? iso(to)) - Date.parse(f.raised)) / 1_000, 0), doubtful_minutes: days > 14 ? 7 : 0,
    firings: list, faults: [fault(caught), { ...fault(null), fault: "imbalance", confirmed: iso(to - 0.2 * DAY) }],
  });
  const proposed = { ...now, limit: asked.limit, deadband: asked.deadband ?? 0.4, on_delay_s: asked.on_delay_s ?? 0, off_delay_s: asked.off_delay_s ?? 0 };
  return {
    point: asked.point, condition: asked.condition, unit: "°C", from: iso(from), to: iso(to), values: Math.min(days, 14) * 86_400, minutes: Math.max(0, days - 14) * 1_440,
    values_from: days > 14 ? iso(to - 14 * DAY) : null, passed_over: 31, confirmed_faults: 2,
    proposed: outcome(proposed, firings(4, 0.7 * DAY, 9_000_000, 64.8), 1.6 * DAY), current: outcome(now, firings(19, 0.15 * DAY, 2_400_000, 64.8), 2.3 * DAY),
  };
}
