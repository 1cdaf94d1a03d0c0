import { hasWorkers, toOwn, toWorker, type Line } from "../live/line";
import { seriesKey } from "../live/picture";
import { SILENCE_MS, type Heard, type Link, type Told, type Wish } from "../live/protocol";
import { clockOffset, now } from "../lib/now";
import { store } from "../lib/store";
import type { Alarm, Counts, LiveValue, MachineSummary } from "./types";

export { seriesKey };
export type { Heard };

export interface LiveState {
  /** `paused`: the tab has a stream of its own, and nobody looks at it. */
  link: Link | "paused";
  /** When the last event came, by this computer's clock. */
  heard: number | undefined;
  counts: Counts | undefined;
  committed: string | undefined;
}

const BEFORE: LiveState = { link: "connecting", heard: undefined, counts: undefined, committed: undefined };

export const live = store<LiveState>(BEFORE);
export const liveAlarms = store<ReadonlyMap<string, Heard<Alarm>>>(new Map());
export const liveMachines = store<ReadonlyMap<string, Heard<MachineSummary>>>(new Map());
/** Latest values by [`seriesKey`], of the machine the stream was asked for. */
export const liveValues = store<ReadonlyMap<string, LiveValue>>(new Map());

/** The commit by which a machine (`site/machine`) was assessed last, as far as was heard. */
export const liveAssessed = store<ReadonlyMap<string, number>>(new Map());

/** Goes up when the tab hears again after something may have passed it by: what was fetched before is to be fetched anew. */
export const missed = store<number>(0);

/** What to do where a stream breaks off: perhaps nobody is logged in any more. */
export const onBroken = { ask: (): void => undefined };

let wish: Pick<Wish, "machine" | "as"> | undefined;
let line: Line | undefined;
/** When the other end of the line said something, or was asked. */
let word = 0;
/** How often in a row it fell silent. */
let silences = 0;
let own = !hasWorkers();
/** Something may have passed by since the last word. */
let behind = false;
/** Says that the last word was got, where that was not said yet. */
let unsaid = (): void => undefined;

/** Time that is left free after each drawing, in times of what that took, and at most. */
const REST = 2;
const MOST_REST_MS = 1_000;

const patch = (p: Partial<LiveState>) => live.set({ ...live.get(), ...p });

/** Asks for the plant's alarms and states and, where one is named, for the values of a machine (`site/machine`), in the session `as`. */
export function listen(machine: string | undefined, as: string): void {
  if (wish && wish.machine === machine && wish.as === as) return;
  wish = { machine, as };
  liveValues.set(new Map());
  ask();
}

/** Listens while there is something to listen for: all tabs through one worker, or each that is looked at by itself. */
export function startLive(): void {
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) ask();
    else if (own) pause();
    else {
      line?.say({ hidden: true });
      // No frame comes any more that would say it.
      unsaid();
    }
  });
  // A tab that is put to sleep, or kept for the way back, hears nothing, and cannot say so later.
  document.addEventListener("freeze", pause);
  addEventListener("pagehide", pause);
  document.addEventListener("resume", wake);
  addEventListener("pageshow", (e) => e.persisted && wake());
  now.subscribe(() => {
    if (wish && line && !document.hidden && now.get() - word > SILENCE_MS) deaf();
  });
}

/** Leaves, and forgets what was heard: somebody else may look at the page next. */
export function hush(): void {
  wish = undefined;
  line?.say({ leave: true });
  liveAlarms.set(new Map());
  liveMachines.set(new Map());
  liveValues.set(new Map());
  liveAssessed.set(new Map());
  live.set(BEFORE);
}

function ask(): void {
  if (!wish || (own && document.hidden)) return;
  word = Date.now();
  line ??= connect();
  line.say({ ask: { ...wish, hidden: document.hidden } });
}

function pause(): void {
  if (!wish) return;
  line?.say({ leave: true });
  behind = true;
  patch({ link: "paused" });
}

function wake(): void {
  now.set(Date.now());
  if (!wish) return;
  behind = true;
  ask();
  onBroken.ask();
}

function connect(): Line {
  const hear = (told: Told) => {
    if (line !== current) return;
    word = Date.now();
    silences = 0;
    const begun = performance.now();
    take(told);
    whenDrawn(begun, () => current.say({ got: told.n }));
  };
  const current: Line = own ? toOwn(hear) : toWorker(hear, () => line === current && alone());
  return current;
}

/** Says that it got what was told when that is drawn and as much time again has been left to whoever scrolls and clicks: a
 * page that is slow to draw is told more at once, and not more often. A tab that nobody looks at draws nothing. */
function whenDrawn(begun: number, got: () => void): void {
  let once = () => {
    once = () => undefined;
    got();
  };
  unsaid = () => once();
  if (document.hidden) return unsaid();
  requestAnimationFrame(() => {
    // The first task after the callbacks of a frame: layout and paint are done.
    const after = new MessageChannel();
    after.port1.onmessage = () => setTimeout(() => once(), Math.min(MOST_REST_MS, REST * (performance.now() - begun)));
    after.port2.postMessage(null);
  });
}

/** The worker says nothing, not even that the stream is lost: it is gone, or hangs. */
function deaf(): void {
  line?.close();
  line = undefined;
  patch({ link: "lost" });
  if (++silences > 1) return alone();
  ask();
}

function alone(): void {
  line?.close();
  line = undefined;
  own = true;
  ask();
}

function take(told: Told): void {
  const before = live.get().link;
  if (told.whole || told.alarms.length > 0) liveAlarms.set(joined(liveAlarms.get(), told.whole, told.alarms, (a) => a.id));
  if (told.whole || told.machines.length > 0)
    liveMachines.set(joined(liveMachines.get(), told.whole, told.machines, (m) => `${m.site}/${m.machine}`));
  if (told.whole || told.values.length > 0) {
    const next = told.whole ? new Map<string, LiveValue>() : new Map(liveValues.get());
    for (const v of told.values) next.set(seriesKey(v.point, v.indicator), v);
    liveValues.set(next);
  }
  if (told.assessed.length > 0) liveAssessed.set(new Map([...liveAssessed.get(), ...told.assessed]));
  if (told.clock) {
    const { what, at } = told.clock;
    clockOffset.set(Date.parse(what.now) - at);
    patch({ counts: what.counts, committed: what.committed });
  }
  patch({ link: told.link, heard: told.heard });
  if (told.link !== "open") behind ||= before === "open" || told.link === "lost";
  else if (behind) {
    behind = false;
    missed.set(missed.get() + 1);
  }
  if (told.broken) onBroken.ask();
}

function joined<T>(known: ReadonlyMap<string, Heard<T>>, whole: boolean, heard: Heard<T>[], id: (t: T) => string) {
  const next = new Map(whole ? [] : known);
  for (const h of heard) next.set(id(h.what), h);
  return next;
}

/** `base`, fetched at `at`, with what was heard since; `id` tells them apart. What is new is appended. */
export function overlay<T>(
  base: T[],
  at: number,
  heard: ReadonlyMap<string, Heard<T>>,
  id: (t: T) => string,
  join: (fetched: T, heard: T) => T = (_, h) => h,
): T[] {
  const seen = new Set<string>();
  const out = base.map((b) => {
    const key = id(b);
    seen.add(key);
    const h = heard.get(key);
    return h && h.at > at ? join(b, h.what) : b;
  });
  for (const [key, h] of heard) if (!seen.has(key) && h.at > at) out.push(h.what);
  return out;
}
