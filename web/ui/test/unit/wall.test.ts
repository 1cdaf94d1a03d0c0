import { describe, expect, test } from "vitest";
import { fromWall, toWall } from "../../src/lib/wall";

const at = (text: string) => Date.parse(text);

describe("the clock on the wall", () => {
  test.each([
    ["2026-11-30T08:00:00Z", "Asia/Shanghai", "2026-11-30T16:00"],
    ["2026-11-30T16:30:00Z", "Asia/Shanghai", "2026-12-01T00:30"],
    ["2026-01-15T23:00:00Z", "Europe/Berlin", "2026-01-16T00:00"],
    ["2026-07-15T22:00:00Z", "Europe/Berlin", "2026-07-16T00:00"],
    ["2026-07-15T22:15:00Z", "Asia/Kathmandu", "2026-07-16T04:00"],
    ["2026-07-15T22:00:00Z", "UTC", "2026-07-15T22:00"],
  ])("%s in %s is %s, there and back", (instant, zone, wall) => {
    expect(toWall(at(instant), zone)).toBe(wall);
    expect(fromWall(wall, zone)).toBe(at(instant));
  });

  test("where the clock is set, what it shows is still found", () => {
    // Berlin: 2026-03-29 02:00 becomes 03:00, 2026-10-25 03:00 becomes 02:00.
    expect(fromWall("2026-03-29T03:00", "Europe/Berlin")).toBe(at("2026-03-29T01:00:00Z"));
    expect(fromWall("2026-03-29T01:59", "Europe/Berlin")).toBe(at("2026-03-29T00:59:00Z"));
    expect(fromWall("2026-10-25T02:30", "Europe/Berlin")).toBe(at("2026-10-25T00:30:00Z"));
    expect(fromWall("2026-10-25T03:30", "Europe/Berlin")).toBe(at("2026-10-25T02:30:00Z"));
  });

  test("what is no time is none", () => {
    for (const bad of ["", "tomorrow", "2026-13-01T00:00"]) expect(fromWall(bad, "UTC")).toBeNull();
  });
});
