import type { World } from "./hub";

const EVENTS = ["snapshot", "status", "alarm", "values", "assessed"];

/** The browser's clock, timers and event source. It would come back by itself, but without jitter and for ever. */
export const browser: World = {
  now: () => Date.now(),
  random: () => Math.random(),
  after(ms, f) {
    const timer = setTimeout(f, ms);
    return () => clearTimeout(timer);
  },
  open(url, on) {
    const source = new EventSource(url);
    for (const name of EVENTS)
      source.addEventListener(name, (e) => on.event(name, (e as MessageEvent<string>).lastEventId, (e as MessageEvent<string>).data));
    source.onerror = on.end;
    return () => source.close();
  },
};
