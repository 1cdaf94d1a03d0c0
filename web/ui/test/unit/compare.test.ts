import { describe, expect, test } from "vitest";
import { bands, parseSpan, parseTags, placeOf, tagsText, type Tag } from "../../src/lib/compare";

describe("the tags of a comparison", () => {
  test("travel in a link, whatever their names hold", () => {
    const tags: Tag[] = [{ point: "韶钢/三号风机/振动,DE" }, { point: "s/m/Folder/Metric 1", indicator: "velocity_rms" }, { point: "s/m/a~b" }];
    expect(parseTags(tagsText(tags))).toEqual(tags);
  });

  test("come once each, at most eight, and nothing else", () => {
    const many = Array.from({ length: 12 }, (_, i) => ({ point: `s/m/p${i}` }));
    expect(parseTags(tagsText([...many, ...many]))).toEqual(many.slice(0, 8));
    for (const bad of [undefined, "", "x", "a/b", "%E0%A4%A", "~x"]) expect(parseTags(bad)).toEqual([]);
  });

  test("a point's own name may hold slashes", () => {
    expect(placeOf("s/m/Folder/Metric 1")).toEqual({ site: "s", machine: "m", name: "Folder/Metric 1" });
  });
});

describe("when an alarm held", () => {
  const step = (s: number, from: string, to: string) => ({ t: new Date(s * 1000).toISOString(), from, to, priority: 2 as const }) as never;
  const found = (steps: never[], from: number, to: number) => bands(steps, from * 1000, to * 1000).map((b) => [b.from / 1000, b.to / 1000]);

  test("is from what raised it to what cleared it, however often it was acknowledged", () => {
    const steps = [
      step(70, "normal", "unacknowledged"),
      step(50, "acknowledged", "normal"),
      step(30, "unacknowledged", "acknowledged"),
      step(20, "normal", "unacknowledged"),
    ];
    expect(found(steps, 0, 100)).toEqual([[20, 50], [70, 100]]);
    expect(found(steps, 40, 60)).toEqual([[40, 50]]);
    expect(found(steps, 51, 69)).toEqual([]);
  });

  test("begins before what is known, where the oldest step says so", () => {
    expect(found([step(30, "acknowledged", "normal")], 0, 100)).toEqual([[0, 30]]);
    expect(found([step(30, "unacknowledged", "returned_unacknowledged")], 0, 100)).toEqual([[0, 30]]);
    expect(found([], 0, 100)).toEqual([]);
  });
});

test("a selection is two times in order", () => {
  expect(parseSpan("1000~2000")).toEqual([1000, 2000]);
  for (const bad of [undefined, "", "5", "2~1", "x~y", "0~5"]) expect(parseSpan(bad)).toBeUndefined();
});
