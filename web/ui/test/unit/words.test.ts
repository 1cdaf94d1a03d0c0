import { beforeAll, describe, expect, test } from "vitest";
import { overlay } from "../../src/api/live";
import type { Alarm, Diagnosis, MachineSummary } from "../../src/api/types";
import { code, fill, title, useLanguage } from "../../src/i18n";
import { beyond, byUrgency, message, parseCondition, placeOf, qualityText, remark, remedy, usable, valueAgainstLimit } from "../../src/lib/condition";
import { publishCommand, splitAddress } from "../../src/lib/connect";
import { byNeed, joinSummary, matches, needsAttention } from "../../src/lib/overview";
import { href, parseHash } from "../../src/lib/router";
import { verdict } from "../../src/parts/diagnosis";
import { bearingPlaces } from "../../src/parts/train";

beforeAll(() => useLanguage("en"));

const evidence = (codes: string[] = []) => ({ terms: {}, codes, lines: [] });

describe("conditions", () => {
  test.each([
    ["zone_d", { kind: "zone_d" }],
    ["bearing.DE.outer_race", { kind: "bearing", bearing: "DE", fault: "outer_race" }],
    ["system.disk_space", { kind: "system", name: "disk_space" }],
    ["bearing.No.2 side.ball", { kind: "bearing", bearing: "No.2 side", fault: "ball" }],
  ])("%s", (text, expected) => expect(parseCondition(text)).toEqual(expected));

  test("become a sentence in either language", async () => {
    const bearing = { condition: "bearing.DE.outer_race" };
    expect(message(bearing)).toBe("Bearing DE: outer race damage");
    expect(remark({ condition: "zone_c", evidence: evidence(["imbalance"]) })).toContain("imbalance");
    expect(remark({ condition: "change", evidence: evidence(["kurtosis", "crest"]) })).toBe("Kurtosis, Crest factor");
    await useLanguage("zh-CN");
    expect(message(bearing)).toBe("轴承 DE：外圈损伤");
    await useLanguage("en");
  });

  test("of the platform itself lead to no machine", () => {
    const full = { condition: "system.disk_space", machine: { site: "$danxia", machine: "platform", title: {} } };
    expect(message(full)).toBe("Little disk space for the store");
    expect(remedy(full)).toContain("Free space");
    expect(placeOf(full)).toBe(href(["store"]));
    expect(placeOf({ ...full, condition: "high", point: "p" })).toContain("point=p");
  });

  test("show a code that is not in the vocabulary as it is", () => {
    expect(message({ condition: "gear_mesh" })).toBe("gear_mesh");
    expect(code("sensor", "melted")).toBe("melted");
  });

  test.each([
    [{ value: 85.2, limit: 80, unit: "°C" }, "85.2 > 80 °C"],
    [{ value: 17.9, limit: 18, unit: "MPa" }, "17.9 < 18 MPa"],
    [{ value: 14.2, limit: null, unit: null }, "14.2"],
    [{ value: null, limit: 3, unit: "A" }, ""],
  ])("%o reads %s", (a, text) => expect(valueAgainstLimit({ condition: "high", ...a })).toBe(text));

  test.each([
    [96, "hh"],
    [81, "h"],
    [80, null],
    [9, "l"],
    [4, "ll"],
  ])("%d is beyond %s", (v, expected) => expect(beyond(v, { hh: 95, h: 80, l: 10, ll: 5 })).toBe(expected));
});

describe("qualities", () => {
  test("a bad value is not usable, and every doubt is told", () => {
    const at = (quality: string) => ({ t: "2026-01-01T00:00:00Z", value: 1, quality });
    expect([usable(at("good")), usable(at("uncertain(source)")), usable(at("bad(offline)")), usable(null)]).toEqual([true, true, false, false]);
    expect(qualityText("good")).toBe("");
    expect(qualityText("bad(offline)")).toBe("bad: machine or gateway gone");
  });
});

const alarm = (id: string, state: Alarm["state"], priority: Alarm["priority"], raised: string): Alarm => ({
  id,
  machine: { site: "s", machine: "m", title: {} },
  condition: "high",
  state,
  priority,
  raised,
  changed: raised,
  occurrences: 1,
  evidence: evidence(),
});

test("alarms stand in the order in which people must act", () => {
  const list = [
    alarm("cleared", "normal", 1, "2026-01-01T00:00:00Z"),
    alarm("seen", "acknowledged", 1, "2026-01-01T00:00:00Z"),
    alarm("older", "unacknowledged", 2, "2026-01-01T00:00:00Z"),
    alarm("newer", "unacknowledged", 2, "2026-01-01T00:00:01Z"),
    alarm("gone", "returned_unacknowledged", 1, "2026-01-01T00:00:00Z"),
  ];
  expect(list.sort(byUrgency).map((a) => a.id)).toEqual(["gone", "newer", "older", "seen", "cleared"]);
});

const machine = (m: Partial<MachineSummary>): MachineSummary => ({
  site: "steel",
  machine: "fan-1",
  title: { zh: "主抽风机", en: "Main fan" },
  class: "fan",
  status: "normal",
  unacknowledged: 0,
  ...m,
});

describe("the overview", () => {
  test.each([
    [{}, false],
    [{ status: "no_data" as const }, true],
    [{ status: "stale" as const }, true],
    [{ unacknowledged: 1 }, true],
  ])("%o needs attention: %s", (m, expected) => expect(needsAttention(machine(m))).toBe(expected));

  test("names the most urgent first", () => {
    const list = [machine({ machine: "c", status: "no_data" }), machine({ machine: "b", priority: 2 }), machine({ machine: "a", priority: 1 })];
    expect(list.sort(byNeed).map((m) => m.machine)).toEqual(["a", "b", "c"]);
  });

  test("finds a machine by any word of any of its names", () => {
    const found = (q: string) => matches(machine({}), "sinter", q);
    expect(["主抽", "MAIN", "fan sinter", "steel fan-1", ""].map(found)).toEqual([true, true, true, true, true]);
    expect(found("pump")).toBe(false);
  });

  test("keeps the fetched trend where the stream brings none", () => {
    const spark = { t_ms: [1], v: [2] };
    expect(joinSummary(machine({ spark }), machine({ status: "alarm" }))).toMatchObject({ status: "alarm", spark });
  });
});

describe("what was heard", () => {
  const id = (x: { k: string; v: number }) => x.k;
  const heard = new Map([
    ["a", { what: { k: "a", v: 2 }, at: 20 }],
    ["b", { what: { k: "b", v: 2 }, at: 5 }],
    ["c", { what: { k: "c", v: 2 }, at: 20 }],
  ]);
  test("replaces what was fetched before it, and nothing else", () => {
    const out = overlay([{ k: "a", v: 1 }, { k: "b", v: 1 }], 10, heard, id);
    expect(out).toEqual([{ k: "a", v: 2 }, { k: "b", v: 1 }, { k: "c", v: 2 }]);
  });
});

describe("links", () => {
  test("round-trip names with slashes, blanks and Chinese", () => {
    const link = href(["machine", "钢厂", "fan 1/a"], { point: "vib/de h", range: "8h", empty: "", none: null });
    expect(parseHash(link)).toEqual({ path: ["machine", "钢厂", "fan 1/a"], query: { point: "vib/de h", range: "8h" } });
  });

  test("survive what is no hash of ours", () => {
    expect(parseHash("")).toEqual({ path: [], query: {} });
    expect(parseHash("#/alarms/%E0%A4%A")).toEqual({ path: ["alarms", "%E0%A4%A"], query: {} });
  });
});

describe("the line to paste", () => {
  test.each([
    ["127.0.0.1:1883", { host: "127.0.0.1", port: "1883" }],
    ["[::1]:11883", { host: "::1", port: "11883" }],
  ])("%s", (address, parts) => expect(splitAddress(address)).toEqual(parts));

  test("reaches a broker that listens everywhere by the page's own name", () => {
    expect(publishCommand("0.0.0.0:1884", "danxia.plant", true)).toMatch(/^mosquitto_pub -h danxia\.plant -p 1884 -q 1 -t danxia\/v1\//);
    expect(publishCommand("127.0.0.1:1883", "x", false)).toContain(" -u USER -P PASSWORD ");
  });

  test("carries a payload that is JSON", () => {
    const payload = /-m '(.*)'$/.exec(publishCommand("127.0.0.1:1883", "x", true))?.[1] ?? "";
    expect(JSON.parse(payload)).toHaveProperty("values.bearing_temp.u", "°C");
  });
});

describe("verdicts", () => {
  const hypothesis = (statistic: number) => ({ bearing: "DE", fault: "inner_race", statistic, threshold: 8, hz: 100 });
  const judged = (statistic: number): Diagnosis => ({
    waveform: "w",
    point: "s/m/p",
    t: "2026-01-01T00:00:00Z",
    sensor: { healthy: true, codes: [] },
    zone: { refused: ["power"] },
    bearing: { hypotheses: [hypothesis(statistic)], threshold: 8, shaft_hz: 25 },
  });
  test("claim a fault only over the threshold", () => {
    expect(verdict(judged(8.1))).toEqual({ text: "Bearing DE: inner race damage", abnormal: true, unknown: false });
    expect(verdict(judged(8)).abnormal).toBe(false);
  });

  test("say what is missing instead of calling it healthy", () => {
    const refused = { ...judged(1), bearing: { refused: ["speed", "geometry"] } };
    expect(verdict(refused)).toMatchObject({ unknown: true, text: expect.stringContaining("shaft speed not known, bearing geometry") });
    const failed = { ...judged(20), sensor: { healthy: false, codes: ["clipped"] } };
    expect(verdict(failed)).toMatchObject({ unknown: true, abnormal: false });
  });
});

test("bearings stand where their names say, else in their order", () => {
  expect([...bearingPlaces(["DE", "NDE"])]).toEqual([["DE", 510], ["NDE", 210]]);
  expect([...bearingPlaces(["1", "2", "3"])]).toEqual([["1", 210], ["2", 360], ["3", 510]]);
  expect(bearingPlaces(["DE", "X"]).get("X")).toBe(360);
});

test("titles fall back to the other language, then to the id", () => {
  expect([title({ zh: "泵", en: "Pump" }, "p"), title({ zh: "泵" }, "p"), title(null, "p")]).toEqual(["Pump", "泵", "p"]);
  expect(fill("{a} and {b}", { a: 1 })).toBe("1 and {b}");
});
