import { beforeAll, describe, expect, test } from "vitest";
import { useLanguage } from "../../src/i18n";
import { differs, draftOf, faultIn, lines, patternsOf } from "../../src/lib/own-patterns";

beforeAll(() => useLanguage("en"));

test("a text is its lines, as the server keeps them", () => {
  expect(lines(" a/# \n\nb\r\na/#\n")).toEqual(["a/#", "b"]);
  expect(lines("  \n")).toEqual([]);
  const own = { publish: ["a/{device}/#", "b"], subscribe: [] };
  expect(patternsOf(draftOf(own))).toEqual(own);
});

test("only what would change something can be saved", () => {
  const own = { publish: ["a", "b"], subscribe: ["+/x"] };
  expect(differs(draftOf(own), own)).toBe(false);
  expect(differs({ publish: "a\n\n b \na", subscribe: "+/x\n" }, own)).toBe(false);
  expect(differs({ publish: "b\na", subscribe: "+/x" }, own)).toBe(true);
  expect(differs({ publish: "a\nb", subscribe: "" }, own)).toBe(true);
});

describe("what the server says of a pattern", () => {
  const problem = (field: string, code: string) => ({ detail: "publish pattern \"#\": no", fault: { field, code, found: "#" } });
  test("stands beside the field that it is about, in the page's words", () => {
    expect(faultIn("publish", problem("publish", "wildcard"))).toMatch(/^Pattern #: a wildcard comes first/);
    expect(faultIn("subscribe", problem("publish", "wildcard"))).toBeUndefined();
    expect(faultIn("publish", undefined)).toBeUndefined();
    expect(faultIn("publish", { detail: "no" })).toBeUndefined();
  });
  test("is told as it came where the page has no words for it", () => {
    expect(faultIn("subscribe", problem("subscribe", "of_tomorrow"))).toBe("publish pattern \"#\": no");
  });
});
