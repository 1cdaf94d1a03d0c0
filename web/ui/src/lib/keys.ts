import { singleKeys } from "./prefs";

export type KeyAction = (e: KeyboardEvent) => void;

/** What the page in view does for single keys (`j`, `k`, `a`); a page registers on mount and leaves on unmount. */
const pageKeys = new Map<string, KeyAction>();

export function registerKeys(keys: Record<string, KeyAction>): () => void {
  for (const [k, f] of Object.entries(keys)) pageKeys.set(k, f);
  return () => {
    for (const [k, f] of Object.entries(keys)) if (pageKeys.get(k) === f) pageKeys.delete(k);
  };
}

const typing = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.isContentEditable);

/** How long `g` waits for its second key, ms. */
const CHORD_MS = 1_200;

/** `chords` are the second keys after `g`; `singles` work on every page. */
export function startKeys(chords: Record<string, KeyAction>, singles: Record<string, KeyAction>): void {
  let gAt = -Infinity;
  addEventListener("keydown", (e) => {
    // Letters can be switched off (WCAG 2.1.4); keys with a name, such as ArrowLeft, are no letters.
    if ((!singleKeys.get() && e.key.length === 1) || e.ctrlKey || e.metaKey || e.altKey || typing(e.target)) return;
    if (document.querySelector("dialog[open]")) return;
    const chord = e.timeStamp - gAt < CHORD_MS;
    gAt = -Infinity;
    const action = chord ? chords[e.key] : (singles[e.key] ?? pageKeys.get(e.key));
    if (action) {
      e.preventDefault();
      action(e);
    } else if (e.key === "g") {
      gAt = e.timeStamp;
    }
  });
}
