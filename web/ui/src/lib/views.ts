/** Views that somebody named: links, kept in this browser alone. */

export interface SavedView {
  name: string;
  /** The hash of the page as it was. */
  link: string;
}

const KEY = "danxia.views";
const MOST = 100;
const LONGEST_NAME = 80;

/** What `text` (from the storage) holds; whatever is not a view of this page is left out. */
export function parseViews(text: string | null): SavedView[] {
  try {
    const found: unknown = JSON.parse(text ?? "[]");
    if (!Array.isArray(found)) return [];
    return found.filter(
      (v): v is SavedView => typeof v?.name === "string" && typeof v?.link === "string" && v.link.startsWith("#/"),
    );
  } catch {
    return [];
  }
}

/** `views` with `link` under `name`, the newest first; one name is one view. */
export function withView(views: SavedView[], name: string, link: string): SavedView[] {
  const clean = name.trim().slice(0, LONGEST_NAME);
  if (!clean) return views;
  return [{ name: clean, link }, ...views.filter((v) => v.name !== clean)].slice(0, MOST);
}

// A browser may refuse storage: then a view lasts as long as the page.
let held: SavedView[] | undefined;

export function savedViews(): SavedView[] {
  if (held) return held;
  try {
    held = parseViews(localStorage.getItem(KEY));
  } catch {
    held = [];
  }
  return held;
}

export function keepViews(views: SavedView[]): void {
  held = views;
  try {
    localStorage.setItem(KEY, JSON.stringify(views));
  } catch {
    // See above.
  }
}
