/** What tabs and the one who listens for them say to one another. */

import type { Alarm, Counts, Instant, LiveValue, MachineSummary } from "../api/types";

/** What was heard, and when by this computer's clock: it overrides an answer fetched earlier. */
export interface Heard<T> {
  what: T;
  at: number;
}

/** Alarms and states are everybody's; the values are those of one machine (`site/machine`). */
export interface Wish {
  machine: string | undefined;
  /** Whose session it is: what one was told is not for the next. */
  as: string;
  /** The tab is hidden: it need not know at once. */
  hidden: boolean;
}

/** A tab's word. `ask` is also how it says that it is awake; it leaves before it is put to sleep. */
export type Said = { ask: Wish } | { hidden: boolean } | { got: number } | { leave: true };

export type Link = "connecting" | "open" | "lost";

export interface Clock {
  now: Instant;
  counts: Counts;
  committed: Instant;
}

/** What is new since what the tab was told before. The next comes when it has said that it `got` this. */
export interface Told {
  n: number;
  link: Link;
  /** When the last event came. */
  heard: number | undefined;
  /** The stream broke off: perhaps nobody is logged in any more. */
  broken: boolean;
  /** Replaces all that was told before. */
  whole: boolean;
  clock: Heard<Clock> | undefined;
  alarms: Heard<Alarm>[];
  machines: Heard<MachineSummary>[];
  values: LiveValue[];
  /** Machines, each with the commit by which it was assessed last. */
  assessed: [string, number][];
}

/** Silence after which the stream counts as lost, ms: the server speaks every second. */
export const SILENCE_MS = 6_000;
/** Age from which it is no longer shown as live, ms. */
export const LATE_MS = 3_000;

/** What is shown: how the stream stands, as far as its age bears it out. */
export function standing(link: Link, heard: number | undefined, now: number): Link | "late" {
  if (link !== "open") return link;
  const age = heard === undefined ? Infinity : now - heard;
  return age > SILENCE_MS ? "lost" : age > LATE_MS ? "late" : "open";
}

const MAX_MACHINES = 16;
/** The server takes 8 KiB. */
const MAX_QUERY = 7_500;

/** The stream for all `wishes`, the newest last; undefined where nobody wants one. What is too much of machines is left out, the oldest first. */
export function streamFor(wishes: Wish[]): string | undefined {
  if (wishes.length === 0) return undefined;
  const machines: string[] = [];
  let length = 0;
  for (const { machine } of [...wishes].reverse()) {
    if (machine === undefined || machines.includes(machine)) continue;
    length += encodeURIComponent(machine).length + 3;
    if (machines.length === MAX_MACHINES || length > MAX_QUERY) break;
    machines.push(machine);
  }
  if (machines.length === 0) return "/api/v1/live?topics=alarms,status";
  // In an order of their own, so that the same machines are the same stream.
  return `/api/v1/live?topics=values,alarms,status&machine=${encodeURIComponent(machines.sort().join("#"))}`;
}
