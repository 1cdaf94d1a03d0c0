import { useRef } from "preact/hooks";

/**
 * Keeps what was drawn for each key while everything it was drawn `of` is the same: Preact passes over what is the same object,
 * so that of a long list only what has changed is gone through.
 */
export function useKept<T>(): (key: string, of: unknown[], draw: () => T) => T {
  const last = useRef(new Map<string, { of: unknown[]; drawn: T }>());
  const before = last.current;
  const next = (last.current = new Map());
  return (key, of, draw) => {
    const known = before.get(key);
    const drawn = known && known.of.every((x, i) => Object.is(x, of[i])) ? known.drawn : draw();
    next.set(key, { of, drawn });
    return drawn;
  };
}
