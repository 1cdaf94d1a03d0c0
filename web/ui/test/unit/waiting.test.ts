import { expect, test } from "vitest";
import { addsUp, columns, total } from "../../src/pages/ledger";
import { hexDump, pretty } from "../../src/pages/quarantine";

const line = (t_s: number, extra: object = {}) => ({
  t_ms: t_s * 1_000,
  width_s: 60,
  source: "",
  received: 6,
  committed: 4,
  duplicates: 1,
  quarantined: 1,
  refused: 0,
  released: 0,
  gaps: 0,
  ...extra,
});

test("a total that does not add up is seen", () => {
  expect(addsUp(line(0))).toBe(true);
  expect(addsUp(line(0, { refused: 1 }))).toBe(false);
  const sum = total([line(0), line(60, { committed: 6, released: 2, gaps: 3 })]);
  expect(sum).toMatchObject({ received: 12, committed: 10, quarantined: 2, released: 2, gaps: 3 });
  expect(addsUp(sum)).toBe(false);
  expect(addsUp(sum, sum.released)).toBe(true);
});

test("minutes without a line are drawn as none, hours as their mean a minute", () => {
  const hour = line(0, { width_s: 3_600, received: 120 });
  const [x, received] = columns([hour, line(3_600), line(7_200)]) as unknown as number[][];
  expect(x).toEqual([0, 3_600, 3_660, 7_140, 7_200]);
  expect(received).toEqual([2, 6, 0, 0, 6]);
});

test("payloads are laid out for people", () => {
  expect(pretty('{"a":[1]}')).toBe('{\n  "a": [\n    1\n  ]\n}');
  expect(pretty("plain text")).toBe("plain text");
  const dump = hexDump("41ff00" + "20".repeat(14)).split("\n");
  expect(dump).toHaveLength(2);
  expect(dump[0]).toBe("000000  41 ff 00 20 20 20 20 20 20 20 20 20 20 20 20 20  A··" + " ".repeat(13));
  expect(dump[1]?.startsWith("000010  20 ")).toBe(true);
  expect(hexDump("")).toBe("");
});
