import { clockOffset, now } from "../lib/now";
import { store } from "../lib/store";
import type { Alarm, Counts, LiveSnapshot, LiveStatus, LiveValue, MachineSummary } from "./types";

/** What was heard, and when by this computer's clock: it overrides an answer fetched earlier. */
export interface Heard<T> {
  what: T;
  at: number;
}

export interface LiveState {
  link: "connecting" | "open" | "lost" | "paused";
  /** When the last event came, by this computer's clock. */
  heard: number | undefined;
  counts: Counts | undefined;
  committed: string | undefined;
}

export const live = store<LiveState>({ link: "connecting", heard: undefined, counts: undefined, committed: undefined });
export const liveAlarms = store<ReadonlyMap<string, Heard<Alarm>>>(new Map());
export const liveMachines = store<ReadonlyMap<string, Heard<MachineSummary>>>(new Map());
/** Latest values by [`seriesKey`], of the machine the stream was asked for. */
export const liveValues = store<ReadonlyMap<string, LiveValue>>(new Map());

/** The commit by which a machine (`site/machine`) was assessed last, as far as was heard. */
export const liveAssessed = store<ReadonlyMap<string, number>>(new Map());

export const seriesKey = (point: string, indicator?: string | null): string =>
  indicator ? `${point}\n${indicator}` : point;

/** Silence after which the stream counts as lost: the server speaks every second. */
export const SILENCE_MS = 6_000;
const RETRY_MS = [500, 1_000, 2_000, 5_000, 10_000];

/** How long to wait before the n-th attempt (from 0), with the jitter `random` in 0..1 so that many pages do not return at once. */
export const retryAfter = (n: number, random: number): number =>
  (RETRY_MS[Math.min(n, RETRY_MS.length - 1)] ?? 10_000) * (0.75 + random / 2);

let source: EventSource | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;
let attempts = 0;
let wanted: string | undefined;

const patch = (p: Partial<LiveState>) => live.set({ ...live.get(), ...p });

/** Asks for the plant's alarms and states and, where one is named, for the values of a machine (`site/machine`). */
export function listen(machine: string | undefined): void {
  const url = machine
    ? `/api/v1/live?topics=values,alarms,status&machine=${encodeURIComponent(machine)}`
    : "/api/v1/live?topics=alarms,status";
  if (url === wanted) return;
  wanted = url;
  attempts = 0;
  liveValues.set(new Map());
  connect();
}

/** One stream per tab, while the tab is looked at: browsers allow six to a server over HTTP/1.1. */
export function startLive(): void {
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      close();
      patch({ link: "paused" });
    } else {
      attempts = 0;
      connect();
    }
  });
  now.subscribe(() => {
    const s = live.get();
    if (s.link === "open" && s.heard !== undefined && now.get() - s.heard > SILENCE_MS) lost();
  });
}

/** Ends the stream and forgets what was heard: somebody else may look at the page next. */
export function hush(): void {
  wanted = undefined;
  close();
  liveAlarms.set(new Map());
  liveMachines.set(new Map());
  liveValues.set(new Map());
  liveAssessed.set(new Map());
  live.set({ link: "connecting", heard: undefined, counts: undefined, committed: undefined });
}

/** What to do where a stream breaks off: perhaps nobody is logged in any more. */
export const onBroken = { ask: (): void => undefined };

function close(): void {
  if (timer !== undefined) clearTimeout(timer);
  timer = undefined;
  source?.close();
  source = undefined;
}

function lost(): void {
  close();
  patch({ link: "lost" });
  onBroken.ask();
  timer = setTimeout(connect, retryAfter(attempts++, Math.random()));
}

function connect(): void {
  close();
  if (!wanted || document.hidden) return;
  if (live.get().link !== "lost") patch({ link: "connecting" });
  const s = new EventSource(wanted);
  source = s;
  const on = <T>(event: string, take: (data: T) => void) =>
    s.addEventListener(event, (e) => {
      let data: T;
      try {
        data = JSON.parse((e as MessageEvent<string>).data) as T;
      } catch {
        return lost(); // A torn event: a fresh snapshot puts everything right.
      }
      attempts = 0;
      patch({ link: "open", heard: Date.now() });
      take(data);
    });
  on<LiveSnapshot>("snapshot", takeSnapshot);
  on<LiveStatus>("status", (status) => takeStatus(status, false));
  on<Alarm>("alarm", (a) => liveAlarms.set(merged(liveAlarms.get(), [[a.id, a]])));
  on<{ values: LiveValue[] }>("values", (v) => takeValues(v.values));
  on<{ seq: number; machine: string }>("assessed", (a) => liveAssessed.set(new Map(liveAssessed.get()).set(a.machine, a.seq)));
  s.onerror = () => {
    if (source === s) lost();
  };
}

function merged<T>(into: ReadonlyMap<string, Heard<T>>, entries: [string, T][]): ReadonlyMap<string, Heard<T>> {
  const next = new Map(into);
  const at = Date.now();
  for (const [k, what] of entries) next.set(k, { what, at });
  return next;
}

function takeSnapshot(s: LiveSnapshot): void {
  if (s.alarms) liveAlarms.set(merged(new Map(), s.alarms.map((a) => [a.id, a])));
  if (s.status) takeStatus(s.status, true);
  if (s.values) {
    liveValues.set(new Map());
    takeValues(s.values);
  }
}

function takeStatus(status: LiveStatus, whole: boolean): void {
  clockOffset.set(Date.parse(status.now) - Date.now());
  patch({ counts: status.counts, committed: status.committed });
  if (whole || status.machines.length > 0) {
    const base = whole ? new Map<string, Heard<MachineSummary>>() : liveMachines.get();
    liveMachines.set(merged(base, status.machines.map((m) => [`${m.site}/${m.machine}`, m])));
  }
}

function takeValues(values: LiveValue[]): void {
  if (values.length === 0) return;
  const next = new Map(liveValues.get());
  for (const v of values) next.set(seriesKey(v.point, v.indicator), v);
  liveValues.set(next);
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
