import { expect, test } from "vitest";
import type { QuarantineEntry } from "../../src/api/types";
import { blank, changed, formatted, freeName, moved, same, truncated, typed, without } from "../../src/lib/rules";

const three = ["a", "b", "c"].map((name) => ({ ...blank([], name), name }));
const names = (rules: { name: string }[]) => rules.map((r) => r.name).join("");

test("rules move by one and stay where they cannot", () => {
  expect(names(moved(three, 0, 1))).toBe("bac");
  expect(names(moved(three, 2, -1))).toBe("acb");
  expect(names(moved(three, 0, -1))).toBe("abc");
  expect(names(moved(three, 2, 1))).toBe("abc");
  expect(names(three)).toBe("abc");
});

test("an edit leaves the list of before alone, so that it can be undone", () => {
  const next = changed(without(three, 1), 1, { topic: "x" });
  expect(names(next)).toBe("ac");
  expect(three[2]?.topic).not.toBe("x");
  expect(same(three, three.map((r) => ({ ...r })))).toBe(true);
  expect(same(three, next)).toBe(false);
});

test("names stay distinct", () => {
  expect(freeName(three, "d")).toBe("d");
  expect(freeName(three, "a")).toBe("a 2");
  expect(blank([...three, { ...blank([], "n"), name: "n" }], "n").name).toBe("n 2");
});

test("a format keeps only what it reads", () => {
  const csv = formatted({ ...blank([], "r"), each: "/d" }, "csv");
  expect([csv.each, csv.separator]).toEqual([null, ","]);
  const hj = formatted(csv, "hj212");
  expect([hj.values.length, hj.separator, hj.time]).toEqual([0, null, null]);
  expect(formatted(hj, "plain").values.length).toBe(1);
});

test("numbers are taken once they are some", () => {
  expect([typed("0.5", 1), typed("", 1), typed("x", 1), typed("-", 1), typed("-40", 1)]).toEqual([0.5, 1, 1, 1, -40]);
});

test("a message of which only the beginning was kept is known", () => {
  const entry = (head: string, head_encoding: string, size: number) => ({ head, head_encoding, size }) as QuarantineEntry;
  expect(truncated(entry("三", "utf-8", 3))).toBe(false);
  expect(truncated(entry("三", "utf-8", 4))).toBe(true);
  expect(truncated(entry("00ff", "hex", 2))).toBe(false);
  expect(truncated(entry("00ff", "hex", 3))).toBe(true);
});
