import { beforeAll, expect, test } from "vitest";
import type { StoreDisk } from "../../src/api/types";
import { code, useLanguage } from "../../src/i18n";
import { forecast, keptFor, marks, usedPercent } from "../../src/pages/store";

beforeAll(() => useLanguage("en"));

const disk = (d: Partial<StoreDisk>): StoreDisk => ({
  level: "normal",
  full: false,
  total_bytes: 100e9,
  free_bytes: 40e9,
  store_bytes: 10e9,
  budget_bytes: 100e9,
  used_bytes: 60e9,
  own_budget: false,
  near_percent: 90,
  shed_percent: 95,
  floor_bytes: 1e9,
  ...d,
});

test("the bar of the disk has its marks where the levels begin", () => {
  expect(marks(disk({}))).toEqual({ near: 90, shed: 95, floor: 99 });
  expect(usedPercent(disk({}))).toBe(60);
  expect(usedPercent(disk({ used_bytes: 200e9 }))).toBe(100);
  expect([usedPercent(disk({ budget_bytes: 0 })), marks(disk({ budget_bytes: 0 })).floor]).toEqual([0, 100]);
});

test("a forecast is made only of what was measured", () => {
  expect(forecast(disk({}))).toContain("not known yet");
  expect(forecast(disk({ growth_bytes_per_day: -5, days_left: null }))).toBe("the used space does not grow");
  expect(forecast(disk({ growth_bytes_per_day: 4.1e8, days_left: 95.1 }))).toBe("410 MB a day: full in about 95 days");
});

test("what is kept is told in days, or for ever", () => {
  const report = { retention_days: { raw: 90, hours: null } };
  expect([keptFor(report, "raw"), keptFor(report, "hours"), keptFor(report, "waveforms")]).toEqual(["90 days", "ever", "see below"]);
});

test("every level has a name and says what it means", () => {
  for (const level of ["normal", "near", "shedding", "stopped"]) {
    expect(code("disk_level", level)).not.toBe(level);
    expect(code("disk_level_means", level)).not.toBe(level);
  }
});
