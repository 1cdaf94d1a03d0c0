import type { Alarm, LiveSnapshot, LiveStatus, LiveValue, MachineSummary } from "../api/types";
import type { Clock, Heard, Told } from "./protocol";

/** Latest values by point and, where it is one, indicator. */
export const seriesKey = (point: string, indicator?: string | null): string =>
  indicator ? `${point}\n${indicator}` : point;

interface Entry<T> extends Heard<T> {
  /** The step of the picture by which it came. */
  step: number;
}

/** How far somebody was told. */
export interface Known {
  edition: number;
  step: number;
}

/** Nobody was told anything yet. */
export const NOTHING: Known = { edition: 0, step: 0 };

/** An event that cannot be: the stream is to be begun anew. */
export class Torn extends Error {}

/** What the stream has said so far, and of it what somebody has not been told yet: at most one word of each thing, however long they slept. */
export class Picture {
  #alarms = new Map<string, Entry<Alarm>>();
  #machines = new Map<string, Entry<MachineSummary>>();
  #values = new Map<string, Entry<LiveValue>>();
  #assessed = new Map<string, Entry<number>>();
  #clock: Entry<Clock> | undefined;
  #step = 0;
  /** Goes up where something is no longer there: who knows it is told everything. */
  #edition = 1;
  /** The start of the server, and the commit, by which the last snapshot was made. */
  #boot = "";
  #through = -1;

  /** Takes in an event of the stream. Ids are `<boot>-<seq>`. */
  take(name: string, id: string, data: string, at: number): void {
    const [boot = "", seq = ""] = id.split("-");
    let said: unknown;
    try {
      said = JSON.parse(data);
    } catch {
      throw new Torn(`${name} ${id} is no JSON`);
    }
    this.#step++;
    if (name === "snapshot") {
      this.#boot = boot;
      this.#through = Number(seq);
      return this.#snapshot(said as LiveSnapshot, at);
    }
    if (boot !== this.#boot) throw new Torn(`${name} ${id} follows no snapshot of that start`);
    if (name === "status") return this.#status(said as LiveStatus, at);
    // What the snapshot holds already.
    if (Number(seq) <= this.#through) return;
    if (name === "alarm") this.#alarms.set((said as Alarm).id, this.#entry(said as Alarm, at));
    else if (name === "values") for (const v of (said as { values: LiveValue[] }).values) this.#value(v, at);
    else if (name === "assessed") {
      const { machine, seq: by } = said as { machine: string; seq: number };
      this.#assessed.set(machine, this.#entry(by, at));
    }
  }

  /** What is new to who was told as far as `known`, with the values of `machine`. */
  since(known: Known, machine: string | undefined): Omit<Told, "n" | "link" | "heard" | "broken"> {
    const whole = known.edition !== this.#edition;
    const from = whole ? 0 : known.step;
    const fresh = <T>(of: Iterable<Entry<T>>): Heard<T>[] =>
      [...of].filter((e) => e.step > from).map(({ what, at }) => ({ what, at }));
    const mine = machine === undefined ? [] : [...this.#values.values()].filter((e) => e.what.point.startsWith(`${machine}/`));
    const assessed = [...this.#assessed].filter(([m, e]) => m === machine && e.step > from);
    const clock = this.#clock;
    return {
      whole,
      clock: clock && clock.step > from ? { what: clock.what, at: clock.at } : undefined,
      alarms: fresh(this.#alarms.values()),
      machines: fresh(this.#machines.values()),
      values: fresh(mine).map((v) => v.what),
      assessed: assessed.map(([m, e]) => [m, e.what]),
    };
  }

  /** How far who is told now has been told. */
  get known(): Known {
    return { edition: this.#edition, step: this.#step };
  }

  #entry<T>(what: T, at: number): Entry<T> {
    return { what, at, step: this.#step };
  }

  #value(v: LiveValue, at: number): void {
    this.#values.set(seriesKey(v.point, v.indicator), this.#entry(v, at));
  }

  #snapshot(s: LiveSnapshot, at: number): void {
    if (s.alarms) {
      const there = new Set(s.alarms.map((a) => a.id));
      // An alarm that stood and is in no list any more has gone while nobody heard.
      for (const [id, { what }] of this.#alarms)
        if (!there.has(id) && (what.state !== "normal" || what.inhibited))
          this.#alarms.set(id, this.#entry({ ...what, state: "normal", inhibited: null }, at));
      for (const a of s.alarms) this.#alarms.set(a.id, this.#entry(a, at));
    }
    if (s.status) {
      const there = new Set(s.status.machines.map((m) => `${m.site}/${m.machine}`));
      for (const id of this.#machines.keys()) if (!there.has(id)) (this.#machines.delete(id), this.#edition++);
      this.#status(s.status, at);
    }
    if (s.values) {
      this.#values = new Map();
      for (const v of s.values) this.#value(v, at);
    }
  }

  #status(s: LiveStatus, at: number): void {
    this.#clock = this.#entry({ now: s.now, counts: s.counts, committed: s.committed }, at);
    for (const m of s.machines) this.#machines.set(`${m.site}/${m.machine}`, this.#entry(m, at));
  }
}
