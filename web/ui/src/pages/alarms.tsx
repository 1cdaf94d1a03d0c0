import { useEffect, useMemo, useState } from "preact/hooks";
import { get, post, Problem, query as queryOf, segments } from "../api/client";
import { liveAlarms, overlay } from "../api/live";
import { useResource } from "../api/resource";
import type { Alarm, Journal } from "../api/types";
import { code, t, title } from "../i18n";
import { byUrgency, isActive, isOpen, isWaiting, machineTitle, message, placeOf, remark, valueAgainstLimit } from "../lib/condition";
import { int, plantZone, span, when } from "../lib/format";
import { useKept } from "../lib/kept";
import { registerKeys } from "../lib/keys";
import { now, serverNow } from "../lib/now";
import { lang } from "../lib/prefs";
import { go, href, parseHash, useRoute } from "../lib/router";
import { useStore } from "../lib/store";
import { type Form, InhibitDialog, inhibitedText } from "../parts/alarm-actions";
import { lazy } from "../lib/lazy";
import { titleFor } from "../lib/work";
import { Allowed } from "../parts/allowed";
import { useBarrier } from "../lib/me";
import { EvidencePanel } from "../parts/evidence";
import { PriorityMark } from "../parts/marks";
import { Empty, Guarded, ProblemBox } from "../parts/states";

const NewOrder = lazy(() => import("../parts/new-order").then((m) => m.NewOrder));

const EVERY = 10_000;
/** Alarms that are asked for. The server gives those that stand before those that are over, so that it is the latter that are cut off. */
const MOST = 5_000;
const TABS = ["active", "unacknowledged", "shelved", "suppressed", "out_of_service", "history"] as const;
type Tab = (typeof TABS)[number];
/** Rows drawn at first; more on request, so that a thousand alarms scroll smoothly. */
const PAGE = 200;

export function Alarms({ selected }: { selected: string | undefined }) {
  const answer = useResource<{ alarms: Alarm[]; total: number }>("alarms", (s) => get(`alarms?state=all&limit=${MOST}`, s), EVERY);
  return (
    <Guarded of={answer} every={EVERY}>
      {(data) => <AlarmList fetched={data.alarms} at={answer.at ?? 0} selected={selected} reload={answer.reload} />}
    </Guarded>
  );
}

/** What was just acknowledged here, until the server's own word arrives. */
type Answered = ReadonlyMap<string, { what: Alarm; at: number }>;

function AlarmList(props: { fetched: Alarm[]; at: number; selected: string | undefined; reload: () => void }) {
  const { selected } = props;
  const heard = useStore(liveAlarms);
  const { query } = useRoute();
  const tab: Tab = TABS.find((x) => x === query["tab"]) ?? "active";
  const [answered, setAnswered] = useState<Answered>(new Map());
  const [problem, setProblem] = useState<Problem | undefined>();
  const [busy, setBusy] = useState<ReadonlySet<string>>(new Set());
  const [room, setRoom] = useState(PAGE);
  const [form, setForm] = useState<Form | undefined>();

  const all = useMemo(() => {
    const id = (a: Alarm) => a.id;
    const live = overlay(props.fetched, props.at, heard, id);
    // Our own acknowledgement is as old as the answer to it; whatever was heard later is newer.
    return live.map((a) => {
      const own = answered.get(a.id);
      const stream = heard.get(a.id);
      return own && own.at > props.at && (!stream || own.at > stream.at) ? own.what : a;
    });
  }, [props.fetched, props.at, heard, answered]);
  const machine = query["machine"];
  const scoped = machine ? all.filter((a) => `${a.machine.site}/${a.machine.machine}` === machine) : all;
  const waiting = scoped.filter(isWaiting);
  const active = scoped.filter(isOpen);
  const lists: Record<Tab, Alarm[]> = {
    active,
    unacknowledged: waiting,
    shelved: scoped.filter((a) => a.inhibited === "shelved"),
    suppressed: scoped.filter((a) => a.inhibited === "suppressed"),
    out_of_service: scoped.filter((a) => a.inhibited === "out_of_service"),
    history: scoped.filter((a) => a.occurrences > 0),
  };
  const rows = lists[tab].slice();
  if (tab === "history") rows.sort((a, b) => Date.parse(b.changed) - Date.parse(a.changed));
  else rows.sort(byUrgency);
  const shown = rows.slice(0, room);
  const open = all.find((a) => a.id === selected);

  const barred = useBarrier("alarm.acknowledge") !== undefined;
  const acknowledge = (alarms: Alarm[]) => act(alarms.filter(isWaiting), "acknowledge", {});
  const act = async (alarms: Alarm[], verb: string, body: object) => {
    const wanted = alarms.filter((a) => !busy.has(a.id));
    if (wanted.length === 0) return;
    setProblem(undefined);
    setBusy((b) => new Set([...b, ...wanted.map((a) => a.id)]));
    for (const a of wanted) {
      try {
        const what = await post<Alarm>(`alarms/${segments(a.id)}/${verb}`, body);
        setAnswered((m) => new Map(m).set(a.id, { what, at: Date.now() }));
      } catch (e) {
        setProblem(e instanceof Problem ? e : new Problem(0, String(e), "", "", ""));
      }
      setBusy((b) => new Set([...b].filter((x) => x !== a.id)));
    }
  };
  // By the address and not by the last drawing: keys may come faster than a thousand rows are drawn.
  const chosen = () => parseHash(location.hash).path[1];
  const step = (by: number) => {
    const at = shown.findIndex((a) => a.id === chosen());
    const next = shown[at < 0 ? 0 : Math.max(0, Math.min(shown.length - 1, at + by))];
    if (next) go(["alarms", next.id], query);
  };
  useEffect(() =>
    registerKeys({
      j: () => step(1),
      k: () => step(-1),
      a: () => barred || void acknowledge(all.filter((a) => a.id === chosen())),
      s: () => barred || (open && !open.inhibited && setForm("shelve")),
    }),
  );
  useEffect(() => {
    document.querySelector(".alarm-list tr[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }, [selected]);

  const visibleWaiting = shown.filter(isWaiting);
  return (
    <div class={`alarms ${selected ? "with-evidence" : ""}`}>
      <section class="alarm-list" aria-label={t("nav.alarms")}>
        <div class="toolbar">
          <h1>{t("nav.alarms")}</h1>
          <div class="segmented" role="tablist" aria-label={t("alarms.tabs")}>
            {TABS.map((x) => (
              <button
                key={x}
                type="button"
                role="tab"
                id={`tab-${x}`}
                aria-selected={tab === x}
                aria-controls="alarm-rows"
                data-testid={`tab-${x}`}
                onClick={() => go(["alarms"], { ...query, tab: x })}
              >
                {code("tab", x)} {x !== "history" && <b>{int(lists[x].length)}</b>}
              </button>
            ))}
          </div>
          <a class="button" href={href(["alarms", "performance"])} data-testid="to-performance">{t("performance.title")}</a>
          {machine && (
            <a class="chip" href={href(["alarms"], { ...query, machine: null })}>
              {machine} <span aria-label={t("alarms.remove_filter")}>×</span>
            </a>
          )}
          <Allowed act="alarm.acknowledge">
            <button
              type="button"
              class="primary push"
              data-testid="alarm-ack-all"
              disabled={visibleWaiting.length === 0 || busy.size > 0}
              onClick={() => void acknowledge(visibleWaiting)}
            >
              {t("alarms.acknowledge_visible", { n: int(visibleWaiting.length) })}
            </button>
          </Allowed>
        </div>
        {problem && <ProblemBox problem={problem} retry={props.reload} />}
        <div id="alarm-rows" role="tabpanel" aria-labelledby={`tab-${tab}`}>
          {rows.length === 0 ? (
            <Empty text={code("alarms_empty", tab)} />
          ) : (
            <AlarmTable
              rows={shown}
              selected={selected}
              tab={tab}
              busy={busy}
              query={query}
              acknowledge={(a) => void acknowledge([a])}
            />
          )}
          {rows.length > shown.length && (
            <button type="button" onClick={() => setRoom(room + PAGE)}>
              {t("alarms.more", { n: int(rows.length - shown.length) })}
            </button>
          )}
        </div>
        {tab === "history" && <JournalTable machine={machine} />}
      </section>
      {selected && (
        <EvidencePanel
          key={selected}
          id={selected}
          known={open}
          close={() => go(["alarms"], query)}
          act={(a, verb, body) => void act([a], verb, body)}
          open={setForm}
          busy={busy.has(selected)}
        />
      )}
      {form === "work-order" && open && (
        <NewOrder
          machine={open.machine}
          title={titleFor(open)}
          because={{ alarm: open.id }}
          close={() => setForm(undefined)}
        />
      )}
      {form && form !== "work-order" && open && (
        <InhibitDialog
          a={open}
          form={form}
          act={(a, verb, body) => void act([a], verb, body)}
          close={() => setForm(undefined)}
        />
      )}
    </div>
  );
}

function AlarmTable(props: {
  rows: Alarm[];
  selected: string | undefined;
  tab: Tab;
  busy: ReadonlySet<string>;
  query: Record<string, string>;
  acknowledge: (a: Alarm) => void;
}) {
  const row = useKept<preact.JSX.Element>();
  const { selected, busy, query } = props;
  // How times are written: by the language, the zone, and what day it is.
  const manner = `${lang.get()} ${plantZone.get()} ${Math.floor(serverNow() / 3_600_000)}`;
  return (
    <table class="rows cards">
      <thead>
        <tr>
          <th scope="col">{t("alarms.priority")}</th>
          <th scope="col">{t("alarms.state")}</th>
          <th scope="col">{t("alarms.raised")}</th>
          <th scope="col">{t("alarms.duration")}</th>
          <th scope="col">{t("alarms.equipment")}</th>
          <th scope="col">{t("alarms.message")}</th>
          <th scope="col" class="n">{t("alarms.value")}</th>
          <th scope="col">
            <span class="sr">{t("alarms.acknowledge")}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {props.rows.map((a) =>
          row(a.id, [a, a.id === selected, busy.has(a.id), query, manner], () => <AlarmRow key={a.id} a={a} {...props} />),
        )}
      </tbody>
    </table>
  );
}

function AlarmRow(props: {
  a: Alarm;
  selected: string | undefined;
  busy: ReadonlySet<string>;
  query: Record<string, string>;
  acknowledge: (a: Alarm) => void;
}) {
  const { a } = props;
  const link = href(["alarms", a.id], props.query);
  return (
    <tr
      class={`alarm st-${a.state}`}
      aria-selected={a.id === props.selected}
      data-testid="alarm-row"
      data-id={a.id}
      data-condition={a.condition}
      data-machine={`${a.machine.site}/${a.machine.machine}`}
      onClick={(e) => {
        if (!(e.target as Element).closest("a, button")) location.hash = link;
      }}
    >
      <td class="c-priority">
        <PriorityMark priority={a.priority} state={a.state} />
      </td>
      <td class="c-state">
        <span data-testid="alarm-state" data-state={a.state}>
          {code("state", a.state)}
        </span>
        {a.acknowledged && a.state !== "normal" && <small class="muted"> {a.acknowledged.by}</small>}
      </td>
      <td class="c-raised">
        {a.occurrences > 0 && <time datetime={a.raised}>{when(a.raised, serverNow())}</time>}
      </td>
      <td class="c-duration">
        <Duration a={a} />
      </td>
      <td class="c-equipment">
        <a href={placeOf(a)}>{machineTitle(a.machine)}</a>
        {a.point && <small class="muted"> {title(a.point_title, a.point)}</small>}
      </td>
      <td class="c-message">
        <a href={link}>{message(a)}</a>
        {remark(a) && <small class="muted">{remark(a)}</small>}
        {a.inhibited && <small class="muted">{inhibitedText(a, (x) => when(x, serverNow()))}</small>}
        {(a.first_out || a.respond_by) && (
          <small class="muted">
            {[
              a.first_out && t("alarms.first_out"),
              a.respond_by && t("alarms.respond_by", { time: when(a.respond_by, serverNow()) }),
            ]
              .filter(Boolean)
              .join(" · ")}
          </small>
        )}
        {a.occurrences > 1 && <small class="muted"> ×{int(a.occurrences)}</small>}
      </td>
      <td class="c-value n">{valueAgainstLimit(a)}</td>
      <td class="c-ack">
        {isWaiting(a) && (
          <Allowed act="alarm.acknowledge" quiet>
            <button
              type="button"
              data-testid="alarm-ack"
              disabled={props.busy.has(a.id)}
              aria-label={`${t("alarms.acknowledge")}: ${machineTitle(a.machine)} ${message(a)}`}
              onClick={() => props.acknowledge(a)}
            >
              {t("alarms.acknowledge")}
            </button>
          </Allowed>
        )}
      </td>
    </tr>
  );
}

/** How long the condition has held, or held. */
function Duration({ a }: { a: Alarm }) {
  useStore(now);
  const end = isActive(a) ? serverNow() : Date.parse(a.changed);
  return <>{a.occurrences === 0 || (a.state === "normal" && a.acknowledged) ? "" : span(end - Date.parse(a.raised))}</>;
}

/** Every step of every alarm, newest first, as the server journals them. */
function JournalTable({ machine }: { machine: string | undefined }) {
  const [pages, setPages] = useState<Journal[]>([]);
  const first = useResource<Journal>("journal", (s) => get("journal?limit=100", s), EVERY);
  const more = async (before: string) => {
    const next = await get<Journal>(`journal?limit=100&before=${encodeURIComponent(before)}`);
    setPages((p) => [...p, next]);
  };
  return (
    <section aria-labelledby="journal-title" class="journal">
      <div class="toolbar">
        <h2 id="journal-title">{t("journal.title")}</h2>
        <span class="push buttons">
          {(["xlsx", "csv"] as const).map((format) => (
            <a
              key={format}
              class="button"
              href={`/api/v1/journal/export${queryOf({ format, machine })}`}
              download={`alarm-journal.${format}`}
              data-testid={`journal-${format}`}
            >
              {t("table.save_as", { format: format.toUpperCase() })}
            </a>
          ))}
        </span>
      </div>
      <Guarded of={first} every={EVERY}>
        {(page) => {
          const entries = [page, ...pages].flatMap((p) => p.entries);
          const before = (pages[pages.length - 1] ?? page).next_before;
          if (entries.length === 0) return <Empty text={t("journal.empty")} />;
          return (
            <>
              <table class="rows">
                <thead>
                  <tr>
                    <th scope="col">{t("journal.time")}</th>
                    <th scope="col">{t("journal.step")}</th>
                    <th scope="col">{t("alarms.equipment")}</th>
                    <th scope="col">{t("alarms.message")}</th>
                    <th scope="col" class="n">{t("alarms.value")}</th>
                  </tr>
                </thead>
                <tbody>
                  {[...new Map(entries.map((e) => [e.position, e])).values()].map((e) => (
                    <tr key={e.position} data-testid="journal-row">
                      <td>{when(e.t, serverNow())}</td>
                      <td>
                        {code("trigger", e.trigger)}
                        {e.by && <small class="muted"> {e.by}</small>}
                        {e.until && <small class="muted"> {t("alarms.until", { time: when(e.until, serverNow()) })}</small>}
                        {e.reason && <small class="muted"> {e.reason}</small>}
                      </td>
                      <td>{machineTitle(e.machine)}</td>
                      <td>
                        <a href={href(["alarms", e.alarm], { tab: "history" })}>
                          {message(e)}
                        </a>
                      </td>
                      <td class="n">{valueAgainstLimit(e)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
              {before && (
                <button type="button" onClick={() => void more(before)}>
                  {t("journal.more")}
                </button>
              )}
            </>
          );
        }}
      </Guarded>
    </section>
  );
}
