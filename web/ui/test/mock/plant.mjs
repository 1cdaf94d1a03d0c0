// A made-up plant with something wrong in every way that the page can show. Time moves; nothing else is random.
const zone = (z) => ({ A: 1.1, B: 3.1, C: 5.6, D: 8.4 })[z];
const BOUNDS = [2.3, 4.5, 7.1];

const MACHINES = [
  ["sinter", "main-fan-1", "主抽风机 1", "Main exhaust fan 1", "fan", "alarm", 2, "C"],
  ["sinter", "main-fan-2", "主抽风机 2", "Main exhaust fan 2", "fan", "normal", null, "A"],
  ["sinter", "cooler-fan-1", "环冷风机 1", "Ring cooler fan 1", "fan", "normal", null, "B"],
  ["sinter", "cooler-fan-2", "环冷风机 2", "Ring cooler fan 2", "fan", "sensor", 3, null],
  ["sinter", "mixer-gear", "混合机减速箱", "Mixing drum gearbox", "gearbox", "normal", null, "B"],
  ["sinter", "dust-fan-1", "除尘风机 1", "Dedusting fan 1", "fan", "normal", null, "A"],
  ["blast-furnace", "blower-1", "高炉鼓风机 1", "Blast furnace blower 1", "compressor", "normal", null, "A"],
  ["blast-furnace", "blower-2", "高炉鼓风机 2", "Blast furnace blower 2", "compressor", "normal", null, "A"],
  ["blast-furnace", "trt-1", "TRT 透平", "Top gas recovery turbine", "turbine", "normal", null, "B"],
  ["blast-furnace", "water-pump-1", "软水泵 1", "Soft water pump 1", "pump", "alarm", 1, "D"],
  ["blast-furnace", "water-pump-2", "软水泵 2", "Soft water pump 2", "pump", "normal", null, "B"],
  ["blast-furnace", "hoist-motor", "上料卷扬电机", "Charging hoist motor", "motor", "alarm", 3, "B"],
  ["steelmaking", "converter-fan-1", "转炉一次除尘风机", "Converter primary fan", "fan", "offline", 2, null],
  ["steelmaking", "converter-fan-2", "转炉二次除尘风机", "Converter secondary fan", "fan", "offline", 2, null],
  ["steelmaking", "oxygen-comp", "氧压机", "Oxygen compressor", "compressor", "normal", null, "A"],
  ["steelmaking", "caster-pump-1", "连铸冷却泵 1", "Caster cooling pump 1", "pump", "stale", 4, "B"],
  ["steelmaking", "caster-pump-2", "连铸冷却泵 2", "Caster cooling pump 2", "pump", "normal", null, "B"],
  ["steelmaking", "ladle-crane", "钢包行车电机", "Ladle crane motor", "motor", "no_data", null, null],
  ["rolling", "stand-1-motor", "粗轧机主电机", "Roughing stand main motor", "motor", "normal", null, "A"],
  ["rolling", "stand-1-gear", "粗轧机减速箱", "Roughing stand gearbox", "gearbox", "normal", null, "B"],
  ["rolling", "finish-motor-1", "精轧机电机 F1", "Finishing stand motor F1", "motor", "normal", null, "A"],
  ["rolling", "finish-motor-2", "精轧机电机 F2", "Finishing stand motor F2", "motor", "normal", null, "B"],
  ["rolling", "descale-pump", "高压除鳞泵", "Descaling pump", "pump", "normal", null, "B"],
  [null, "adopted-1", null, null, "other", "normal", null, null],
];

const iso = (ms) => new Date(ms).toISOString();
const SITE = "steel";
const AREA_ZH = { sinter: "烧结", "blast-furnace": "炼铁", steelmaking: "炼钢", rolling: "轧钢" };
export const started = Date.now() - 3 * 3_600_000;

export function makeAlarms() {
  const now = Date.now();
  const of = (machine, point, condition, priority, age, more = {}) => {
    const m = MACHINES.find((x) => x[1] === machine);
    const id = [...`${machine}${point}${condition}`].reduce((h, c) => (h * 31n + BigInt(c.charCodeAt(0))) & 0xffffffffffffffffn, 7n);
    return {
      id: id.toString(16).padStart(16, "0"),
      machine: { site: SITE, machine, title: { zh: m[2], en: m[3] } },
      point,
      point_title: point === "vib_de_h" ? { zh: "驱动端水平振动", en: "Drive end horizontal" } : null,
      condition,
      state: "unacknowledged",
      priority,
      raised: iso(now - age),
      changed: iso(now - age),
      acknowledged: null,
      occurrences: 1,
      value: null,
      limit: null,
      unit: null,
      evidence: { waveform: null, terms: {}, codes: [], lines: [] },
      ...more,
    };
  };
  const lines = [1, 2, 3, 4].map((k) => ({ label: "outer_race", harmonic: k, hz: 88.4 * k, ratio: [46, 31, 18, 9][k - 1] }));
  return [
    of("water-pump-1", "vib_de_h", "zone_d", 1, 240_000, {
      value: 8.42, limit: 7.1, unit: "mm/s", first_out: true, group: "pump-trip", respond_by: iso(now + 360_000),
      action: { zh: "切换到备用泵，再检查联轴器。", en: "Switch to the standby pump, then look at the coupling." },
      consequence: { zh: "软水中断，风口冷却壁受损。", en: "Soft water fails and the tuyere coolers suffer." },
      evidence: { waveform: "w-0", terms: { velocity_rms: 8.42, boundary: 7.1, share_1x: 0.87 }, codes: ["imbalance", "ISO 20816-3 group 1 rigid"], lines: [] },
    }),
    of("main-fan-1", "vib_de_h", "bearing.DE.outer_race", 2, 1_260_000, {
      value: 14.2, limit: 8.1,
      evidence: { waveform: "w-0", terms: { statistic: 14.2, threshold: 8.1, fault_hz: 88.4, shaft_hz: 24.77, slip: -0.004 }, codes: [], lines },
    }),
    of("main-fan-1", "vib_de_h", "zone_c", 2, 900_000, {
      state: "acknowledged", acknowledged: { by: "operator", at: iso(now - 600_000) }, value: 5.61, limit: 4.5, unit: "mm/s", occurrences: 3,
      evidence: { waveform: "w-0", terms: { velocity_rms: 5.61, boundary: 4.5 }, codes: ["ISO 20816-3 group 1 rigid"], lines: [] },
    }),
    of("converter-fan-1", null, "offline", 2, 4_000_000, { value: 4000, limit: 60, unit: "s", evidence: { waveform: null, terms: { silent_s: 4000, period_s: 10 }, codes: [], lines: [] } }),
    of("converter-fan-2", null, "offline", 2, 4_000_000, { evidence: { waveform: null, terms: { silent_s: 4000, period_s: 10 }, codes: [], lines: [] } }),
    of("hoist-motor", "bearing_temp_de", "high", 3, 5_400_000, { value: 84.6, limit: 80, unit: "°C", evidence: { waveform: null, terms: { value: 84.6, limit: 80 }, codes: [], lines: [] } }),
    of("cooler-fan-2", "vib_de_h", "sensor", 3, 7_200_000, { evidence: { waveform: "w-3", terms: {}, codes: ["ski_slope", "loose"], lines: [] } }),
    of("caster-pump-1", "flow", "stale", 4, 800_000, { evidence: { waveform: null, terms: { silent_s: 800, period_s: 10 }, codes: [], lines: [] } }),
    of("descale-pump", "pressure", "low", 2, 9_000_000, { state: "returned_unacknowledged", changed: iso(now - 8_000_000), value: 17.9, limit: 18, unit: "MPa" }),
    of("descale-pump", "bearing_temp_de", "rate", 3, 3_000_000, { state: "latched", changed: iso(now - 2_000_000), acknowledged: { by: "operator", at: iso(now - 2_500_000) }, latching: true, value: 0.62, limit: 0.5 }),
    of("blower-1", "vib_de_h", "change", 3, 5_000_000, {
      inhibited: "shelved", shelved: { until: iso(now + 2_400_000), reason: "sensor is being replaced", by: "operator", since: iso(now - 1_200_000) },
    }),
    of("blower-1", "flow", "low_low", 1, 6_000_000, { inhibited: "suppressed", suppressed: "steel/blower-1/speed < 50", value: 0, limit: 12, unit: "m³/h" }),
    of("caster-pump-1", "pressure", "deviation", 3, 6_500_000, {
      inhibited: "out_of_service", value: -1.8, limit: 1.5, unit: "MPa",
      out_of_service: { reason: "valve is dismantled", by: "operator", approved_by: "engineer", since: iso(now - 9_000_000) },
    }),
    of("blower-1", "bearing_temp_de", "high", 3, 90_000_000, { state: "normal", changed: iso(now - 86_000_000), acknowledged: { by: "operator", at: iso(now - 88_000_000) }, value: 81.2, limit: 80, unit: "°C", occurrences: 2 }),
  ];
}

export function summary(row, alarms) {
  const [area, machine, zh, en, klass, status, , z] = row;
  const own = alarms.filter((a) => a.machine.machine === machine && a.state !== "normal" && !a.inhibited);
  const now = Date.now();
  const dead = { offline: 4_000_000, stale: 800_000 }[status] ?? 1_500;
  const base = z ? zone(z) : null;
  const spark = base && status !== "no_data" ? { t_ms: [], v: [] } : null;
  for (let i = 0; spark && i < 48; i++) {
    if (machine === "blower-2" && i > 20 && i < 28) continue;
    spark.t_ms.push(now - (48 - i) * 1_800_000);
    const growing = machine === "main-fan-1" || machine === "water-pump-1" ? 0.45 + (0.55 * i) / 47 : 1;
    spark.v.push(base * growing * (1 + 0.06 * Math.sin(i * 1.7) + 0.04 * Math.sin(i * 0.4)));
  }
  return {
    site: SITE,
    machine,
    title: { zh, en },
    class: klass,
    area: area && AREA_ZH[area],
    line: area ? `${area}-1` : null,
    status,
    priority: own.length ? Math.min(...own.map((a) => a.priority)) : null,
    zone: z,
    velocity_rms: base,
    unacknowledged: own.filter((a) => a.state.includes("unack")).length,
    last_seen: status === "no_data" ? null : iso(now - dead),
    ...(spark ? { spark } : {}),
  };
}

export function overview(alarms) {
  const areas = [];
  for (const row of MACHINES) {
    const name = row[0] && AREA_ZH[row[0]];
    let a = areas.find((x) => x.area === name);
    if (!a) areas.push((a = { area: name, machines: [] }));
    a.machines.push(summary(row, alarms));
  }
  return { counts: counts(alarms), areas };
}

export function counts(alarms) {
  const unacknowledged = { 1: 0, 2: 0, 3: 0, 4: 0 };
  for (const a of alarms) if (a.state.includes("unack") && !a.inhibited) unacknowledged[a.priority]++;
  return { unacknowledged, active: alarms.filter((a) => /^(un)?acknowledged$/.test(a.state) && !a.inhibited).length };
}

const reading = (value, quality = "good", age = 1000) => ({ t: iso(Date.now() - age), value, quality });

export function diagnosis(machine, z, failed) {
  const fault = machine === "main-fan-1";
  const h = (f, statistic, hz) => ({ bearing: "DE", fault: f, statistic, threshold: 8.1, hz });
  return {
    waveform: "w-0",
    point: `${SITE}/${machine}/vib_de_h`,
    t: iso(Date.now() - 4000),
    sensor: { healthy: !failed, codes: failed ? ["ski_slope", "loose"] : [] },
    zone: z
      ? { zone: z, velocity_mm_s: zone(z), boundaries: BOUNDS, basis: "ISO 20816-3 group 1 rigid" }
      : { refused: failed ? ["sensor"] : ["power", "foundation"] },
    bearing: failed
      ? { refused: ["sensor"] }
      : {
          hypotheses: [h("outer_race", fault ? 14.2 : 4.4, 88.4), h("inner_race", 4.9, 134.1), h("ball", 4.1, 116.3), h("cage", 3.7, 9.85)],
          threshold: 8.1,
          shaft_hz: 24.77,
        },
  };
}

export function machine(name, alarms) {
  const row = MACHINES.find((x) => x[1] === name);
  if (!row) return null;
  const [, , , , , status, , z] = row;
  const failed = status === "sensor";
  const gone = status === "offline" ? "bad(offline)" : "good";
  const at = (suffix) => `${SITE}/${name}/${suffix}`;
  const scalar = (n, zh, en, quantity, unit, limits, last, location = {}) => ({
    id: at(n), name: n, title: { zh, en }, kind: "scalar", quantity, unit, range: null,
    location: { bearing: null, axis: null, ...location }, limits: { hh: null, h: null, l: null, ll: null, ...limits },
    period_s: 1, last, indicators: [], zone: null, diagnosis: null,
  });
  const wave = (n, zh, en, bearing, axis, zz, bad) => {
    const d = diagnosis(n === "vib_de_h" ? name : "other", zz, bad);
    const i = (name, unit, v) => ({ name, unit, last: reading(v, bad ? "bad(sensor)" : gone, 4000) });
    return {
      id: at(n), name: n, title: { zh, en }, kind: "waveform", quantity: "acceleration", unit: "m/s²", range: [-500, 500],
      location: { bearing, axis }, limits: {}, period_s: 10, last: null,
      indicators: [
        i("velocity_rms", "mm/s", zz ? zone(zz) : 0.4), i("acceleration_rms", "m/s²", 12.4), i("peak", "m/s²", 71.3),
        i("crest", null, 5.75), i("kurtosis", null, 4.61), i("bearing_t", null, 14.2), i("amplitude_1x", "mm/s", 1.13),
      ],
      zone: bad ? { refused: ["sensor"] } : d.zone, diagnosis: d,
    };
  };
  const dead = status === "no_data" || name === "adopted-1";
  const hot = name === "hoist-motor" ? 84.6 : 61.2;
  const points = dead
    ? [scalar("value_1", null, null, null, null, {}, status === "no_data" ? null : reading(12.5, "uncertain(no_timestamp)"))]
    : [
        scalar("bearing_temp_de", "驱动端轴承温度", "Bearing temperature DE", "temperature", "°C", { h: 80, hh: 95 }, reading(hot, gone), { bearing: "DE" }),
        scalar("bearing_temp_nde", "非驱动端轴承温度", "Bearing temperature NDE", "temperature", "°C", { h: 80, hh: 95 }, reading(58.9, gone), { bearing: "NDE" }),
        scalar("current", "电流", "Motor current", "current", "A", { h: 420 }, reading(341.7, gone)),
        scalar("oil_pressure", "油压", "Oil pressure", "pressure", "kPa", { l: 120, ll: 90 }, reading(184, gone === "good" ? "uncertain(source)" : gone)),
        scalar("speed", "转速", "Speed", "rotational_speed", "r/min", {}, reading(1486, gone)),
        wave("vib_de_h", "驱动端水平振动", "Drive end horizontal", "DE", "horizontal", z, failed),
        wave("vib_de_v", "驱动端垂直振动", "Drive end vertical", "DE", "vertical", z && "B", false),
        wave("vib_nde_h", "非驱动端水平振动", "Non-drive end horizontal", "NDE", "horizontal", z && "A", false),
        wave("vib_nde_a", "非驱动端轴向振动", "Non-drive end axial", "NDE", "axial", null, false),
        ...(name === "main-fan-1" ? [tacho(wave)] : []),
      ];
  return {
    ...summary(row, alarms),
    spark: undefined,
    gateway: dead ? null : "gw-3",
    nominal_rpm: dead ? null : 1486,
    severity: dead ? {} : { rated_kw: 450, shaft_height_mm: 355, foundation: "rigid" },
    bearings: dead
      ? []
      : [
          { name: "NDE", designation: "6322 C3", orders: { bpfo: 3.09, bpfi: 4.91, bsf: 2.07, ftf: 0.386 }, geometry_error: null },
          { name: "DE", designation: "NU 324", orders: { bpfo: 3.57, bpfi: 5.43, bsf: 2.35, ftf: 0.398 }, geometry_error: null },
        ],
    ...trainOf(name),
    points: [...points, ...morePoints(name, wave)],
    alarms: alarms.filter((a) => a.machine.machine === name && a.state !== "normal"),
  };
}

/** A point of pulses: records without a verdict, which need none. */
const tacho = (wave) => {
  const p = wave("tacho", "键相", "Tacho", null, null, null, false);
  const none = { refused: ["unit"] };
  return { ...p, unit: "V", indicators: [], zone: none, diagnosis: { ...p.diagnosis, zone: none, bearing: none } };
};
const unit = (kind, shafts, more = {}) => ({
  name: kind, kind, shafts, poles: null, line_hz: null, rotor_bars: null, stages: [], pulleys_mm: null, belt_mm: null,
  toothed: null, passing: null, passing_count: null, ...more,
});
const stage = (kind, more) => ({ kind, gears: [], carrier: null, planets: null, fixed: null, shafts: [], ratio: null, ...more });
const seated = (name, shaft, designation, more = {}) => ({
  name, designation, shaft, orders: { bpfo: 3.09, bpfi: 4.91, bsf: 2.07, ftf: 0.386 }, geometry_error: null, tolerance: null, source: null, ...more,
});
const tone = (label, of, stage, hz, sidebands_hz = []) => ({ label, of, stage, hz, sidebands_hz });
const motor = (more = {}) => unit("motor", ["motor"], { poles: 4, line_hz: 50, ...more });

/** Trains as the API tells them; machines that are not here have none. */
const TRAINS = {
  "main-fan-1": {
    bearings: [seated("DE", "fan", "NU 324"), seated("NDE", "fan", "6322 C3", { tolerance: { bpfo: 0.16, bpfi: 0.15, bsf: 0.11, ftf: 0.03 }, source: "ISO 15" }), seated("M1", "motor", "6319"), seated("M2", "motor", "NU 319")],
    train: {
      measured: "motor", error: null, tones_rpm: 1486,
      units: [motor({ rotor_bars: 44 }), unit("belt", ["motor", "fan"], { pulleys_mm: [224, 560], belt_mm: 3150, toothed: false }), unit("fan", ["fan"], { passing: "blades", passing_count: 8 })],
      shafts: [{ name: "motor", ratio: 1, tolerance: 0 }, { name: "fan", ratio: 0.4, tolerance: 0.02 }],
      tones: [tone("line_2x", "motor", 0, 100), tone("pole_pass", "motor", 0, 0.933), tone("rotor_bar", "motor", 0, 1089.7, [100]), tone("belt", "belt", 0, 5.533), tone("blade_pass", "fan", 0, 79.25, [9.907])],
    },
    more: [["vib_m1_h", "电机驱动端水平振动", "Motor drive end horizontal", "M1", "horizontal", "B"], ["vib_m1_v", "电机驱动端垂直振动", "Motor drive end vertical", "M1", "vertical", "A"]],
  },
  "mixer-gear": {
    bearings: [seated("DE", "input", "22320"), seated("NDE", "input", "NU316"), seated("I1", "intermediate", "22324"), seated("I2", "intermediate", "NU322"), seated("O1", "output", "23228"), seated("O2", "output", "22326"), seated("M1", "motor", "6319"), seated("M2", "motor", "6319")],
    train: {
      measured: "input", error: null, tones_rpm: 1486,
      units: [motor(), unit("coupling", ["motor", "input"]), unit("gearbox", ["input", "intermediate", "output"], { stages: [stage("gears", { gears: [{ shaft: "input", teeth: 23 }, { shaft: "intermediate", teeth: 61 }] }), stage("gears", { gears: [{ shaft: "intermediate", teeth: 21 }, { shaft: "output", teeth: 76 }] })] }), unit("other", ["output"], { name: "混合滚筒 drum" })],
      shafts: [{ name: "motor", ratio: 1, tolerance: 0 }, { name: "input", ratio: 1, tolerance: 0 }, { name: "intermediate", ratio: -0.377, tolerance: 0 }, { name: "output", ratio: 0.1042, tolerance: 0 }],
      tones: [tone("line_2x", "motor", 0, 100), tone("gear_mesh", "gearbox", 1, 569.6, [24.77, 9.338]), tone("hunting_tooth", "gearbox", 1, 0.406), tone("gear_mesh", "gearbox", 2, 196.1, [9.338, 2.58])],
    },
    more: [["vib_i1_h", "中间轴水平振动", "Intermediate shaft horizontal", "I1", "horizontal", "C"], ["vib_o1_h", "输出轴水平振动", "Output shaft horizontal", "O1", "horizontal", "A"], ["vib_i2_v", "中间轴垂直振动", "Intermediate shaft vertical", "I2", "vertical", "B"]],
  },
  "water-pump-1": {
    bearings: [seated("DE", "pump", "6319"), seated("NDE", "pump", "7316B")],
    train: {
      measured: "pump", error: null, tones_rpm: 1486,
      units: [motor(), unit("coupling", ["motor", "pump"]), unit("pump", ["pump"], { passing: "vanes", passing_count: 6 })],
      shafts: [{ name: "motor", ratio: 1, tolerance: 0 }, { name: "pump", ratio: 1, tolerance: 0 }],
      tones: [tone("line_2x", "motor", 0, 100), tone("pole_pass", "motor", 0, 0.933), tone("vane_pass", "pump", 0, 148.6, [24.77])],
    },
    more: [],
  },
  "stand-1-gear": {
    bearings: [seated("DE", "sun", "22320"), seated("O1", "output", "23228")],
    train: {
      measured: "sun", error: null, tones_rpm: 1486,
      units: [motor(), unit("coupling", ["motor", "sun"]), unit("gearbox", ["sun", "output"], { stages: [stage("planetary", { gears: [{ shaft: "sun", teeth: 21 }, { shaft: null, teeth: 39 }, { shaft: null, teeth: 99 }], carrier: "output", planets: 3, fixed: "ring" })] }), unit("roll", ["output"])],
      shafts: [{ name: "motor", ratio: 1, tolerance: 0 }, { name: "sun", ratio: 1, tolerance: 0 }, { name: "output", ratio: 0.175, tolerance: 0 }],
      tones: [tone("gear_mesh", "gearbox", 1, 429.1, [13, 61.3]), tone("planet_pass", "gearbox", 1, 13), tone("planet_tooth", "gearbox", 1, 22)],
    },
    more: [["vib_o1_a", "输出端轴向振动", "Output axial", "O1", "axial", "B"]],
  },
};

const trainOf = (name) => (TRAINS[name] ? { bearings: TRAINS[name].bearings, train: TRAINS[name].train } : { train: null });
const morePoints = (name, wave) => (TRAINS[name]?.more ?? []).map((p) => wave(...p, false));

/** A shaft with an outer-race fault, 25,600 Hz, as the page gets it. */
export function samples(n = 32768, fs = 25600, seed = 1) {
  const out = new Float32Array(n);
  let s = seed * 7919 + 1;
  const noise = () => ((s = (s * 1103515245 + 12345) & 0x7fffffff), s / 0x3fffffff - 1);
  for (let i = 0; i < n; i++) {
    const t = i / fs;
    out[i] = 4 * Math.sin(2 * Math.PI * 24.77 * t) + 1.5 * Math.sin(2 * Math.PI * 49.54 * t + 1) + 2 * (noise() + noise());
    const since = (t % (1 / 88.4)) + 0;
    out[i] += 38 * Math.exp(-since * 900) * Math.sin(2 * Math.PI * 3400 * since);
  }
  return out;
}

/** Spectra in the shape of the API; plausible, not computed. */
export function spectra(faulty = true) {
  const df = 0.78125;
  const n = 16384;
  const tone = (k, hz, a, w = 1.2, step = df) => a * Math.exp(-(((k * step - hz) / w) ** 2));
  const grain = (k, s) => Math.abs(Math.sin(k * 12.9898 + s) * 43758.5453) % 1;
  const amplitude = [];
  const velocity = [];
  for (let k = 0; k < n; k++) {
    const f = k * df;
    let a = 0.04 + 0.05 * grain(k, faulty ? 1 : 11) + tone(k, 24.77, 2.9) + tone(k, 49.54, 1.06) + tone(k, 74.3, 0.4);
    for (let h = -6; h <= 6; h++) a += (faulty ? 1 : 0.1) * tone(k, 3400 + h * 88.4, 1.1 * Math.exp(-Math.abs(h) / 3));
    amplitude.push(a);
    velocity.push(f < 5 ? 0 : (1000 * a) / (2 * Math.PI * f));
  }
  const ratio = [];
  for (let k = 0; k < 2560; k++) {
    let r = 0.15 + 2.4 * -Math.log(1 - 0.98 * grain(k, faulty ? 2 : 12)) * 0.45;
    if (faulty) [46, 31, 18, 9, 5].forEach((a, i) => (r += tone(k, 88.4 * (i + 1), a, 0.5, df / 2)));
    r += tone(k, 24.77, 4, 0.5, df / 2);
    ratio.push(r);
  }
  const d = diagnosis(faulty ? "main-fan-1" : "other", "C", false).bearing;
  const lines = [{ label: "shaft", bearing: null, harmonic: 1, hz: 24.77, ratio: 4.2 }, { label: "shaft", bearing: null, harmonic: 2, hz: 49.54, ratio: 1.4 }];
  for (let k = 1; k <= 2; k++) lines.push({ label: "blade_pass", bearing: null, harmonic: k, hz: 12 * 24.77 * k, slip: null, ratio: 1.1 });
  for (const h of d.hypotheses)
    for (let k = 1; k <= 4; k++)
      lines.push({ label: h.fault, bearing: "DE", harmonic: k, hz: h.hz * k, slip: h.fault === "outer_race" ? -0.004 : 0.002, ratio: h.fault === "outer_race" ? [46, 31, 18, 9][k - 1] : 1.3 });
  return {
    fs: 25600,
    shaft_hz: 24.77,
    spectrum: { df_hz: df, unit: "m/s²", amplitude },
    velocity: { df_hz: df, unit: "mm/s", amplitude: velocity.slice(0, 1281) },
    envelope: { df_hz: df / 2, ratio, lines },
    hypotheses: d.hypotheses,
    refused: [],
  };
}

export function buckets(q) {
  const from = Date.parse(q.get("from"));
  const to = Date.parse(q.get("to"));
  const width = Math.max(1000, Math.ceil((to - from) / Number(q.get("buckets") ?? 600)));
  const indicator = q.get("indicator");
  const point = q.get("point");
  const out = { point, indicator, unit: null, width_ms: width, t_ms: [], min: [], max: [], mean: [], last: [], count: [] };
  const temperature = point.includes("temp");
  const first = Math.floor(from / width) * width;
  for (let t = first; t < to; t += width) {
    const age = Date.now() - t;
    if (age > 3 * 86_400_000 || (age > 0.55 * (Date.now() - from) && age < 0.65 * (Date.now() - from))) continue;
    const slow = Math.sin(t / 4_000_000) + 0.4 * Math.sin(t / 700_000);
    const noise = Math.abs(Math.sin(t * 12.9898) * 43758.5453) % 1;
    const rise = Math.max(0, 1 - age / 5_000_000);
    const v = indicator === "velocity_rms" ? 3 + 2.4 * rise + 0.2 * slow + 0.15 * noise
      : indicator === "bearing_t" ? 4.4 + 9 * rise ** 3 + noise
      : temperature ? 61 + 2.2 * slow + 0.3 * noise + (point.includes("hoist") ? 22 * rise : 0) : 340 + 6 * slow + 4 * noise;
    const spread = temperature ? 0.4 : v * 0.02;
    out.t_ms.push(t);
    out.min.push(v - spread * (0.5 + noise));
    out.max.push(v + spread * (0.5 + noise));
    out.mean.push(v);
    out.last.push(v);
    out.count.push(Math.max(1, Math.round(width / 1000)));
  }
  return out;
}

/** What people do to an alarm beside having seen it. */
export function inhibit(a, verb, said) {
  const done = { by: "operator", since: iso(Date.now()) };
  if (verb === "shelve") a.shelved = { ...done, until: iso(Date.now() + said.minutes * 60_000), reason: said.reason };
  if (verb === "unshelve") a.shelved = null;
  if (verb === "out-of-service") a.out_of_service = { ...done, ...said };
  if (verb === "in-service") a.out_of_service = null;
  if (verb === "reset") a.state = "normal";
  a.inhibited = a.out_of_service ? "out_of_service" : a.suppressed ? "suppressed" : a.shelved ? "shelved" : null;
  a.changed = done.since;
}

export function journal(alarms, id) {
  const entries = [];
  for (const a of alarms.filter((x) => !id || x.id === id)) {
    const step = (t, from, to, trigger, by = null) => entries.push({
      position: `${entries.length}.0`, alarm: a.id, machine: a.machine, point: a.point, condition: a.condition, t, from, to, trigger, by,
      priority: a.priority, value: a.value, limit: a.limit, unit: a.unit, evidence: a.evidence,
    });
    step(a.raised, "normal", "unacknowledged", "raised");
    if (a.acknowledged) step(a.acknowledged.at, "unacknowledged", "acknowledged", "acknowledged", a.acknowledged.by);
    if (!/^(un)?acknowledged$/.test(a.state)) step(a.changed, "unacknowledged", a.state, "cleared");
  }
  entries.sort((x, y) => Date.parse(y.t) - Date.parse(x.t));
  return { entries, next_before: null };
}

export function influx() {
  return {
    url: "http://127.0.0.1:8086", org: "plant", bucket: "danxia", phase: "catching_up", lag_s: 512.3, lag_alarm_s: 900,
    owed_points: 412_000, commits_behind: 3, points: 9_120_000, expired: 0, refused: 2, last_taken: new Date().toISOString(),
    error: null,
  };
}

export function connections() {
  const now = Date.now();
  const c = (client_id, identity, rate, more = {}) => ({
    client_id, address: "127.0.0.1:53412", identity, protocol: "5", since: iso(now - 3_000_000), connected: true, rate_msgs_s: rate,
    rate_bytes_s: rate * 412, messages: Math.round(rate * 3000), bytes: rate * 3000 * 412, subscriptions: 0,
    last_topic: `danxia/v1/steel/${client_id}/telemetry`, last_error: null, denials: 0, last_denial: null, throttled: 0, ...more,
  });
  const clients = [
    c("gw-sinter", "gateway", 41.8), c("gw-blast-furnace", "gateway", 38.2, { protocol: "3.1.1" }), c("gw-rolling", "gateway", 33),
    c("gw-steelmaking", "gateway", 0, { connected: false, since: iso(now - 4_000_000), last_error: "keep_alive_timeout" }),
    c("edge node 7", "anonymous", 4.4, { last_topic: "spBv1.0/steel/DDATA/edge7/press", subscriptions: 2 }),
    c("plc-test", "anonymous", 0.2, { last_topic: "danxia/v1/steel/press/telemetry", denials: 12, last_denial: { topic: "danxia/v1/steel/main-fan-1/telemetry", why: "publish_denied" }, last_error: "publish_denied: danxia/v1/steel/main-fan-1/telemetry" }),
    c("old-plc", "anonymous", 0, { connected: false, since: iso(now - 90_000), last_error: "the client closed the connection" }),
  ];
  return {
    clients,
    totals: { connected: 5, rate_msgs_s: 117.6, rate_bytes_s: 48451, messages: 351000, bytes: 1.4e8 },
    refused: { credentials: 3, topic_invalid: 12, subscriber_queue_full: 4 },
  };
}

export { MACHINES, SITE };

const rule = (name, topic, more = {}) => ({
  name, enabled: true, topic, format: "json", each: null, separator: null, skip: 0, site: "steel", machine: "{machine}",
  values: [
    { field: "/temp", point: "bearing_temp", unit: "°C", scale: 0.1, offset: 0, optional: false },
    { field: "/speed", point: "speed", unit: "r/min", scale: 1, offset: 0, optional: true },
  ],
  time: { field: "/ts", zone_min: 480 }, filters: [{ field: "/kind", equals: "data" }], ...more,
});

export const rules = () => ({
  revision: 7,
  changed: { by: "林工", at: new Date(Date.now() - 3_600_000).toISOString() },
  rules: [
    rule("Gateway 4", "plant/{machine}/data"),
    rule("一号水站", "water/{station}", { format: "hj212", values: [], time: null, filters: [], machine: "{station}" }),
    rule("Old PLC", "plc/+/{machine}/csv/with/a/long/topic/that/must/wrap/somewhere", { enabled: false, format: "csv", separator: ";", time: null, filters: [], values: [{ field: "#2", point: "p", unit: null, scale: 1, offset: 0, optional: false }] }),
  ],
});

export const trial = () => ({
  native: false, rule: "Gateway 4", captures: { machine: "fan-3" },
  steps: [{ rule: "Gateway 4", outcome: "matched" }],
  readings: [
    { machine: "steel/fan-3", point: "bearing_temp", value: 61.2, unit: "°C", t: new Date().toISOString(), stated: true, known: true },
    { machine: "steel/fan-3", point: "speed", value: 1486, unit: "r/min", t: new Date().toISOString(), stated: false, known: false },
  ],
  count: 2,
  fault: { code: "mapping_field", reason: "expected a value at /load, found nothing there; correct the mapping rule, or what the device sends" },
});

/** The store of a plant of some months, its disk as full as `level` says; or one that has just begun. */
export function storeReport(level, empty) {
  const GB = 1e9;
  const total = 240 * GB;
  const used = total * { normal: 0.71, near: 0.912, shedding: 0.953, stopped: 0.991 }[level];
  const capture = (all_hours, hourly_days) => ({ all_hours, hourly_days, around_alarm_minutes: 30 });
  const dropped = [["hourly", 184_220, 3.1 * GB], ["daily", 20_410, 0.4 * GB], ...(level === "normal" ? [] : [["disk", 812, 0.02 * GB]])];
  return {
    disk: {
      level, full: false, at: iso(Date.now() - 2_000), total_bytes: total, free_bytes: total - used, store_bytes: 61 * GB, budget_bytes: total,
      used_bytes: used, own_budget: false, near_percent: 90, shed_percent: 95, floor_bytes: total / 100,
      growth_bytes_per_day: empty ? null : 0.41 * GB, days_left: empty ? null : Math.max(0, (total - used - total / 100) / (0.41 * GB)),
    },
    files: [["ts.db", 43.2 * GB, 48e6], ["wave.db", 17.8 * GB, 12e6], ["state.db", 8e6, 4e6]].map(([name, bytes, wal_bytes]) => ({ name, bytes, wal_bytes })),
    series: 310, log_bytes: 92e6, failed_commits: level === "stopped" ? 3 : 0,
    waveforms: {
      records: empty ? 0 : 96_120, bytes: 17.1 * GB, near_alarms: 2_210, evidence: 41, used_bytes: 17.4 * GB, quota_bytes: 20 * 2 ** 30,
      policy: capture(48, 30), classes: { velocity: capture(24, 14) },
      dropped: empty ? [] : dropped.map(([reason, records, bytes]) => ({ reason, records, bytes })),
    },
    oldest: empty ? { raw: null, events: null, diagnoses: null, waveforms: null } : { raw: iso(Date.now() - 120 * 864e5), events: iso(Date.now() - 119 * 864e5), diagnoses: iso(Date.now() - 118 * 864e5), waveforms: iso(Date.now() - 118 * 864e5) },
    retention_days: { raw: 90, minutes: 730, hours: null, events: null, diagnoses: null },
    removed: { raw: 18_230_400, minutes: 0, hours: 0, events: 0, diagnoses: 0 },
    backups: empty ? null : { directory: "/mnt/backup/danxia", count: 30, last: iso(Date.now() - 5 * 36e5), bytes: 60.4 * GB, fault: null },
  };
}
