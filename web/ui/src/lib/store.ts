import { useLayoutEffect, useReducer, useRef } from "preact/hooks";

/** One observable value. The page has a handful of them; a framework for state would be larger than its use. */
export interface Store<T> {
  get(): T;
  set(next: T): void;
  subscribe(f: () => void): () => void;
}

export function store<T>(initial: T): Store<T> {
  let value = initial;
  const listeners = new Set<() => void>();
  return {
    get: () => value,
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      for (const f of [...listeners]) f();
    },
    subscribe(f) {
      listeners.add(f);
      return () => listeners.delete(f);
    },
  };
}

/** The value of `s`; the component is drawn again when it changes. */
export function useStore<T>(s: Store<T>): T {
  const [, again] = useReducer((n: number) => n + 1, 0);
  const drawn = useRef(s.get());
  drawn.current = s.get();
  useLayoutEffect(() => {
    // It may have changed between the drawing and now, when nobody listened yet.
    if (!Object.is(drawn.current, s.get())) again(undefined as never);
    return s.subscribe(() => again(undefined as never));
  }, [s]);
  return s.get();
}
