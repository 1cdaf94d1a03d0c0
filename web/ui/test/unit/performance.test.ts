import { describe, expect, test } from "vitest";
import { bounds, chosen, DAY, draftOf, fault, kpiText, metWord, moved, proposalOf } from "../../src/pages/performance/state";

const NOW = 1_795_392_000_000;

describe("the period in the address", () => {
  test("is a week until now unless something sensible is said", () => {
    expect(chosen({})).toEqual({ days: 7, to: undefined, operators: 1 });
    expect(chosen({ days: "30", to: "1795000000000", operators: "3" })).toEqual({ days: 30, to: 1_795_000_000_000, operators: 3 });
    for (const bad of [{ days: "31" }, { days: "x", to: "soon", operators: "0" }, { to: "-1", operators: "101" }, { to: "1e400", operators: "1.5" }] as Record<string, string>[]) {
      expect(chosen(bad)).toEqual({ days: 7, to: undefined, operators: 1 });
    }
  });

  test("moves by its own length and ends now again", () => {
    const week = chosen({});
    expect(bounds(week, NOW)).toEqual({ from: NOW - 7 * DAY, to: NOW });
    const before = moved(week, NOW, -1);
    expect(before).toBe(NOW - 7 * DAY);
    expect(bounds({ ...week, to: before }, NOW)).toEqual({ from: NOW - 14 * DAY, to: NOW - 7 * DAY });
    expect(moved({ ...week, to: before }, NOW + 5, 1)).toBe(NOW);
    expect(moved({ ...week, to: before }, NOW, 1)).toBeUndefined();
  });
});

describe("a proposal", () => {
  const fine = draftOf({ point: "s/m/p", condition: "low", limit: "-3.5", on: "2.5", over: "7" });

  test("is what the fields hold; what is empty is left to the server", () => {
    expect(fault(fine)).toBeUndefined();
    expect(proposalOf(fine)).toEqual({ point: "s/m/p", condition: "low", limit: -3.5, deadband: null, on_delay_s: 2.5, off_delay_s: null, days: 7 });
    expect(draftOf({})).toEqual({ point: "", condition: "high", limit: "", deadband: "", on: "", off: "", over: "30" });
  });

  test("names the first field that cannot be used", () => {
    for (const [patch, field] of [
      [{ point: "s/m" }, "point"],
      [{ condition: "stale" }, "condition"],
      [{ limit: "" }, "limit"],
      [{ limit: "1,5" }, "limit"],
      [{ limit: "1e999" }, "limit"],
      [{ deadband: "-1" }, "deadband"],
      [{ deadband: "x" }, "deadband"],
      [{ on: "86401" }, "on"],
      [{ off: "-0.1" }, "off"],
      [{ over: "1.5" }, "over"],
      [{ over: "93" }, "over"],
    ] as const) {
      expect(fault({ ...fine, ...patch })).toBe(field);
    }
  });
});

test("an indicator is told in its unit, and whether it is kept in a word", () => {
  expect(kpiText("flood_time", 0.0042)).toBe("0.42 %");
  expect(kpiText("top_ten", 0.54)).toBe("54 %");
  expect(kpiText("chattering", 2)).toBe("2");
  expect(kpiText("top_ten", null)).toBe("–");
  const kpi = { code: "top_ten", value: 0.5, target: 0.05, met: false };
  expect(metWord(kpi)).toBe("missed");
  expect(metWord({ ...kpi, met: true })).toBe("met");
  expect(metWord({ ...kpi, value: null, met: null })).toBe("no_value");
  expect(metWord({ ...kpi, target: null, met: null })).toBe("no_figure");
});
