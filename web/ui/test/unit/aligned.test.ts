import { describe, expect, test } from "vitest";
import { aligned } from "../../src/lib/aligned";
import { alone } from "../../src/lib/gaps";
import { largest, nearest, responses } from "../../src/lib/response";

describe("a baseline on the grid of another curve", () => {
  const of = { y: [0, 2, -8, 2, 4], x0: 0, step: 1 };
  test("lies between its values, and nowhere beyond them", () => {
    expect(aligned(of, { x0: 0, step: 0.5, n: 5 })).toEqual([0, 1, 2, -3, -8]);
    expect(aligned(of, { x0: 3, step: 1, n: 3 })).toEqual([2, 4, null]);
    expect(aligned(of, { x0: -1, step: 1, n: 2 })).toEqual([null, 0]);
  });
  test("keeps an impact where several values fall together, with its sign", () => {
    expect(aligned(of, { x0: 0, step: 4, n: 2 })).toEqual([2, -8]);
    expect(aligned({ y: [0, 0, 0, -9, 0, 0, 0, 0, 0], x0: 0, step: 0.1 }, { x0: 0.3, step: 0.5, n: 1 })).toEqual([-9]);
  });
  test("of one value is that value", () => {
    expect(aligned({ y: [7], x0: 0, step: 1 }, { x0: 0, step: 1, n: 2 })).toEqual([7, null]);
  });
});

describe("a run-up", () => {
  const run = [
    { rpm: 600, amplitude: 1, lag_deg: 350 },
    { rpm: 1200, amplitude: 4, lag_deg: 10 },
    { rpm: 1800, amplitude: 2, lag_deg: 100 },
  ];
  test("its lag goes on beyond a turn instead of jumping", () => {
    expect(responses(run, "ms2", "peak").map((r) => r.lag)).toEqual([350, 370, 460]);
  });
  test("displacement lags acceleration by half a turn and is smaller by (2πf)²", () => {
    const [first] = responses(run, "um", "pp");
    expect(first!.lag).toBeCloseTo(170, 9);
    expect(first!.amplitude).toBeCloseTo((2 * 1e6) / (2 * Math.PI * 10) ** 2, 6);
  });
  test("what cannot be integrated is left out, and nothing is invented for an empty run", () => {
    expect(responses([{ rpm: 60, amplitude: 1, lag_deg: 0 }], "mms", "rms")).toEqual([]);
    expect(responses([], "ms2", "rms")).toEqual([]);
    expect(largest([])).toBeUndefined();
    expect(nearest([], 100)).toBeUndefined();
  });
  test("the largest is looked at first, any other by its speed", () => {
    const shown = responses(run, "ms2", "rms");
    expect(largest(shown)!.rpm).toBe(1200);
    expect(nearest(shown, 1700)!.rpm).toBe(1800);
    expect(nearest(shown, undefined)).toBeUndefined();
  });
});

describe("values that stand alone", () => {
  test("are found at either end and between gaps", () => {
    expect(alone([1, null, 2, 3, null, 4])).toEqual([0, 5]);
    expect(alone([1])).toEqual([0]);
    expect(alone([])).toEqual([]);
    expect(alone([null, 1, 2])).toEqual([]);
  });
});
