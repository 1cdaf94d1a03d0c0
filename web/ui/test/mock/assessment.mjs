// What a machine's points say together: a fan with a damaged bearing, and one of which nothing can be said.
const iso = (ms) => new Date(ms).toISOString();
const term = (quantity, value, weight, lo, hi, contribution, against = false) => ({
  quantity, value: typeof value === "number" ? value : null, missing: typeof value === "string" ? value : null, weight, lo, hi, contribution, against,
});
const verdict = (fault, score, attainable, standing, terms, more = {}) => ({
  fault, bearing: null, point: null, score, attainable, standing, rival: null, terms, ...more,
});

const damaged = [
  verdict("outer_race", 0.84, 1, "confirmed", [
    term("envelope", 3.41, 0.5, 1, 1.25, 0.5), term("envelope_sidebands", 3.1, 0.2, 1.4, 2.4, 0.2),
    term("high_frequency", 1.52, 0.2, 1.26, 2, 0.07), term("kurtosis", 4.1, 0.1, 3.2, 4.5, 0.07),
    term("envelope_other", 0.41, 0.5, 0.9, 1.1, 0, true), term("envelope_coincident", 0, 0.4, 0.2, 0.5, 0, true), term("cage_lines", 1.1, 0.4, 1.8, 2.8, 0, true),
  ], { bearing: "DE", point: "vib_de_h" }),
  verdict("ball", 0.31, 1, "explained", [
    term("envelope", 1.08, 0.5, 1, 1.25, 0.16), term("envelope_sidebands", 1.9, 0.2, 1.4, 2.4, 0.1), term("high_frequency", 1.52, 0.2, 1.26, 2, 0.07), term("kurtosis", 4.1, 0.1, 3.2, 4.5, 0.07),
    term("ball_lines", 1.9, 0.3, 2.2, 1.5, 0.09, true),
  ], { bearing: "DE", point: "vib_de_h", rival: "outer_race" }),
  verdict("imbalance", 0.22, 0.8, "open", [
    term("share_1x", 0.71, 0.4, 0.6, 0.8, 0.22), term("axial_1x", 0.45, 0.2, 0.5, 0.3, 0.05), term("rpm_squared", "run_up", 0.2, 1, 0.5, 0), term("quadrature", "no_phase", 0.2, 50, 30, 0),
    term("ratio_2x", 0.31, 0.4, 0.3, 0.5, 0.02, true), term("level", 0.81, 1, 1, 0.6, 0.05, true),
  ]),
];

const card = { baseline_days: 41, reported_a_month: 2, confirmed: 3, dismissed: 1, missed: 0, open: ["outer_race"], reset: iso(Date.now() - 60 * 86_400_000), reset_by: "何工", judged: [{ t: iso(Date.now() - 9 * 86_400_000), fault: "imbalance", judgement: "confirmed", by: "operator" }] };

export function assessment(machine) {
  if (machine === "descale-pump") return { assessment: null };
  if (machine === "blower-1") {
    return { assessment: {
      t: iso(Date.now() - 1_200_000), health: null, remaining: null, remaining_refused: "sensor",
      shafts: [{ shaft: null, hz: 24.8, points: ["vib_de_h"], verdicts: [], refused: "sensor", unknown: null }],
      reasons: [{ term: "sensors", lowers: 40, point: "vib_de_h", unjudged: null }, { term: "zone", lowers: 15, point: null, unjudged: "sensor" }],
      card: { baseline_days: 0, reported_a_month: 0, confirmed: 0, dismissed: 0, missed: 0, open: [], reset: null, reset_by: null, judged: [] },
    } };
  }
  const sick = machine === "main-fan-1";
  return { assessment: {
    t: iso(Date.now() - 1_200_000), health: sick ? 34 : 100, remaining_refused: sick ? null : "no_onset",
    remaining: sick ? { point: "vib_de_h", since: iso(Date.now() - 6 * 86_400_000), p10_s: 400_000, p50_s: 790_000, p90_s: 1_600_000, looks: 96, codes: ["wide"] } : null,
    shafts: [{ shaft: null, hz: 24.83, points: ["vib_de_h", "vib_de_v", "vib_nde_h"], verdicts: sick ? damaged : [], refused: null, unknown: sick ? null : "nothing_explains" }],
    reasons: sick ? [{ term: "bearing", lowers: 41, point: "vib_de_h", unjudged: null }, { term: "trend", lowers: 15, point: "vib_de_h", unjudged: "learning" }, { term: "zone", lowers: 10, point: "vib_de_v", unjudged: null }] : [],
    card,
  } };
}

/** Takes in what was said. */
export function judge(machine, { fault, judgement }) {
  const at = card.judged.findIndex((j) => j.fault === fault);
  if (judgement === "withdrawn") {
    if (at >= 0) card.judged.splice(at, 1), card.open.push(fault), card.dismissed--;
  } else {
    card.open = card.open.filter((f) => f !== fault);
    card.judged.unshift({ t: iso(Date.now()), fault, judgement, by: "operator" });
    card[judgement === "found" ? "missed" : judgement]++;
  }
  return assessment(machine);
}

export function health() {
  const points = Array.from({ length: 120 }, (_, i) => ({ t: iso(Date.now() - (120 - i) * 6 * 3_600_000), health: i < 95 ? 96 - (i % 3) : 96 - 2.6 * (i - 95), named: i < 110 ? [] : ["outer_race"] }));
  return { points, more: false };
}
