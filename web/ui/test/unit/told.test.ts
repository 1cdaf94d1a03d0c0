import { expect, test } from "vitest";
import { FAMILIES } from "../../src/i18n/codes";
import en from "../../src/i18n/en.json";
import zh from "../../src/i18n/zh-CN.json";
import { lastError, told } from "../../src/lib/told";

test("a text is told in two parts, in both ways to end a sentence", () => {
  expect(told("Not JSON. Correct it.")).toEqual({ what: "Not JSON", todo: "Correct it." });
  expect(told("不是有效的 JSON。请更正 2.5 处。")).toEqual({ what: "不是有效的 JSON", todo: "请更正 2.5 处。" });
  expect(told("Nothing to do.")).toEqual({ what: "Nothing to do", todo: "" });
  expect(told("json_syntax")).toEqual({ what: "json_syntax", todo: "" });
});

test("every cause and every problem says what it is, briefly, and what to do", () => {
  for (const catalogue of [en, zh] as Record<string, string>[]) {
    for (const family of ["cause", "problem"] as const) {
      for (const code of FAMILIES[family]) {
        const { what, todo } = told(catalogue[`${family}.${code}`]!);
        expect({ code, brief: what.length > 3 && what.length < 90, todo: todo !== "" }).toEqual({ code, brief: true, todo: true });
      }
    }
  }
});

test("a refusal is known by its code, with or without its topic; anything else is a sentence", () => {
  const known = (c: string) => (FAMILIES.turned_away as readonly string[]).includes(c);
  expect(lastError("keep_alive_timeout", known)).toEqual({ code: "keep_alive_timeout", topic: "" });
  expect(lastError("publish_denied: a/b: c", known)).toEqual({ code: "publish_denied", topic: "a/b: c" });
  expect(lastError("the client closed the connection", known)).toEqual({ sentence: "the client closed the connection" });
  expect(lastError("reset: by peer", known)).toEqual({ sentence: "reset: by peer" });
});
