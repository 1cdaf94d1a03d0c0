import { lang, type Lang } from "../lib/prefs";
import type { Title } from "../api/types";

export type Catalogue = Record<string, string>;

// One chunk per language: nobody downloads the other one until it is asked for.
const load: Record<Lang, () => Promise<{ default: Catalogue }>> = {
  "zh-CN": () => import("./zh-CN.json"),
  en: () => import("./en.json"),
};

let catalogue: Catalogue = {};

/** Loads the catalogue of `l` and makes it the page's language. */
export async function useLanguage(l: Lang): Promise<void> {
  catalogue = (await load[l]()).default;
  lang.set(l);
}

/** Fills `{name}` in `text`; what is not given stays visible. */
export function fill(text: string, values: Record<string, string | number> = {}): string {
  return text.replace(/\{(\w+)\}/g, (all, name: string) => (name in values ? String(values[name]) : all));
}

/** The text for `key`. A missing key shows itself: a test holds that there is none. */
export function t(key: string, values?: Record<string, string | number>): string {
  return fill(catalogue[key] ?? key, values);
}

/** The text for a code of a known family (`code("zone", "a")`); an unknown code shows itself rather than nothing. */
export function code(family: string, value: string): string {
  return catalogue[`${family}.${value}`] ?? value;
}

/** A title in the page's language, else in the other one, else `fallback`. */
export function title(of: Title | null | undefined, fallback: string): string {
  const [first, second] = lang.get() === "zh-CN" ? [of?.zh, of?.en] : [of?.en, of?.zh];
  return first || second || fallback;
}
