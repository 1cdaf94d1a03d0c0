import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { Problem } from "./client";
import { missed } from "./live";

export interface Resource<T> {
  data: T | undefined;
  /** When `data` was asked for, ms of this computer's clock: nothing in it is older than the answer, much may be newer. */
  at: number | undefined;
  problem: Problem | undefined;
  loading: boolean;
  reload(): void;
}

interface State<T> {
  key: string | null;
  data?: T | undefined;
  at?: number | undefined;
  problem?: Problem | undefined;
}

/**
 * What `fetcher` gives for `key` (null: nothing is asked for). It is fetched anew when the key changes, every `every`
 * milliseconds while the tab is visible and where the live stream may have missed something, and on `reload`. The last
 * good answer stays while newer ones fail.
 */
export function useResource<T>(
  key: string | null,
  fetcher: (signal: AbortSignal) => Promise<T>,
  every?: number,
): Resource<T> {
  const [state, setState] = useState<State<T>>({ key });
  const [loading, setLoading] = useState(key !== null);
  const [turn, setTurn] = useState(0);
  const latest = useRef(fetcher);
  latest.current = fetcher;

  useEffect(() => {
    if (key === null) {
      setLoading(false);
      return;
    }
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let busy = false;
    let due = false;
    const run = async () => {
      busy = true;
      const asked = Date.now();
      setLoading(true);
      try {
        const data = await latest.current(abort.signal);
        if (abort.signal.aborted) return;
        setState({ key, data, at: asked });
      } catch (e) {
        if (abort.signal.aborted) return;
        const problem = e instanceof Problem ? e : new Problem(0, String(e), "", "", "");
        setState((s) => (s.key === key ? { ...s, problem } : { key, problem }));
      }
      busy = false;
      setLoading(false);
      if (every) timer = setTimeout(tick, due ? 0 : every);
      due = false;
    };
    const tick = () => {
      timer = undefined;
      // A hidden tab asks for nothing; it catches up when it is looked at.
      if (!document.hidden) void run();
    };
    const seen = () => {
      if (every && !document.hidden && !busy && timer === undefined) tick();
    };
    const again = () => {
      if (!every) return;
      due = busy;
      if (timer !== undefined) clearTimeout(timer);
      if (!busy) tick();
    };
    document.addEventListener("visibilitychange", seen);
    const forget = missed.subscribe(again);
    void run();
    return () => {
      abort.abort();
      if (timer !== undefined) clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
      forget();
    };
  }, [key, every, turn]);

  const reload = useCallback(() => setTurn((n) => n + 1), []);
  const own = state.key === key ? state : { key };
  return { data: own.data, at: own.at, problem: own.problem, loading, reload };
}
