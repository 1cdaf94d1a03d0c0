import { NOTHING, Picture, Torn, type Known } from "./picture";
import { SILENCE_MS, streamFor, type Link, type Said, type Told, type Wish } from "./protocol";

/** What the hub needs of the world: a clock, chance, timers, and the stream itself. */
export interface World {
  now(): number;
  random(): number;
  /** Calls `f` after `ms`; what is returned calls it off. */
  after(ms: number, f: () => void): () => void;
  /** Opens the stream at `url`; what is returned closes it. */
  open(url: string, on: { event(name: string, id: string, data: string): void; end(): void }): () => void;
}

const RETRY_MS = [500, 1_000, 2_000, 5_000, 10_000];
const TICK_MS = 1_000;
/** A tick that comes later than this, ms, says that the computer slept. */
const SLEPT_MS = 5_000;
/** Who wakes and finds the stream older than this, ms, does not wait for it to be given up. */
const FRESH_MS = 2_500;
/** A tab that has not said for this long that it got what it was told counts as asleep, ms: nobody listens for it. */
const ASLEEP_MS = 30_000;
/** Who was told nothing for this long is told how the stream stands, ms: silence would mean that the hub is gone. */
const IDLE_MS = 2_000;
/** Shortest time between two words to a tab that is looked at, and to one that is not, ms: what comes in between is told together. */
const PACE_MS = { seen: 100, hidden: 500 };

/** How long to wait before the n-th attempt (from 0), with the jitter `random` in 0..1 so that many browsers do not return at once. */
export const retryAfter = (n: number, random: number): number =>
  (RETRY_MS[Math.min(n, RETRY_MS.length - 1)] ?? 10_000) * (0.75 + random / 2);

interface Tab {
  tell: (told: Told) => void;
  wish: Wish | undefined;
  known: Known;
  n: number;
  /** It was told something and has not yet said that it got it. */
  waiting: boolean;
  toldAt: number;
  broken: boolean;
}

const dueAt = (tab: Tab): number => tab.toldAt + (tab.wish?.hidden ? PACE_MS.hidden : PACE_MS.seen);

/**
 * Holds one stream for as many tabs as there are. Each is told what is new to it when it has taken in what it was told
 * before, so that one that is slow, or sleeps, gets a fresh picture later and no heap of news.
 */
export class Hub {
  /** Those that listen, the newest wish last. */
  readonly #tabs = new Set<Tab>();
  #picture = new Picture();
  #as: string | undefined;
  #url: string | undefined;
  #close: (() => void) | undefined;
  #openedAt = 0;
  #link: Link = "connecting";
  #heard: number | undefined;
  #attempts = 0;
  #retry: (() => void) | undefined;
  #telling: (() => void) | undefined;
  #tellingAt = 0;
  #ticking: (() => void) | undefined;
  #ticked = 0;

  constructor(private readonly world: World) {}

  /** A tab that may be told something by `tell`; what it says goes into the function that is returned. */
  join(tell: (told: Told) => void): (said: Said) => void {
    const tab: Tab = { tell, wish: undefined, known: NOTHING, n: 0, waiting: false, toldAt: 0, broken: false };
    return (said) => {
      if ("ask" in said) this.#ask(tab, said.ask);
      else if ("got" in said) this.#got(tab, said.got);
      else if ("hidden" in said) tab.wish = tab.wish && { ...tab.wish, hidden: said.hidden };
      else this.#leave(tab);
    };
  }

  #ask(tab: Tab, wish: Wish): void {
    if (this.#as !== wish.as) this.#forget(wish.as);
    tab.wish = wish;
    const stale = this.#close !== undefined && this.world.now() - Math.max(this.#openedAt, this.#heard ?? 0) > FRESH_MS;
    const url = this.#url;
    this.#listen(tab);
    if (url === this.#url && (stale || this.#retry)) this.#revive();
    this.#tell(tab);
  }

  #got(tab: Tab, n: number): void {
    if (n !== tab.n) return;
    tab.waiting = false;
    // It was taken to be asleep.
    if (tab.wish && !this.#tabs.has(tab)) this.#ask(tab, tab.wish);
    this.#soon();
  }

  #leave(tab: Tab): void {
    tab.wish = undefined;
    this.#tabs.delete(tab);
    this.#steer();
  }

  #listen(tab: Tab): void {
    tab.known = NOTHING;
    tab.waiting = false;
    this.#tabs.delete(tab);
    this.#tabs.add(tab);
    this.#steer();
  }

  /** Somebody else is logged in: what was heard is not theirs, and who is not them is to ask who they are. */
  #forget(as: string): void {
    this.#as = as;
    this.#picture = new Picture();
    this.#heard = undefined;
    for (const tab of this.#tabs) (tab.known = NOTHING), (tab.broken = true);
    this.#stop();
    this.#soon();
  }

  /** Brings the stream in line with what is wished. */
  #steer(): void {
    const url = streamFor([...this.#tabs].flatMap((t) => t.wish ?? []));
    if (url === undefined) {
      this.#stop();
      this.#ticking?.();
      this.#ticking = undefined;
      return;
    }
    if (!this.#ticking) this.#tick();
    if (url === this.#url) return;
    this.#url = url;
    this.#connect();
  }

  #stop(): void {
    this.#hangUp();
    this.#url = undefined;
    this.#link = "connecting";
    this.#attempts = 0;
  }

  #hangUp(): void {
    this.#close?.();
    this.#close = undefined;
    this.#retry?.();
    this.#retry = undefined;
  }

  #connect(): void {
    this.#hangUp();
    const url = this.#url;
    if (url === undefined) return;
    this.#openedAt = this.world.now();
    let current = true;
    const close = this.world.open(url, {
      event: (name, id, data) => current && this.#event(name, id, data),
      end: () => current && this.#lost(),
    });
    this.#close = () => {
      current = false;
      close();
    };
  }

  /** At once, without the pauses that a server that is away would call for. */
  #revive(): void {
    this.#attempts = 0;
    this.#connect();
  }

  #event(name: string, id: string, data: string): void {
    const now = this.world.now();
    try {
      this.#picture.take(name, id, data, now);
    } catch (e) {
      if (!(e instanceof Torn)) throw e;
      return this.#lost();
    }
    this.#heard = now;
    this.#link = "open";
    this.#attempts = 0;
    this.#soon();
  }

  #lost(): void {
    this.#hangUp();
    this.#link = "lost";
    for (const tab of this.#tabs) tab.broken = true;
    this.#retry = this.world.after(retryAfter(this.#attempts++, this.world.random()), () => this.#connect());
    this.#soon();
  }

  #tick(): void {
    this.#ticked = this.world.now();
    this.#ticking = this.world.after(TICK_MS, () => {
      const now = this.world.now();
      const slept = now - this.#ticked > SLEPT_MS;
      for (const tab of [...this.#tabs]) {
        // A computer that slept took its tabs with it.
        if (slept) tab.toldAt = now;
        else if (tab.waiting && now - tab.toldAt > ASLEEP_MS) this.#tabs.delete(tab);
        else if (!tab.waiting && now - tab.toldAt > IDLE_MS) this.#tell(tab);
      }
      if (slept) this.#revive();
      else if (this.#close && now - Math.max(this.#openedAt, this.#heard ?? 0) > SILENCE_MS) this.#lost();
      this.#ticking = undefined;
      this.#steer();
    });
  }

  /** Tells those who can be told and have news, each as soon as it is their time. */
  #soon(): void {
    const due = Math.min(...[...this.#tabs].filter((t) => !t.waiting && this.#news(t)).map(dueAt));
    if (due === Infinity || (this.#telling && this.#tellingAt <= due)) return;
    this.#telling?.();
    this.#tellingAt = due;
    this.#telling = this.world.after(Math.max(0, due - this.world.now()), () => {
      this.#telling = undefined;
      const now = this.world.now();
      for (const tab of [...this.#tabs]) if (!tab.waiting && this.#news(tab) && dueAt(tab) <= now) this.#tell(tab);
      this.#soon();
    });
  }

  #news(tab: Tab): boolean {
    const known = this.#picture.known;
    return tab.broken || tab.known.step !== known.step || tab.known.edition !== known.edition;
  }

  #tell(tab: Tab): void {
    const told = { ...this.#picture.since(tab.known, tab.wish?.machine), n: ++tab.n, link: this.#link, heard: this.#heard, broken: tab.broken };
    tab.known = this.#picture.known;
    tab.broken = false;
    tab.waiting = true;
    tab.toldAt = this.world.now();
    tab.tell(told);
  }
}
