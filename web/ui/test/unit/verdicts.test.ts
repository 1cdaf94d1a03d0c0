import { describe, expect, test } from "vitest";
import type { FaultVerdict } from "../../src/api/types";
import { sorted } from "../../src/lib/verdicts";

const verdict = (fault: string, score: number, attainable: number, standing: FaultVerdict["standing"] = "open", quantity = "share_1x"): FaultVerdict => ({
  fault,
  bearing: null,
  point: null,
  score,
  attainable,
  standing,
  rival: null,
  terms: [{ quantity, value: 1, missing: null, weight: 0.5, lo: 0, hi: 1, contribution: 0, against: false }],
});

describe("verdicts", () => {
  test("stand in one place each", () => {
    const all = [
      verdict("imbalance", 0.9, 1, "confirmed"),
      verdict("looseness", 0.7, 0.9, "explained"),
      verdict("misalignment", 0.3, 0.4),
      verdict("rub", 0, 0.3),
      verdict("gear", 0, 1),
    ];
    const { named, weighed, untold, bearings } = sorted(all);
    const faults = (of: FaultVerdict[]) => of.map((v) => v.fault);
    expect(faults(named)).toEqual(["imbalance"]);
    expect(faults(weighed)).toEqual(["looseness"]);
    expect(faults(untold)).toEqual(["misalignment", "rub"]);
    expect(bearings).toBe(true);
  });

  test("of bearings can be told where their envelope was judged", () => {
    expect(sorted([verdict("outer_race", 0.1, 1, "open", "envelope")]).bearings).toBe(true);
    expect(sorted([verdict("outer_race", 0, 0.3, "open", "envelope")]).bearings).toBe(false);
    expect(sorted([verdict("outer_race", 0.7, 0.7, "probable", "envelope")]).bearings).toBe(true);
  });
});
