import { beforeEach, describe, expect, test } from "vitest";
import { Hub, retryAfter, type World } from "../../src/live/hub";
import { NOTHING, Picture, Torn } from "../../src/live/picture";
import { standing, streamFor, type Said, type Told, type Wish } from "../../src/live/protocol";

const wish = (machine?: string, more: Partial<Wish> = {}): Wish => ({ machine, as: "lin", hidden: false, ...more });
const alarm = (id: string, state = "unacknowledged") => ({ id, state, inhibited: null });
const machine = (name: string) => ({ site: "s", machine: name });
const status = (...machines: string[]) => ({ now: "2026-11-30T08:00:00Z", committed: "2026-11-30T08:00:00Z", counts: { active: 1 }, machines: machines.map(machine) });
const snapshot = (alarms: object[], machines: string[] = ["m"], values: object[] | null = null) => ({ seq: 0, alarms, values, status: status(...machines) });
const value = (point: string, v: number) => ({ point, indicator: null, t: "2026-11-30T08:00:00Z", value: v, quality: "good" });

describe("what the tabs ask together", () => {
  const asked = (...machines: (string | undefined)[]) => streamFor(machines.map((m) => wish(m)));
  test("is nothing, what everybody has, or that and the values of their machines", () => {
    expect(asked()).toBeUndefined();
    expect(asked(undefined, undefined)).toBe("/api/v1/live?topics=alarms,status");
    expect(asked(undefined, "s/b", "s/a", "s/b")).toBe("/api/v1/live?topics=values,alarms,status&machine=s%2Fa%23s%2Fb");
    expect(asked("s/a", "s/b")).toBe(asked("s/b", "s/a"));
  });

  test("stays within what the server takes: the machines looked at last", () => {
    const many = Array.from({ length: 20 }, (_, i) => `s/m${i}`);
    const names = (url?: string) => decodeURIComponent(url?.split("machine=")[1] ?? "").split("#");
    expect(new Set(names(asked(...many)))).toEqual(new Set(many.slice(4)));
    const long = Array.from({ length: 20 }, (_, i) => `${"韶".repeat(42)}/${"钢".repeat(40)}${i}`);
    const url = asked(...long) ?? "";
    expect(url.length).toBeLessThan(8_192);
    expect(names(url)).toContain(long[19]);
  });
});

test("a stream is shown as live only while it is", () => {
  const shown = (age: number) => standing("open", 10_000 - age, 10_000);
  expect([0, 3_000, 3_001, 6_000, 6_001].map(shown)).toEqual(["open", "open", "late", "late", "lost"]);
  expect(standing("open", undefined, 0)).toBe("lost");
  expect(standing("lost", 10_000, 10_000)).toBe("lost");
  expect(standing("connecting", undefined, 0)).toBe("connecting");
});

test("the stream is asked for again ever more slowly, and never by all at once", () => {
  expect([0, 1, 2, 3, 4, 50].map((n) => retryAfter(n, 0.5))).toEqual([500, 1000, 2000, 5000, 10_000, 10_000]);
  expect([retryAfter(0, 0), retryAfter(0, 1)]).toEqual([375, 625]);
});

describe("the picture", () => {
  const taken = (...events: [name: string, id: string, data: object][]) => {
    const p = new Picture();
    events.forEach(([name, id, data], i) => p.take(name, id, JSON.stringify(data), 1_000 + i));
    return p;
  };
  const first: [string, string, object] = ["snapshot", "b1-5", snapshot([alarm("x")], ["m"], [value("s/m/p", 1), value("s/mm/p", 9)])];

  test("is told whole at first, then what is new, once", () => {
    const p = taken(first);
    const told = p.since(NOTHING, "s/m");
    expect(told).toMatchObject({ whole: true, alarms: [{ what: { id: "x" }, at: 1_000 }], values: [{ point: "s/m/p", value: 1 }], clock: { at: 1_000 } });
    const known = p.known;
    p.take("alarm", "b1-6", JSON.stringify(alarm("y")), 2_000);
    p.take("alarm", "b1-6", JSON.stringify(alarm("z")), 2_000);
    p.take("values", "b1-7", JSON.stringify({ values: [value("s/mm/p", 10)] }), 2_000);
    p.take("assessed", "b1-7", JSON.stringify({ seq: 7, machine: "s/m" }), 2_000);
    const news = p.since(known, "s/m");
    expect(news).toMatchObject({ whole: false, values: [], assessed: [["s/m", 7]], machines: [], clock: undefined });
    expect(news.alarms.map((a) => a.what.id)).toEqual(["y", "z"]);
    expect(p.since(p.known, "s/m")).toMatchObject({ whole: false, alarms: [], values: [], assessed: [] });
  });

  test("takes nothing twice that the snapshot holds", () => {
    const p = taken(first);
    const known = p.known;
    p.take("alarm", "b1-5", JSON.stringify(alarm("x", "normal")), 2_000);
    expect(p.since(known, undefined).alarms).toEqual([]);
  });

  test("holds one word of each alarm, however many there were", () => {
    const p = taken(first);
    const known = p.known;
    for (let i = 0; i < 1_000; i++) p.take("alarm", `b1-${6 + i}`, JSON.stringify(alarm("x", i % 2 ? "normal" : "acknowledged")), i);
    expect(p.since(known, undefined).alarms).toMatchObject([{ what: { state: "normal" }, at: 999 }]);
  });

  test("knows after a gap that an alarm has gone which the new snapshot does not hold", () => {
    const p = taken(first);
    const known = p.known;
    p.take("snapshot", "b2-9", JSON.stringify(snapshot([alarm("y")])), 5_000);
    const { alarms, whole } = p.since(known, undefined);
    expect(whole).toBe(false);
    expect(alarms).toMatchObject([{ what: { id: "x", state: "normal" }, at: 5_000 }, { what: { id: "y", state: "unacknowledged" } }]);
  });

  test("is told whole again where a machine is no longer among those that may be seen", () => {
    const p = taken(first);
    const known = p.known;
    p.take("snapshot", "b1-9", JSON.stringify(snapshot([], ["other"])), 5_000);
    const told = p.since(known, undefined);
    expect(told.whole).toBe(true);
    expect(told.machines.map((m) => m.what.machine)).toEqual(["other"]);
  });

  test.each([
    ["an event of another start of the server", "b2-6", JSON.stringify(alarm("y"))],
    ["half an event", "b1-6", '{"id":"y'],
    ["an event without an id", "", JSON.stringify(alarm("y"))],
  ])("does not take %s", (_, id, data) => expect(() => taken(first).take("alarm", id, data, 0)).toThrow(Torn));
});

/** A clock that is turned by hand, and streams that say what they are told to. */
class Stage implements World {
  t = 1_000_000;
  streams: { url: string; open: boolean; on: Parameters<World["open"]>[1] }[] = [];
  #timers = new Set<{ at: number; f: () => void }>();
  now = () => this.t;
  random = () => 0.5;
  after(ms: number, f: () => void) {
    const timer = { at: this.t + ms, f };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }
  open(url: string, on: Parameters<World["open"]>[1]) {
    const stream = { url, open: true, on };
    this.streams.push(stream);
    return () => void (stream.open = false);
  }
  /** Time passes, and every timer meanwhile is called at its time. */
  pass(ms: number) {
    const end = this.t + ms;
    for (;;) {
      const next = [...this.#timers].filter((x) => x.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#timers.delete(next);
      this.t = Math.max(this.t, next.at);
      next.f();
    }
    this.t = end;
  }
  /** The computer sleeps: time passes, and no timer is called in it. */
  sleep(ms: number) {
    this.t += ms;
  }
  get live() {
    return this.streams.filter((s) => s.open);
  }
  get stream() {
    expect(this.live).toHaveLength(1);
    return this.live[0]!;
  }
  say(name: string, id: string, data: object) {
    this.stream.on.event(name, id, JSON.stringify(data));
  }
}

describe("the hub", () => {
  let stage: Stage, hub: Hub;
  beforeEach(() => {
    stage = new Stage();
    hub = new Hub(stage);
  });

  /** A tab; `awake`: it says at once that it got what it was told. */
  class Tab {
    told: Told[] = [];
    awake = true;
    say: (said: Said) => void = hub.join((told) => {
      this.told.push(told);
      if (this.awake) stage.after(0, () => this.say({ got: told.n }));
    });
    constructor(w?: Wish) {
      if (w) this.say({ ask: w });
    }
    get alarms() {
      const known = new Map<string, string>();
      for (const told of this.told) {
        if (told.whole) known.clear();
        for (const a of told.alarms) known.set(a.what.id, a.what.state);
      }
      return Object.fromEntries(known);
    }
    get last() {
      return this.told[this.told.length - 1]!;
    }
  }
  const begin = (boot = "b1", ...alarms: string[]) => stage.say("snapshot", `${boot}-1`, snapshot(alarms.map((a) => alarm(a))));
  /** The server speaks every second. */
  const speak = (seconds: number, boot = "b1") => {
    for (let i = 0; i < seconds; i++) (stage.say("status", `${boot}-2`, status()), stage.pass(1_000));
  };

  test("holds one stream for ten tabs, and each hears of a new alarm", () => {
    const tabs = Array.from({ length: 10 }, () => new Tab(wish()));
    begin("b1", "x");
    const late = new Tab(wish());
    expect(stage.streams).toHaveLength(1);
    stage.pass(1_000);
    stage.say("alarm", "b1-2", alarm("y"));
    stage.pass(100);
    for (const tab of [...tabs, late]) expect(tab.alarms).toEqual({ x: "unacknowledged", y: "unacknowledged" });
  });

  test("tells a tab that is looked at within a tenth of a second, and many alarms together", () => {
    const seen = new Tab(wish());
    const hidden = new Tab(wish(undefined, { hidden: true }));
    begin();
    stage.pass(2_000);
    const before = [seen.told.length, hidden.told.length];
    for (let i = 0; i < 1_000; i++) {
      stage.say("alarm", `b1-${i + 2}`, alarm(`a${i}`));
      stage.pass(10);
    }
    stage.pass(1_000);
    const words = [seen.told.length - before[0]!, hidden.told.length - before[1]!];
    expect(words[0]).toBeLessThanOrEqual(103);
    expect(words[1]).toBeLessThanOrEqual(23);
    for (const tab of [seen, hidden]) expect(Object.keys(tab.alarms)).toHaveLength(1_000);
  });

  test("takes up what a tab asks for, and what it no longer asks for, with a stream of its own", () => {
    const a = new Tab(wish());
    begin();
    const b = new Tab(wish("s/b"));
    expect(stage.stream.url).toContain("machine=s%2Fb");
    begin();
    b.say({ ask: wish("s/c") });
    expect(stage.stream.url).toMatch(/machine=s%2Fc$/);
    begin();
    b.say({ leave: true });
    expect(stage.stream.url).not.toContain("machine");
    a.say({ leave: true });
    expect(stage.live).toEqual([]);
    stage.pass(60_000);
    expect(stage.streams).toHaveLength(4);
  });

  test("gives no tab the values of another's machine", () => {
    const a = new Tab(wish("s/a"));
    const b = new Tab(wish());
    stage.say("snapshot", "b1-1", snapshot([], ["a"], [value("s/a/p", 1)]));
    stage.pass(100);
    stage.say("values", "b1-2", { values: [value("s/a/p", 2)] });
    stage.pass(100);
    expect(a.told.flatMap((t) => t.values.map((v) => v.value))).toEqual([1, 2]);
    expect(b.told.flatMap((t) => t.values)).toEqual([]);
  });

  test("comes back with jittered pauses when the server is away, and misses and doubles nothing", () => {
    const tab = new Tab(wish());
    begin("b1", "x", "y");
    speak(3);
    stage.stream.on.end();
    stage.pass(100);
    expect(tab.last).toMatchObject({ link: "lost", broken: true });
    const opened = () => stage.streams.length;
    for (const pause of [500, 1_000, 2_000, 5_000, 10_000, 10_000]) {
      const before = opened();
      stage.pass(pause - 1 - (pause === 500 ? 100 : 0));
      expect(opened()).toBe(before);
      stage.pass(1);
      expect(opened()).toBe(before + 1);
      stage.stream.on.end();
    }
    stage.pass(10_000);
    // It is another start of the server; in between x went and z came.
    stage.say("snapshot", "b2-1", snapshot([alarm("y"), alarm("z")]));
    stage.pass(100);
    expect(tab.last.link).toBe("open");
    expect(tab.alarms).toEqual({ x: "normal", y: "unacknowledged", z: "unacknowledged" });
    stage.stream.on.end();
    expect(stage.live).toEqual([]);
    stage.pass(500);
    expect(stage.live, "the pauses begin anew").toHaveLength(1);
  });

  test("gives up a stream that says nothing, and one that is torn", () => {
    const tab = new Tab(wish());
    begin();
    stage.pass(7_100);
    expect(tab.last.link).toBe("lost");
    stage.pass(1_000);
    begin();
    stage.stream.on.event("alarm", "b1-2", '{"id":');
    expect(stage.live).toEqual([]);
    stage.pass(600);
    begin();
    stage.stream.on.event("alarm", "b7-2", JSON.stringify(alarm("y")));
    expect(stage.live, "of another start of the server").toEqual([]);
  });

  test("says how the stream stands also while nothing comes", () => {
    const tab = new Tab(wish());
    stage.stream.on.end();
    let before = 0;
    for (let i = 0; i < 10; i++) {
      stage.pass(3_100);
      if (stage.live.length > 0) stage.stream.on.end();
      expect(tab.told.length).toBeGreaterThan(before);
      expect(tab.last).toMatchObject({ link: "lost", heard: undefined });
      before = tab.told.length;
    }
  });

  test("piles nothing up for a tab that sleeps, and shows it all as it is when it wakes", () => {
    const other = new Tab(wish());
    const tab = new Tab(wish("s/m"));
    begin("b1", "x");
    speak(2);
    tab.awake = false;
    const before = tab.told.length;
    for (let i = 0; i < 60; i++) {
      stage.say("alarm", `b1-${i + 2}`, alarm(`a${i}`));
      speak(1);
      if (stage.stream.url.includes("machine") && i > 40) expect.fail("it is listened for a tab that sleeps");
      if (i === 35) begin();
    }
    expect(tab.told.length).toBe(before + 1);
    tab.awake = true;
    tab.say({ got: tab.last.n });
    stage.pass(0);
    expect(tab.last.whole).toBe(true);
    expect(Object.keys(tab.alarms)).toHaveLength(61);
    expect(stage.stream.url).toContain("machine=s%2Fm");
    expect(Object.keys(other.alarms)).toHaveLength(61);
  });

  test("begins anew at once when a tab wakes and the stream is old, once for all that wake", () => {
    const tabs = [new Tab(wish()), new Tab(wish()), new Tab(wish())];
    begin();
    speak(1);
    stage.sleep(3_600_000);
    for (const tab of tabs) tab.say({ ask: wish() });
    expect(stage.streams).toHaveLength(2);
    expect(stage.live).toHaveLength(1);
    expect(tabs[0]!.last.heard).toBe(stage.t - 3_600_000 - 1_000);
  });

  test("begins anew at once when the computer wakes, though no tab says so", () => {
    new Tab(wish());
    begin();
    speak(1);
    stage.sleep(3_600_000);
    stage.pass(1);
    expect(stage.streams).toHaveLength(2);
  });

  test("waits for no pause when somebody looks while the server is away", () => {
    const tab = new Tab(wish());
    for (const pause of [500, 1_000, 2_000, 5_000, 10_000]) (stage.stream.on.end(), stage.pass(pause));
    stage.stream.on.end();
    const before = stage.streams.length;
    tab.say({ ask: wish() });
    expect(stage.streams).toHaveLength(before + 1);
    begin();
    speak(20);
    expect(stage.streams, "and none comes when the pause would have been over").toHaveLength(before + 1);
  });

  test("forgets what one was told before the next is logged in, and tells the other tabs to ask who it is", () => {
    const first = new Tab(wish());
    begin("b1", "x");
    speak(1);
    const second = new Tab(wish(undefined, { as: "wang" }));
    expect(second.alarms).toEqual({});
    expect(second.last).toMatchObject({ link: "connecting", heard: undefined });
    stage.pass(100);
    expect(first.told.some((t) => t.broken)).toBe(true);
    expect(second.told.some((t) => t.broken)).toBe(false);
    expect(stage.streams).toHaveLength(2);
  });

  test("ends the stream with the last tab and does not come back for it", () => {
    const tab = new Tab(wish());
    begin();
    stage.stream.on.end();
    tab.say({ leave: true });
    stage.pass(60_000);
    expect(stage.streams).toHaveLength(1);
  });
});
