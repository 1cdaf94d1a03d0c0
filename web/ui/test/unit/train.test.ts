import { beforeAll, describe, expect, test } from "vitest";
import type { MachineDetail, Train, TrainStage, TrainUnit } from "../../src/api/types";
import { useLanguage } from "../../src/i18n";
import { inOrder, layout, spread } from "../../src/lib/train-layout";
import { unitFacts, unitTitle } from "../../src/parts/drive-train";

beforeAll(() => useLanguage("en"));

const unit = (kind: string, shafts: string[], more: Partial<TrainUnit> = {}): TrainUnit => ({ name: kind, kind, shafts, stages: [], ...more });
const gears = (...pairs: [string, number][]): TrainStage => ({ kind: "gears", shafts: [], gears: pairs.map(([shaft, teeth]) => ({ shaft, teeth })) });
const train = (measured: string, units: TrainUnit[]): Train => ({ measured, units, shafts: [], tones: [] });
const machine = (bearings: [string, string | null][]) =>
  ({ bearings: bearings.map(([name, shaft]) => ({ name, shaft })), points: [] }) as unknown as MachineDetail;

const GEARBOX = unit("gearbox", ["in", "mid", "out"], { stages: [gears(["in", 23], ["mid", 61]), gears(["mid", 21], ["out", 76])] });
const TWO_STAGES = train("in", [unit("motor", ["motor"]), unit("coupling", ["motor", "in"]), GEARBOX, unit("roll", ["out"])]);

describe("the picture of a train", () => {
  const at = layout(machine([["DE", null], ["NDE", null], ["O1", "out"], ["X", "nowhere"]]), TWO_STAGES);
  const y = (name: string) => at.shafts.find((s) => s.name === name)!.y;

  test("leads one level down with every mesh, and no further with a coupling", () => {
    expect(y("motor")).toBe(y("in"));
    expect(y("mid") - y("in")).toBe(y("out") - y("mid"));
    expect(y("mid")).toBeGreaterThan(y("in"));
  });

  test("lets gears touch, each as large as its teeth", () => {
    for (let i = 0; i < at.gears.length; i += 2) {
      const [a, b] = [at.gears[i]!, at.gears[i + 1]!];
      expect(a.x).toBe(b.x);
      expect(a.r + b.r).toBeCloseTo(Math.abs(b.y - a.y));
      expect(a.r / b.r).toBeCloseTo(a.teeth / b.teeth);
    }
    expect(at.gears.map((g) => g.teeth)).toEqual([23, 61, 21, 76]);
  });

  test("puts units one after the other, and everything inside the picture", () => {
    at.units.slice(1).forEach((u, i) => expect(u.x).toBeGreaterThan(at.units[i]!.x + at.units[i]!.width));
    for (const s of at.shafts) expect([s.x1 >= 0, s.x2 <= at.width, s.x1 < s.x2, s.y < at.height]).toEqual([true, true, true, true]);
  });

  test("seats bearings on their own shaft, and leaves out what has none", () => {
    expect(at.bearings.map((b) => b.name).sort()).toEqual(["DE", "NDE", "O1"]);
    for (const b of at.bearings) {
      const shaft = at.shafts.find((s) => s.y === b.y && s.x1 <= b.x && b.x <= s.x2);
      expect(shaft?.name).toBe(b.name === "O1" ? "out" : "in");
    }
  });

  test("keeps the shafts of a planetary stage in one line, end to end", () => {
    const stage: TrainStage = { kind: "planetary", shafts: [], gears: [{ shaft: "a", teeth: 21 }, { teeth: 39 }, { teeth: 99 }], carrier: "b", planets: 3, fixed: "ring" };
    const one = layout(machine([["A", "a"], ["B", "b"]]), train("a", [unit("gearbox", ["a", "b"], { stages: [stage] })]));
    const [a, b] = one.shafts;
    expect([a!.y, a!.x2]).toEqual([b!.y, b!.x1]);
    const [ring, planet, sun] = one.gears;
    expect(ring!.r).toBeCloseTo(sun!.r + 2 * planet!.r);
    expect(one.bearings.every((p) => Number.isFinite(p.x))).toBe(true);
  });

  test("draws a driven shaft that is named first above the one that drives it", () => {
    const up = layout(machine([]), train("fan", [unit("fan", ["fan"]), unit("belt", ["motor", "fan"], { pulleys_mm: [200, 400] }), unit("motor", ["motor"])]));
    const of = (name: string) => up.shafts.find((s) => s.name === name)!.y;
    expect(of("fan")).toBeGreaterThan(of("motor"));
    expect(Math.min(...up.shafts.map((s) => s.y))).toBe(128);
    expect(up.belts[0]!.r2).toBe(2 * up.belts[0]!.r1);
  });
});

test("the drive end is where the coupling is", () => {
  expect(inOrder(["DE", "NDE"], true)).toEqual(["NDE", "DE"]);
  expect(inOrder(["DE", "NDE"], false)).toEqual(["DE", "NDE"]);
  expect(inOrder(["B10", "B2"], false)).toEqual(["B2", "B10"]);
});

test.each([
  [[100, 100, 100], [100, 150, 200]],
  [[290, 295, 300], [200, 250, 300]],
  [[10, 200], [20, 200]],
  [[60, 50], [100, 50]],
  [[], []],
])("markers at %j stand at %j", (xs, want) => expect(spread(xs, 50, 20, 300)).toEqual(want));

test("more markers than there is room for still stand apart", () => {
  const out = spread(Array.from({ length: 9 }, () => 150), 50, 20, 300).sort((a, b) => a - b);
  expect(out[0]).toBeGreaterThanOrEqual(20);
  out.slice(1).forEach((x, i) => expect(x - out[i]!).toBeCloseTo(50));
});

test("units say what they are", () => {
  expect(unitTitle(unit("motor", ["m"]))).toBe("Motor");
  expect(unitTitle(unit("other", ["m"], { name: "drum" }))).toBe("drum");
  expect(unitFacts(unit("motor", ["m"], { poles: 4, line_hz: 50, rotor_bars: 44 }))).toEqual(["4 poles", "50 Hz", "44 rotor bars"]);
  expect(unitFacts(GEARBOX)).toEqual(["23 : 61", "21 : 76"]);
  expect(unitFacts(unit("fan", ["f"], { passing: "blades", passing_count: 12 }))).toEqual(["12 blades"]);
  expect(unitFacts(unit("belt", ["a", "b"], { pulleys_mm: [224, 560], belt_mm: 3150, toothed: false }))).toEqual(["⌀ 224 → 560 mm", "belt 3,150 mm"]);
});
