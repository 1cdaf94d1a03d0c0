import { describe, expect, test } from "vitest";
import { explain, groups, harmonics, periods, sidebands, slipped, type Line } from "../../src/lib/marks";
import { converted, DETECTORS, factor, hzIn, levelOf, levels, powerLevels, quantityOf } from "../../src/lib/quantity";
import { figures, nextPeak, onGrid, parseWindow } from "../../src/lib/spectrum";
import { csv, fileName } from "../../src/lib/save";
import { parseViews, withView } from "../../src/lib/views";
import { bench, frequencyAxis } from "../../src/pages/vibration/state";
import { bandAt, fieldOf } from "../../src/pages/vibration/kurtogram";

describe("units", () => {
  test("a sinusoid of 1 m/s² at 159.155 Hz is 1 mm/s and 1 µm, and back", () => {
    const hz = 1000 / (2 * Math.PI);
    expect(factor("ms2", "mms", hz)).toBeCloseTo(1, 9);
    expect(factor("ms2", "um", hz)).toBeCloseTo(1, 9);
    expect(factor("um", "ms2", hz)).toBeCloseTo(1, 9);
    expect(factor("mms", "um", hz)).toBeCloseTo(1, 9);
    expect(factor("g", "ms2", 7)).toBeCloseTo(9.80665, 12);
    expect(factor("ms2", "g", 7) * factor("g", "ms2", 7)).toBeCloseTo(1, 12);
  });

  test("what would be the sensor's drift is not integrated; what is differentiated has no such end", () => {
    expect(factor("ms2", "mms", 1.99)).toBe(0);
    expect(factor("ms2", "mms", 2)).toBeGreaterThan(0);
    expect(factor("ms2", "g", 0)).toBeCloseTo(1 / 9.80665, 12);
    expect(factor("mms", "ms2", 0)).toBe(0);
  });

  test("lines are converted where they lie, also in a window", () => {
    const hz = 1000 / (2 * Math.PI);
    const y = converted([1, 1], hz, "ms2", "mms", "peak", hz);
    expect([...y]).toEqual([expect.closeTo(Math.SQRT2, 9), expect.closeTo(Math.SQRT2 / 2, 9)]);
    expect(DETECTORS.pp).toBeCloseTo(2 * DETECTORS.peak, 12);
  });

  test("levels have their references: 1 µm/s², 1 nm/s, 1 pm", () => {
    expect(levelOf(1, "ms2")).toBeCloseTo(120, 9);
    expect(levelOf(1, "g")).toBeCloseTo(120 + 20 * Math.log10(9.80665), 9);
    expect(levelOf(1, "mms")).toBeCloseTo(120, 9);
    expect(levelOf(1, "um")).toBeCloseTo(120, 9);
    expect([...levels([0, 10], "ms2")]).toEqual([0, expect.closeTo(140, 9)]);
    expect([...powerLevels([1, 100, 0])]).toEqual([0, 20, -120]);
    expect([...levels([0, 0], "ms2")]).toEqual([0, 0]);
  });

  test("units are known by how the server writes them", () => {
    expect([quantityOf("m/s²"), quantityOf("g"), quantityOf("mm/s"), quantityOf("µm"), quantityOf("bar")]).toEqual(["ms2", "g", "mms", "um", undefined]);
  });

  test("an axis of orders needs the shaft's speed", () => {
    expect([hzIn("hz", null), hzIn("cpm", null), hzIn("order", 25), hzIn("order", null), hzIn("order", 0)]).toEqual([1, 1 / 60, 25, undefined, undefined]);
    expect(frequencyAxis(bench({ x: "order" }), null)).toEqual({ axis: "hz", hz: 1 });
    expect(frequencyAxis(bench({ x: "order" }), 25)).toEqual({ axis: "order", hz: 25 });
  });
});

const line = (label: string, harmonic: number, hz: number, slip: number | null = null): Line => ({ label, bearing: slip === null ? null : "DE", harmonic, hz, slip });

describe("marks", () => {
  test("harmonics and sidebands stay within the window", () => {
    expect(harmonics(10, 5, 35)).toEqual([20, 30]);
    expect(sidebands(100, 30, 4, 150).map((s) => [s.k, s.hz])).toEqual([[-3, 10], [-2, 40], [-1, 70], [1, 130]]);
    expect(sidebands(100, 0, 4, 150)).toEqual([]);
  });

  test("one slip moves all harmonics of a hypothesis, from where the geometry puts them", () => {
    const found = [1, 2].map((k) => line("outer_race", k, 99 * k, -0.01));
    expect(found.map((l) => slipped(l, undefined))).toEqual([99, 198]);
    expect(found.map((l) => slipped(l, 0))).toEqual([expect.closeTo(100, 9), expect.closeTo(200, 9)]);
    expect(slipped(found[1]!, 0.01)).toBeCloseTo(202, 9);
    expect(slipped(line("blade_pass", 1, 300), 0.01)).toBe(300);
  });

  test("lines are grouped with their fundamental", () => {
    const of = groups([line("outer_race", 2, 198, -0.01), line("shaft", 1, 25), line("outer_race", 1, 99, -0.01)], 0);
    expect(of.map((g) => [g.key, g.lines.length, g.canSlip])).toEqual([["DE.outer_race", 2, true], [".shaft", 1, false]]);
    expect(of[0]!.fundamental).toBeCloseTo(100, 9);
  });

  test("a frequency is explained by what lies within the resolution, plain lines before sidebands", () => {
    const of = groups([line("inner_race", 1, 135, 0), line("shaft", 1, 25)]);
    const say = (hz: number) => explain(hz, of, 25, 0.4).map((e) => `${e.label} ${e.harmonic}${e.side ? (e.side > 0 ? "+" : "") + e.side : ""}`);
    expect(say(50.3)).toEqual(["shaft 2"]);
    expect(say(270)).toEqual(["inner_race 2"]);
    expect(say(160.1)).toEqual(["inner_race 1+1"]);
    expect(say(135.5)).toEqual([]);
    const coincident = groups([line("outer_race", 1, 75, 0)]);
    expect(explain(75, coincident, 25, 0.4).map((e) => e.label)).toEqual(["outer_race", "shaft"]);
    expect(explain(75, coincident, null, 0.4).map((e) => e.label)).toEqual(["outer_race"]);
  });

  test("what comes again in the waveform, unless it would be a curtain", () => {
    expect(periods(0.05, 100, 0.0299, 0.0601, 60)).toEqual([0.03, 0.04, 0.06].map((v) => expect.closeTo(v, 9)));
    expect(periods(0, 1000, 0, 1, 60)).toEqual([]);
    expect(periods(0, NaN, 0, 1, 60)).toEqual([]);
  });
});

describe("curves", () => {
  test("the next peak in a direction", () => {
    const y = [0, 5, 0, 9, 0, 7, 0];
    expect([nextPeak(y, 2, [0, 12], 2, 1), nextPeak(y, 2, [0, 12], 6, -1), nextPeak(y, 2, [0, 12], 10, 1)]).toEqual([6, 2, undefined]);
    expect(nextPeak(y, 2, [0, 12], 2, 1, 1)).toBe(6);
  });

  test("a baseline of other resolution comes onto the own grid without losing a peak", () => {
    expect([...onGrid([0, 0, 0, 8, 0, 0, 0, 0], 0.5, 4, 1)]).toEqual([0, 0, 8, 0]);
    expect([...onGrid([0, 10], 2, 3, 1)]).toEqual([0, 5, 10]);
    expect([...onGrid([1], 1, 3, 1)]).toEqual([1, 0, 0]);
  });

  test("figures of a selection; a sine has kurtosis 1.5", () => {
    const n = 1000;
    const v = Float64Array.from({ length: 2 * n }, (_, i) => (i < n ? 2 * Math.sin((2 * Math.PI * i) / 100) : 99));
    const f = figures(v, 0, n);
    expect(f.rms).toBeCloseTo(Math.SQRT2, 9);
    expect(f.kurtosis).toBeCloseTo(1.5, 9);
    expect(f.crest).toBeCloseTo(Math.SQRT2, 3);
    expect(figures(v, n, 2 * n)).toMatchObject({ rms: 0, kurtosis: 0, crest: 0, mean: 99 });
    expect(figures([], 0, 5)).toMatchObject({ mean: 0, rms: 0, kurtosis: 0 });
  });

  test("windows in links, earlier ones and signed ones", () => {
    expect([parseWindow("10-20.5"), parseWindow("-3~3"), parseWindow("5~1"), parseWindow("a~b"), parseWindow(undefined)]).toEqual([[10, 20.5], [-3, 3], undefined, undefined, undefined]);
  });
});

describe("the link", () => {
  test("holds what the bench shows, and nonsense in it is left aside", () => {
    expect(bench({})).toMatchObject({ view: "spectra", x: "hz", y: "linear", quantity: "ms2", detector: "rms", harmonics: 0, sidebands: 0, slip: undefined, band: undefined });
    expect(bench({ view: "orbit", x: "cpm", y: "db", q: "um", amp: "pp", harmonics: "7", sidebands: "3", slip: "-0.5", band: "100~900" })).toMatchObject({
      view: "orbit", x: "cpm", y: "db", quantity: "um", detector: "pp", harmonics: 7, sidebands: 3, slip: -0.005, band: [100, 900],
    });
    expect(bench({ view: "x", harmonics: "-1", sidebands: "1e9", slip: "NaN", y: "cubic" })).toMatchObject({ view: "spectra", harmonics: 0, sidebands: 12, slip: undefined, y: "linear" });
    expect(bench({ harmonics: "1" }).harmonics).toBe(10);
    expect(bench({ slip: "50" }).slip).toBe(0.01);
  });

  test("views are kept by name, the newest first; what is no view is dropped", () => {
    const one = withView([], " fan ", "#/a");
    expect(one).toEqual([{ name: "fan", link: "#/a" }]);
    expect(withView(one, "fan", "#/b")).toEqual([{ name: "fan", link: "#/b" }]);
    expect(withView(one, "  ", "#/b")).toBe(one);
    expect(parseViews(JSON.stringify([...one, { name: "evil", link: "javascript:0" }, 7]))).toEqual(one);
    expect([parseViews("{"), parseViews(null), parseViews("{}")]).toEqual([[], [], []]);
  });
});

test("a kurtogram becomes a field: wide bands spread over the columns of the narrowest", () => {
  const k = { levels: [{ width_hz: 100, kurtosis: [1] }, { width_hz: 50, kurtosis: [2, 3] }], best: [0, 50] as [number, number], kurtosis: 3 };
  const f = fieldOf(k);
  expect([f.columns, f.rows, f.dx, f.x0, ...Array.from(f.values)]).toEqual([2, 2, 50, 25, 1, 1, 2, 3]);
  expect([bandAt(k, 60, 1), bandAt(k, 60, 0), bandAt(k, 60, 5)]).toEqual([[50, 100], [0, 100], undefined]);
});

test("files of what is seen", () => {
  expect(csv(["f (Hz)", 'a, "b"'], [[0, 1], [2.5]])).toBe('f (Hz),"a, ""b"""\r\n0,2.5\r\n1,\r\n');
  expect(fileName("韶钢/三号风机/vib", "2026-11-22T23:59:00Z")).toBe("韶钢_三号风机_vib_2026-11-22T23_59_00Z");
});
