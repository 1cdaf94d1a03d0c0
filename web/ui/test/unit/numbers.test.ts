import { beforeEach, describe, expect, test } from "vitest";
import { bytes, clock, dateTime, fixed, int, num, plantZone, quantity, span, when, zoneName } from "../../src/lib/format";
import { gapLimit, medianStep, withGaps } from "../../src/lib/gaps";
import { lang, pickLang } from "../../src/lib/prefs";
import { logRange, verticalRange } from "../../src/lib/range";
import { figures, firstView, parseWindow, peaks, snap, valueAt } from "../../src/lib/spectrum";

beforeEach(() => {
  lang.set("en");
  plantZone.set("Asia/Shanghai");
});

describe("numbers", () => {
  test.each([
    [0, "0"],
    [0.012345, "0.0123"],
    [1, "1"],
    [5.617, "5.62"],
    [61.25, "61.3"],
    [1486, "1,486"],
    [123456.7, "123,457"],
    [1.5e13, "1.50e+13"],
    [-0.0000001, "-1.00e-7"],
    [null, "–"],
    [undefined, "–"],
    [Number.NaN, "–"],
    [Number.POSITIVE_INFINITY, "–"],
  ])("%s is told as %s", (v, text) => expect(num(v)).toBe(text));

  test("units stand beside numbers, never beside nothing", () => {
    expect(quantity(5.6, "mm/s")).toBe("5.6 mm/s");
    expect(quantity(5.6, null)).toBe("5.6");
    expect(quantity(null, "mm/s")).toBe("–");
    expect([fixed(1.5, 2), int(1234), bytes(999), bytes(48_451)]).toEqual(["1.50", "1,234", "999 B", "48.5 kB"]);
  });
});

describe("times", () => {
  const noon = Date.parse("2026-11-23T16:30:05.123456789Z");
  test("are the plant's, not the browser's", () => {
    expect(clock("2026-11-23T16:30:05.123456789Z")).toBe("00:30:05");
    expect(dateTime(noon)).toBe("11/24/2026, 00:30:05");
    expect(zoneName(noon)).toBe("GMT+8");
    lang.set("zh-CN");
    expect(dateTime(noon)).toBe("2026/11/24 00:30:05");
  });

  test("carry their day unless it is today in the plant", () => {
    expect(when(noon, noon + 1000)).toBe("00:30:05");
    expect(when(noon, noon + 86_400_000)).toBe("Nov 24 00:30:05");
  });

  test("fall back to UTC for a zone the browser does not know", () => {
    plantZone.set("Mars/Olympus");
    expect(clock(noon)).toBe("16:30:05");
  });

  test.each([
    [0, "0 sec"],
    [9_400, "9 sec"],
    [200_000, "3 min 20 sec"],
    [3_600_000, "1 hr"],
    [3 * 86_400_000 + 7_200_000, "3 days 2 hr"],
    [40 * 86_400_000, "40 days"],
    [-5, "0 sec"],
  ])("a span of %d ms is told as %s", (ms, text) => expect(span(ms)).toBe(text));
});

describe("silence in a trend", () => {
  test("is a gap with a hatch, not a line", () => {
    const g = withGaps([1000, 2000, 6000, 7000], [[1, 2, 3, 4]], 2500, 0, 7000);
    expect(g.x).toEqual([1, 2, 4, 6, 7]);
    expect(g.columns).toEqual([[1, 2, null, 3, 4]]);
    expect(g.holes).toEqual([[2000, 6000]]);
  });

  test("counts before the first value and after the last", () => {
    expect(withGaps([5000], [[1]], 2000, 0, 9000).holes).toEqual([[0, 5000], [5000, 9000]]);
    expect(withGaps([], [[]], 2000, 0, 9000).holes).toEqual([[0, 9000]]);
  });

  test("is measured by the point's period where buckets are narrower than it", () => {
    expect(gapLimit(1000, 10_000, [])).toBe(25_000);
    expect(gapLimit(60_000, 10_000, [])).toBe(90_000);
    expect(gapLimit(1000, null, [0, 10_000, 20_000, 90_000])).toBe(25_000);
    expect([medianStep([]), medianStep([5])]).toEqual([0, 0]);
  });
});

describe("the vertical range of a trend", () => {
  test("shows limits that are near and leaves out those that are far", () => {
    const [lo, hi] = verticalRange(58, 62, { h: 70, hh: 200 }, undefined);
    expect(hi).toBeGreaterThan(70);
    expect(hi).toBeLessThan(100);
    expect(lo).toBeLessThan(58);
  });

  test("begins at nothing and shows the next boundary where there are zones", () => {
    const [lo, hi] = verticalRange(1, 3, undefined, [2.3, 4.5, 7.1]);
    expect(lo).toBe(0);
    expect(hi).toBeGreaterThan(4.5);
    expect(hi).toBeLessThan(7.1);
  });

  test("is never empty", () => {
    const [lo, hi] = verticalRange(0, 0, {}, undefined);
    expect(hi).toBeGreaterThan(lo);
  });
});

test.each([
  [0.0097, 970, 1e-3, 1552],
  [0, 1, 1e-5, 1.6],
  [0.2, 50, 0.1, 80],
  [null, null, 1e-5, 1.6],
  [0, 0, 1e-5, 1.6],
])("a logarithmic axis from %s to %s begins at the decade %s", (low, high, bottom, top) => {
  const [a, b] = logRange(low, high);
  expect(a).toBeCloseTo(bottom, 12);
  expect(b).toBeCloseTo(top, 9);
});

describe("spectra", () => {
  const y = [0, 1, 5, 1, 0, 3, 0, 9];
  test("a pick finds the peak beside the pointer", () => {
    expect([snap(y, 3, 1), snap(y, 3, 3), snap(y, 0, 0), snap(y, 99, 1)]).toEqual([2, 2, 0, 7]);
  });

  test("peaks are local, within the window, the highest first", () => {
    expect(peaks(y, 2, 0, 14, 5).map((p) => p.hz)).toEqual([4, 10]);
    expect(peaks(y, 2, 6, 14, 5).map((p) => p.hz)).toEqual([10]);
  });

  test("a value off the spectrum is none", () => {
    expect(valueAt(y, 2, 5)).toBe(5);
    expect(valueAt(y, 2, 100)).toBeUndefined();
    expect(valueAt([], 0, 1)).toBeUndefined();
  });

  test("figures of a record stand about its mean", () => {
    const f = figures(new Float32Array([3, 1, 3, 1]));
    expect(f).toEqual({ mean: 2, rms: 1, peak: 1, crest: 1, kurtosis: 1, min: 1, max: 3 });
    expect(figures([]).rms).toBe(0);
  });

  test("the first view holds what is drawn", () => {
    expect(firstView([{ hz: 100 }, { hz: 400 }], 25, 5000)).toBe(480);
    expect(firstView([], 25, 5000)).toBe(500);
    expect(firstView([], null, 600)).toBe(600);
  });

  test.each([
    ["10-20.5", [10, 20.5]],
    ["20-10", undefined],
    ["x", undefined],
    [undefined, undefined],
  ])("the window %s is %s", (text, expected) => expect(parseWindow(text)).toEqual(expected));
});

test.each([
  ["en", ["zh-CN"], "en"],
  [null, ["fr", "zh-TW", "en"], "zh-CN"],
  [null, ["en-GB"], "en"],
  [null, ["fr"], "en"],
  ["nonsense", ["zh"], "zh-CN"],
])("with %s stored and a browser of %s the page speaks %s", (stored, languages, expected) =>
  expect(pickLang(stored, languages)).toBe(expected),
);
