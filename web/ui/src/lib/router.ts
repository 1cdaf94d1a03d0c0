import { store, useStore } from "./store";

/** Where the page is: the whole of its filter, tab and cursor state lives in the hash, so that a link shows the same. */
export interface Route {
  path: string[];
  query: Record<string, string>;
}

export function parseHash(hash: string): Route {
  const text = hash.replace(/^#?\/?/, "");
  const mark = text.indexOf("?");
  const path = mark < 0 ? text : text.slice(0, mark);
  const query: Record<string, string> = {};
  if (mark >= 0) for (const [k, v] of new URLSearchParams(text.slice(mark + 1))) query[k] = v;
  return { path: path.split("/").filter(Boolean).map(decode), query };
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** The link to `path` with `query`; empty and undefined entries are left out. */
export function href(path: string[], query: Record<string, string | number | undefined | null> = {}): string {
  const q = new URLSearchParams();
  for (const [k, v] of Object.entries(query)) if (v !== undefined && v !== null && v !== "") q.set(k, String(v));
  const tail = q.toString();
  return `#/${path.map(encodeURIComponent).join("/")}${tail ? `?${tail}` : ""}`;
}

const current = store<Route>(parseHash(globalThis.location?.hash ?? ""));

export function startRouter(): void {
  addEventListener("hashchange", () => current.set(parseHash(location.hash)));
}

export const route = (): Route => current.get();
export const useRoute = (): Route => useStore(current);

export function go(path: string[], query: Record<string, string | number | undefined | null> = {}): void {
  location.hash = href(path, query);
}

/** Changes some of the query in place: a moved cursor is not a step to go back to. */
export function setQuery(patch: Record<string, string | number | undefined | null>): void {
  const { path, query } = current.get();
  const link = href(path, { ...query, ...patch });
  if (link === location.hash) return;
  history.replaceState(null, "", link);
  current.set(parseHash(link));
}
