import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { FAMILIES } from "../../src/i18n/codes";
import en from "../../src/i18n/en.json";
import zh from "../../src/i18n/zh-CN.json";

const SRC = join(import.meta.dirname, "../../src");

function sources(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((e) => {
    const path = join(dir, e.name);
    if (e.isDirectory()) return sources(path);
    return /\.tsx?$/.test(e.name) ? [readFileSync(path, "utf8")] : [];
  });
}

const text = sources(SRC).join("\n");
const called = new Set([...text.matchAll(/\bt\(\s*(?:[^"()]*\?\s*)?"([a-z_]+\.\w+)"(?:\s*:\s*"([a-z_]+\.\w+)")?/g)].flatMap((m) => [m[1]!, m[2]].filter((k) => k !== undefined)));
const quoted = new Set([...text.matchAll(/"([a-z_]+\.\w+)"/g)].map((m) => m[1]!));
const coded = new Set(Object.entries(FAMILIES).flatMap(([family, codes]) => codes.map((c) => `${family}.${c}`)));

describe("the two catalogues", () => {
  test("hold the same keys", () => {
    expect(Object.keys(zh).sort()).toEqual(Object.keys(en).sort());
  });

  test("miss no key that the page asks for", () => {
    expect(called.size).toBeGreaterThan(100);
    expect([...called, ...coded].filter((k) => !(k in en))).toEqual([]);
  });

  test("hold no key that nothing asks for", () => {
    expect(Object.keys(en).filter((k) => !quoted.has(k) && !coded.has(k))).toEqual([]);
  });

  test("fill in the same values", () => {
    const holes = (s: string) => (s.match(/\{\w+\}/g) ?? []).sort().join();
    const differ = Object.entries(en).filter(([k, v]) => holes(v) !== holes((zh as Record<string, string>)[k] ?? ""));
    expect(differ).toEqual([]);
  });

  test("leave no text empty, and no Chinese text in Latin letters alone", () => {
    expect(Object.entries(zh).filter(([, v]) => v.trim() === "")).toEqual([]);
    expect(Object.entries(zh).filter(([k, v]) => !/[\u3000-\u9fff]/.test(v) && !["overview.of"].includes(k))).toEqual([]);
  });
});

test("every family of codes the page looks up is a family of the vocabulary", () => {
  const asked = [...text.matchAll(/\bcode\(\s*"(\w+)"/g)].map((m) => m[1]!);
  expect(asked.length).toBeGreaterThan(10);
  expect([...new Set(asked)].filter((f) => !(f in FAMILIES))).toEqual([]);
});
