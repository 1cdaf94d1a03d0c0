import { store } from "./store";

export type Theme = "light" | "dark";
export type Lang = "zh-CN" | "en";

// A browser may refuse storage (private windows, policies): the choice then lasts as long as the page.
function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}
function write(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Nothing to do: see above.
  }
}

/** The language for `stored` (an earlier choice) and the browser's `languages`; Chinese of any kind is zh-CN. */
export function pickLang(stored: string | null, languages: readonly string[]): Lang {
  if (stored === "zh-CN" || stored === "en") return stored;
  for (const l of languages) {
    if (/^zh\b/i.test(l)) return "zh-CN";
    if (/^en\b/i.test(l)) return "en";
  }
  return "en";
}

export const lang = store<Lang>(
  typeof navigator === "undefined" ? "en" : pickLang(read("danxia.lang"), navigator.languages ?? [navigator.language]),
);

function initialTheme(): Theme {
  const stored = typeof localStorage === "undefined" ? null : read("danxia.theme");
  if (stored === "light" || stored === "dark") return stored;
  return typeof matchMedia !== "undefined" && matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}
export const theme = store<Theme>(initialTheme());

export const singleKeys = store<boolean>(typeof localStorage === "undefined" || read("danxia.keys") !== "off");

/** Keeps the document and the storage in step with the choices. */
export function startPrefs(): void {
  const root = document.documentElement;
  const apply = () => {
    root.lang = lang.get();
    root.dataset["theme"] = theme.get();
  };
  apply();
  lang.subscribe(() => (apply(), write("danxia.lang", lang.get())));
  theme.subscribe(() => (apply(), write("danxia.theme", theme.get())));
  singleKeys.subscribe(() => write("danxia.keys", singleKeys.get() ? "on" : "off"));
}
