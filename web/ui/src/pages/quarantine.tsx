import { useEffect, useState } from "preact/hooks";
import { get, post, Problem, query as params } from "../api/client";
import { useResource } from "../api/resource";
import type { QuarantineEntry, QuarantineGroup, QuarantinePayload, QuarantineStats, QuarantineTopic, Replay } from "../api/types";
import { t } from "../i18n";
import { bytes, dateTime, int, when } from "../lib/format";
import { useBarrier } from "../lib/me";
import { serverNow } from "../lib/now";
import { href, setQuery, useRoute } from "../lib/router";
import { Allowed, Barred } from "../parts/allowed";
import { Crumbs } from "../parts/crumbs";
import { causeOf, Remedy, Said } from "../parts/said";
import { Empty, Guarded, ProblemBox } from "../parts/states";

const EVERY = 5_000;
const PAGE = 100;

/** What a replay or a discard is about: ids, or everything of a reason. */
interface Meant {
  ids?: number[];
  codes?: string[];
  topics?: string[];
}

export const asProblem = (e: unknown): Problem => (e instanceof Problem ? e : new Problem(0, String(e), "", "", ""));

export function Quarantine() {
  const { query } = useRoute();
  const reason = query["code"];
  const aside = query["discarded"] === "yes";
  const groups = useResource<QuarantineGroup[]>("quarantine", (s) => get("quarantine/groups", s), EVERY);
  const stats = useResource<QuarantineStats>("quarantine-stats", (s) => get("quarantine/stats", s), EVERY);
  const replay = useReplay(() => (groups.reload(), stats.reload()));
  return (
    <div class="quarantine">
      <Crumbs here={t("quarantine.title")} />
      <p class="muted">{t("quarantine.about")}</p>
      {stats.data && <Room stats={stats.data} />}
      <ReplayBar replay={replay} />
      <Guarded of={groups} every={EVERY}>
        {(data) =>
          data.length === 0 ? (
            <Empty text={t("quarantine.empty")} />
          ) : (
            <div class={reason ? "columns" : ""}>
              <Reasons groups={data} open={reason} replay={replay} />
              {reason && <Entries key={`${reason} ${aside}`} reason={reason} aside={aside} replay={replay} changed={groups.reload} />}
            </div>
          )
        }
      </Guarded>
    </div>
  );
}

function Room({ stats }: { stats: QuarantineStats }) {
  return (
    <p class="chips">
      <span class="chip">{t("quarantine.waiting", { n: int(stats.waiting) })}</span>{" "}
      <span class="chip">{t("quarantine.kept", { bytes: bytes(stats.bytes) })}</span>{" "}
      {stats.discarded > 0 && <span class="chip">{t("quarantine.put_aside", { n: int(stats.discarded) })}</span>}{" "}
      {stats.cut > 0 && <span class="chip doubt">{t("quarantine.cut", { n: int(stats.cut) })}</span>}{" "}
      {stats.dropped > 0 && <span class="chip doubt">{t("quarantine.dropped", { n: int(stats.dropped) })}</span>}
    </p>
  );
}

interface Replaying {
  state: Replay | undefined;
  problem: Problem | undefined;
  start(meant: Meant): Promise<void>;
}

/** Starts replays and follows the one that runs, whoever started it. */
function useReplay(ended: () => void): Replaying {
  const [state, setState] = useState<Replay>();
  const [problem, setProblem] = useState<Problem>();
  const running = state?.running ?? false;
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let gone = false;
    const look = async () => {
      const now = await get<Replay>("quarantine/replay").catch(() => undefined);
      if (gone) return;
      if (now && (now.running || running)) setState(now);
      if (running && now && !now.running) ended();
      else if (running || now?.running) timer = setTimeout(() => void look(), 500);
    };
    void look();
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [running]);
  const start = async (meant: Meant) => {
    setProblem(undefined);
    try {
      setState(await post<Replay>("quarantine/replay", meant));
      ended();
    } catch (e) {
      setProblem(asProblem(e));
    }
  };
  return { state, problem, start };
}

function ReplayBar({ replay }: { replay: Replaying }) {
  const { state, problem } = replay;
  const bar = useBarrier("quarantine.replay");
  return (
    <div aria-live="polite">
      {bar && <Barred why={bar} act="quarantine.replay" />}
      {problem && <ProblemBox problem={problem} />}
      {state && (
        <p class="panel" data-testid="replay" data-running={state.running}>
          {state.running && (
            <progress max={Math.max(state.selected, 1)} value={state.done} aria-label={t("quarantine.replaying")} />
          )}{" "}
          {t(state.running ? "quarantine.replaying" : "quarantine.replayed")}{" "}
          {t("quarantine.outcome", {
            done: int(state.done),
            selected: int(state.selected),
            committed: int(state.committed),
            duplicates: int(state.duplicates),
            failed: int(state.failed),
            incomplete: int(state.incomplete),
          })}
          {state.problem && <strong class="doubt"> {t("quarantine.ended_early")}</strong>}
        </p>
      )}
      {state?.problem && <Said text={state.problem} />}
    </div>
  );
}

/** Where on the page a reason can be mended: the path, and its name. What is not here is mended in the device. */
const MENDED: Record<string, [path: string[], name: string]> = {
  unknown_machine: [["connections", "discovery"], "discovery.title"],
  unknown_point: [["connections", "discovery"], "discovery.title"],
  unmapped: [["rules"], "rules.title"],
  mapping_field: [["rules"], "rules.title"],
  mapping_payload: [["rules"], "rules.title"],
};

function Mend({ of }: { of: string }) {
  const there = MENDED[of];
  return there ? (
    <a class="button" href={href(there[0])} data-testid="mend">
      {t(there[1])}
    </a>
  ) : null;
}

function Reasons(props: { groups: QuarantineGroup[]; open: string | undefined; replay: Replaying }) {
  return (
    <ul class="groups main-column panel">
      {props.groups.map((g) => (
        <li key={g.code} data-testid="quarantine-group" data-code={g.code} aria-current={g.code === props.open}>
          <h2>
            <a href={href(["connections", "quarantine"], { code: g.code })}>
              {causeOf(g.code)}
            </a>{" "}
            <b>×{int(g.count)}</b>{" "}
            <small class="muted">
              {t("quarantine.span", { first: when(g.first, serverNow()), last: when(g.last, serverNow()) })}
            </small>
          </h2>
          <Remedy of={g.code} />
          <p class="from muted">
            {g.example.source} → <code>{g.example.topic}</code> · <code>{g.code}</code>
          </p>
          <Said text={g.example.reason} />
          <div class="buttons">
            <Allowed act="quarantine.replay" quiet>
              <button type="button" disabled={props.replay.state?.running} onClick={() => void props.replay.start({ codes: [g.code] })}>
                {t("quarantine.replay_all")}
              </button>
            </Allowed>
            <Mend of={g.code} />
            {g.discarded > 0 && (
              <a href={href(["connections", "quarantine"], { code: g.code, discarded: "yes" })}>
                {t("quarantine.put_aside", { n: int(g.discarded) })}
              </a>
            )}
          </div>
          {g.code === props.open && <Topics reason={g.code} replay={props.replay} />}
        </li>
      ))}
    </ul>
  );
}

function Topics({ reason, replay }: { reason: string; replay: Replaying }) {
  const { query } = useRoute();
  const topics = useResource<QuarantineTopic[]>(`topics ${reason}`, (s) => get(`quarantine/topics${params({ code: reason })}`, s), EVERY);
  if (!topics.data || topics.data.length < 2) return null;
  return (
    <ul class="topics">
      {topics.data.map((x) => (
        <li key={x.topic}>
          <button type="button" class="link" aria-pressed={query["topic"] === x.topic} onClick={() => setQuery({ topic: query["topic"] === x.topic ? null : x.topic })}>
            <code>{x.topic}</code>
          </button>{" "}
          ×{int(x.waiting)}{" "}
          <Allowed act="quarantine.replay" quiet>
            <button type="button" class="link" disabled={replay.state?.running} onClick={() => void replay.start({ codes: [reason], topics: [x.topic] })}>
              {t("quarantine.replay")}
            </button>
          </Allowed>
        </li>
      ))}
    </ul>
  );
}

function Entries(props: { reason: string; aside: boolean; replay: Replaying; changed: () => void }) {
  const { reason, aside, replay } = props;
  const { query } = useRoute();
  const topic = query["topic"];
  const [chosen, choose] = useState<ReadonlySet<number>>(new Set());
  const [limit, setLimit] = useState(PAGE);
  const [undo, setUndo] = useState<number[]>();
  const [why, setWhy] = useState("");
  const [problem, setProblem] = useState<Problem>();
  const path = `quarantine${params({ code: reason, topic, discarded: aside ? "yes" : null, limit })}`;
  const list = useResource<{ entries: QuarantineEntry[] }>(path, (s) => get(path, s), EVERY);
  const act = async (path: string, body: Meant & { why?: string }) => {
    setProblem(undefined);
    try {
      await post(path, body);
      choose(new Set());
      list.reload();
      props.changed();
      return true;
    } catch (e) {
      setProblem(asProblem(e));
      return false;
    }
  };
  const ids = [...chosen];
  const discard = async () => {
    if (await act("quarantine/discard", { ids, why })) setUndo(ids);
  };
  const restore = async (what: number[]) => {
    if (await act("quarantine/restore", { ids: what })) setUndo(undefined);
  };
  return (
    <section class="panel" aria-label={t("quarantine.messages")}>
      <div class="toolbar fields">
        <h2>{t(aside ? "quarantine.aside_title" : "quarantine.messages")}</h2>
        {aside ? (
          <Allowed act="quarantine.restore" quiet>
            <button type="button" disabled={ids.length === 0} onClick={() => void restore(ids)}>
              {t("quarantine.restore", { n: int(ids.length) })}
            </button>
          </Allowed>
        ) : (
          <Allowed act="quarantine.discard" quiet>
            <button type="button" class="primary" disabled={ids.length === 0 || replay.state?.running} onClick={() => void replay.start({ ids }).then(() => (choose(new Set()), list.reload()))}>
              {t("quarantine.replay_chosen", { n: int(ids.length) })}
            </button>
            <label>
              {t("quarantine.why")} <input value={why} maxLength={200} onInput={(e) => setWhy(e.currentTarget.value)} />
            </label>
            <button type="button" disabled={ids.length === 0 || why.trim() === ""} onClick={() => void discard()}>
              {t("quarantine.discard", { n: int(ids.length) })}
            </button>
          </Allowed>
        )}
      </div>
      {undo && (
        <p role="status">
          {t("quarantine.was_discarded", { n: int(undo.length) })}{" "}
          <button type="button" onClick={() => void restore(undo)}>
            {t("quarantine.undo")}
          </button>
        </p>
      )}
      {problem && <ProblemBox problem={problem} />}
      <Guarded of={list} every={EVERY}>
        {(data) => {
          const shown = data.entries;
          const all = shown.slice(0, 2_000).map((e) => e.id);
          return shown.length === 0 ? (
            <Empty text={t("quarantine.none_here")} />
          ) : (
            <>
              <Allowed act="quarantine.discard" quiet>
                <label class="check">
                  <input
                    type="checkbox"
                    checked={all.length > 0 && all.every((id) => chosen.has(id))}
                    onChange={(e) => choose(new Set(e.currentTarget.checked ? all : []))}
                  />
                  {t("quarantine.choose_shown", { n: int(shown.length) })}
                </label>
              </Allowed>
              <ul class="groups">
                {shown.map((e) => (
                  <Entry
                    key={e.id}
                    e={e}
                    chosen={chosen.has(e.id)}
                    choose={(yes) => choose((c) => new Set(yes ? [...c, e.id] : [...c].filter((id) => id !== e.id)))}
                  />
                ))}
              </ul>
              {shown.length === limit && limit < 1_000 && (
                <button type="button" onClick={() => setLimit(Math.min(1_000, limit + PAGE))}>
                  {t("quarantine.more")}
                </button>
              )}
            </>
          );
        }}
      </Guarded>
    </section>
  );
}

function Entry({ e, chosen, choose }: { e: QuarantineEntry; chosen: boolean; choose: (yes: boolean) => void }) {
  const [open, setOpen] = useState(false);
  return (
    <li data-testid="quarantine-entry" data-id={e.id}>
      <label class="check">
        <Allowed act="quarantine.discard" quiet>
          <input type="checkbox" checked={chosen} onChange={(x) => choose(x.currentTarget.checked)} />
        </Allowed>
        <span>
          {dateTime(e.t)} · {e.source} → <code>{e.topic}</code> · {bytes(e.size)}
        </span>
      </label>
      <Said text={e.reason} />
      {!e.complete && <p class="doubt">{t("quarantine.incomplete")}</p>}
      {e.discarded && <p class="muted">{e.discarded}</p>}
      <details open={open} onToggle={(x) => setOpen(x.currentTarget.open)}>
        <summary>{t("quarantine.whole_payload")}</summary>
        {open && <Payload id={e.id} />}
      </details>
    </li>
  );
}

function Payload({ id }: { id: number }) {
  const whole = useResource<QuarantinePayload>(`payload ${id}`, (s) => get(`quarantine/${id}`, s));
  return (
    <Guarded of={whole} every={3_600_000}>
      {(p) => (
        <>
          <pre tabIndex={0}>{p.encoding === "hex" ? hexDump(p.payload) : pretty(p.payload) || t("quarantine.payload_empty")}</pre>
          {p.shown < p.size && <p class="muted">{t("quarantine.shown", { shown: bytes(p.shown), size: bytes(p.size) })}</p>}
        </>
      )}
    </Guarded>
  );
}

/** JSON with its members in lines of their own; anything else as it is. */
export function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** Sixteen bytes a line: place, hexadecimal, and what of it is text. */
export function hexDump(hex: string): string {
  const lines: string[] = [];
  for (let at = 0; at < hex.length; at += 32) {
    const pairs = hex.slice(at, at + 32).match(/../g) ?? [];
    const chars = pairs.map((p) => {
      const n = parseInt(p, 16);
      return n >= 0x20 && n < 0x7f ? String.fromCharCode(n) : "·";
    });
    lines.push(`${(at / 2).toString(16).padStart(6, "0")}  ${pairs.join(" ").padEnd(47)}  ${chars.join("")}`);
  }
  return lines.join("\n");
}
