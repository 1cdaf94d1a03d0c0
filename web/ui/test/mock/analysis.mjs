// Answers of the analyst: shaped like the server's, made of the same fault as the mock's spectra.
const SHAFT = 24.77;
const FAULT = 88.4;
const grain = (k, s) => Math.abs(Math.sin(k * 12.9898 + s * 78.233) * 43758.5453) % 1;
const bump = (x, at, width) => Math.exp(-(((x - at) / width) ** 2));
const round = (v) => Number(v.toPrecision(4));
const curve = (name, x0, dx, x_unit, unit, n, f) => ({ name, x0, dx, x_unit, unit, values: Array.from({ length: n }, (_, i) => round(f(x0 + i * dx, i))) });
const none = { refused: [], shaft_hz: SHAFT, curves: [], map: null, kurtogram: null, path: [], facts: {}, source: null };
const map = (m, f) => ({ records: [], ...m, values: Array.from({ length: m.rows * m.columns }, (_, i) => round(f(m.x0 + (i % m.columns) * m.dx, m.y0 + Math.floor(i / m.columns) * m.dy, i))) });

function amplitude(hz, k) {
  let a = 0.04 + 0.05 * grain(k, 1) + 2.9 * bump(hz, SHAFT, 0.4) + 1.06 * bump(hz, 2 * SHAFT, 0.4);
  for (let h = -6; h <= 6; h++) a += 1.1 * Math.exp(-Math.abs(h) / 3) * bump(hz, 3400 + h * FAULT, 0.8);
  return a;
}

export function analysis(w, faulty, q) {
  const kind = q.get("kind");
  const num = (name, otherwise) => Number(q.get(name) ?? otherwise);
  const own = { ...none, kind };
  if (w.rpm === null && (kind === "orders" || kind === "average")) return { ...own, shaft_hz: null, refused: ["speed"] };
  switch (kind) {
    case "zoom": {
      const [low, high] = [num("low_hz", 0), num("high_hz", w.fs / 2)];
      const df = Math.max(w.fs / w.n, (high - low) / 4000);
      return { ...own, curves: [curve("zoom", low, df, "Hz", "m/s²", Math.floor((high - low) / df), amplitude)] };
    }
    case "envelope": {
      const good = faulty && num("low_hz", 0) < 3700 && num("high_hz", 1e9) > 3100;
      const line = (hz) => [1, 2, 3, 4, 5].reduce((a, h) => a + (good ? (8 / h) * bump(hz, h * FAULT, 0.7) : 0), 0);
      return { ...own, curves: [curve("envelope", 0, 0.39, "Hz", "(m/s²)²", 2000, (hz, k) => 0.3 * grain(k, 2) + line(hz) + 1.2 * bump(hz, SHAFT, 0.6))] };
    }
    case "velocity":
    case "displacement": return { ...own, curves: [curve(kind, 0.01, 16 / w.fs, "s", kind === "velocity" ? "mm/s" : "µm", 4000, (t, k) => (kind === "velocity" ? 18 : 115) * Math.sin(2 * Math.PI * SHAFT * t) + 2 * grain(k, 10))] };
    case "cepstrum": return { ...own, curves: [curve("cepstrum", 0, 1 / w.fs, "s", "Np", 4000, (s, k) => 0.02 * (grain(k, 3) - 0.5) + (s < 0.001 ? 0.5 : 0) + [1, 2, 3].reduce((a, h) => a + (faulty ? (0.2 / h) * bump(s, h / FAULT, 6e-5) : 0), 0.15 * bump(s, 1 / SHAFT, 6e-5)))] };
    case "spectrogram": {
      const m = { x0: 0.01, dx: 0.01, x_unit: "s", y0: 0, dy: 100, y_unit: "Hz", columns: 126, rows: 129, unit: "dB re 1 µm/s²" };
      return { ...own, map: map(m, (t, hz, i) => 78 + 8 * grain(i, 4) + 34 * bump(hz, 0, 150) + (faulty ? 26 * bump(hz, 3400, 700) * (((t * FAULT) % 1) < 0.45 ? 1 : 0.3) : 0)) };
    }
    case "kurtogram": {
      const levels = [0, 1, 2, 3, 4, 5].map((l) => {
        const width_hz = w.fs / 2 / 2 ** l;
        return { width_hz, kurtosis: Array.from({ length: 2 ** l }, (_, i) => round(0.2 * grain(i, l) + (faulty ? 6 * bump((i + 0.5) * width_hz, 3400, 900) * bump(l, 3, 1.6) : 0))) };
      });
      const width = levels[3].width_hz;
      return { ...own, kurtogram: { levels, best: [2 * width, 3 * width], kurtosis: 5.4 } };
    }
    case "orders": return {
      ...own, source: q.get("tacho") ? "tacho" : "record",
      curves: [curve("spectrum", 0, 0.025, "order", "m/s²", 3200, (o, k) => 0.03 * grain(k, 5) + [2.9, 1.06, 0.4].reduce((a, v, i) => a + v * bump(o, i + 1, 0.03), 0) + (faulty ? 0.5 * bump(o, FAULT / SHAFT, 0.04) : 0)),
        curve("speed", 0, 0.01, "s", "r/min", 128, (t) => 60 * SHAFT * (1 + 0.002 * Math.sin(5 * t)))],
    };
    case "average": return { ...own, source: "record", facts: { turns: 31, residual_rms: 1.3 }, curves: [curve("wave", 0, 1 / 1024, "turn", "m/s²", 1024, (a) => 4 * Math.sin(2 * Math.PI * a) + 1.5 * Math.sin(4 * Math.PI * a + 1) + 0.6 * Math.sin(34 * Math.PI * a))] };
    case "peak_hold": return {
      ...own, facts: { corner_hz: Number(q.get("corner_hz") ?? 1000) },
      curves: [curve("wave", 0.02, 0.0004, "s", "m/s²", 3200, (t, k) => 0.8 + 0.4 * grain(k, 11) + (faulty ? 9 * Math.max(0, 1 - ((t * FAULT) % 1) * 6) : 0)),
        curve("spectrum", 0, 0.78, "Hz", "m/s²", 1270, (hz, k) => 0.05 * grain(k, 12) + (faulty ? [1, 2, 3, 4, 5].reduce((a, h) => a + (2 / h) * bump(hz, h * FAULT, 1), 0) : 0))],
    };
    case "run_up": {
      const responses = Array.from({ length: 240 }, (_, i) => {
        const r = (300 + 11 * i) / 1480;
        const [re, im] = [1 - r * r, 0.11 * r];
        const size = Math.hypot(re, im);
        return { rpm: 300 + 11 * i, amplitude: round((r ** 4 * 2.2) / size + 0.02 * grain(i, 13)), lag_deg: round((Math.atan2(im, re) * 180 / Math.PI + 215) % 360) };
      });
      return { ...own, source: "tacho", responses };
    }
    default: return null;
  }
}

export function orbit() {
  const at = (i) => (2 * Math.PI * i) / 256;
  return {
    ...none, kind: "orbit", facts: { forward: 1 },
    path: Array.from({ length: 1024 }, (_, i) => [22 * Math.cos(at(i)) + 5 * Math.cos(2 * at(i)) + grain(i, 6), 12 * Math.sin(at(i) + 0.3) + grain(i, 7)]),
    curves: [curve("full", -5, 0.02, "order", "µm", 501, (o, k) => 0.1 * grain(k, 8) + 17 * bump(o, 1, 0.03) + 5 * bump(o, -1, 0.03) + 2.4 * bump(o, 2, 0.03))],
  };
}

export function waterfall(waves, q) {
  const to = Number(q.get("to_hz") ?? 1000);
  const rows = waves.slice(0, Number(q.get("limit") ?? 40)).filter((w) => q.get("by") !== "speed" || w.rpm !== null).reverse();
  if (q.get("by") === "speed") rows.sort((a, b) => a.rpm - b.rpm);
  const m = { x0: 0, dx: to / 400, x_unit: "Hz", y0: 0, dy: 1, y_unit: "", columns: 400, rows: rows.length, unit: "dB re 1 µm/s²" };
  const level = (hz, row, i) => {
    const shaft = (rows[row].rpm ?? 1486) / 60;
    return 88 + 9 * grain(i, 9) + 38 * bump(hz, shaft, m.dx) + 27 * bump(hz, 2 * shaft, m.dx) + (row > rows.length / 2 ? 24 * bump(hz, FAULT, m.dx) : 0);
  };
  return { ...none, kind: "waterfall", shaft_hz: null, map: { ...map(m, (hz, row, i) => level(hz, row, i)), records: rows.map((w) => ({ id: w.id, t0: w.t0, rpm: w.rpm })) } };
}
