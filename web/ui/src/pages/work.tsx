import { useState } from "preact/hooks";
import { get, Problem, put, query as queryOf, request, segments } from "../api/client";
import { useResource } from "../api/resource";
import type { WorkOrder, WorkOrders, WorkState } from "../api/types";
import { code, t, title as titleOf } from "../i18n";
import { DIAGNOSED } from "../i18n/codes";
import { machineTitle } from "../lib/condition";
import { dateTime, plantZone, when } from "../lib/format";
import { useBarrier } from "../lib/me";
import { serverNow } from "../lib/now";
import { href, setQuery, useRoute } from "../lib/router";
import { useStore } from "../lib/store";
import { fromWall, toWall } from "../lib/wall";
import { NEXT, originText, shrunk } from "../lib/work";
import { Barred } from "../parts/allowed";
import { Empty, Guarded, ProblemBox } from "../parts/states";

const EVERY = 30_000;
const TABS = ["unfinished", "done", "all"] as const;

/** What is to be done in the plant, and what was. */
export function Work({ number }: { number: string | undefined }) {
  return number === undefined ? <List /> : <One number={number} />;
}

function List() {
  const { query } = useRoute();
  const state = TABS.find((x) => x === query["state"]) ?? "unfinished";
  const machine = query["machine"] ?? null;
  const which = { state, machine };
  const first = useResource<WorkOrders>(`work ${state} ${machine}`, (s) => get(`work-orders${queryOf({ ...which, limit: 100 })}`, s), EVERY);
  return (
    <>
      <div class="toolbar">
        <h1>{t("work.title")}</h1>
        <div class="segmented" role="group" aria-label={t("work.which")}>
          {TABS.map((x) => (
            <button key={x} type="button" aria-pressed={state === x} onClick={() => setQuery({ state: x })} data-testid={`work-${x}`}>
              {code("work_tab", x)}
            </button>
          ))}
        </div>
        {machine && (
          <a class="chip" href={href(["orders"], { ...query, machine: null })}>
            {machine} <span aria-label={t("alarms.remove_filter")}>×</span>
          </a>
        )}
        <span class="push buttons">
          {(["xlsx", "csv"] as const).map((format) => (
            <a key={format} class="button" href={`/api/v1/work-orders/export${queryOf({ ...which, format })}`} download={`work-orders.${format}`}>
              {t("table.save_as", { format: format.toUpperCase() })}
            </a>
          ))}
        </span>
      </div>
      <Guarded of={first} every={EVERY}>
        {(data) => (data.orders.length === 0 ? <Empty text={code("work_empty", state)} /> : <Rows key={`${state} ${machine}`} first={data} which={which} />)}
      </Guarded>
    </>
  );
}

function Rows({ first, which }: { first: WorkOrders; which: Record<string, string | null> }) {
  const [pages, setPages] = useState<WorkOrders[]>([]);
  const [problem, setProblem] = useState<Problem>();
  const orders = [first, ...pages].flatMap((p) => p.orders);
  const before = (pages[pages.length - 1] ?? first).next_before;
  const more = async () => {
    try {
      const next = await get<WorkOrders>(`work-orders${queryOf({ ...which, limit: 100, before })}`);
      setPages((p) => [...p, next]);
    } catch (e) {
      setProblem(e instanceof Problem ? e : new Problem(0, String(e), "", "", ""));
    }
  };
  return (
    <section class="panel" aria-label={t("work.title")}>
      <table class="rows cards work-rows">
        <thead>
          <tr>
            <th scope="col" class="n">#</th>
            <th scope="col">{t("work.state")}</th>
            <th scope="col">{t("work.machine")}</th>
            <th scope="col">{t("work.what")}</th>
            <th scope="col">{t("work.because")}</th>
            <th scope="col">{t("work.assignee")}</th>
            <th scope="col">{t("work.planned_for")}</th>
            <th scope="col">{t("work.finding")}</th>
          </tr>
        </thead>
        <tbody>
          {[...new Map(orders.map((o) => [o.number, o])).values()].map((o) => (
            <tr key={o.number} data-testid="work-row" data-number={o.number}>
              <td class="n">{o.number}</td>
              <td>
                <span class={`work-state w-${o.state}`}>{code("work_state", o.state)}</span>
              </td>
              <td>
                <a href={href(["machine", o.machine.site, o.machine.machine])}>{machineTitle(o.machine)}</a>
              </td>
              <td>
                <a href={href(["orders", String(o.number)])}>{o.title}</a>
              </td>
              <td data-name={t("work.because")}>{originText(o)}</td>
              {o.assignee ? <td data-name={t("work.assignee")}>{o.assignee}</td> : <td />}
              {o.planned_for ? <td data-name={t("work.planned_for")}>{<Due o={o} />}</td> : <td />}
              {o.finding ? <td data-name={t("work.finding")} class="finding">{o.finding}</td> : <td />}
            </tr>
          ))}
        </tbody>
      </table>
      {problem && <ProblemBox problem={problem} />}
      {before !== null && (
        <button type="button" onClick={() => void more()}>
          {t("journal.more")}
        </button>
      )}
    </section>
  );
}

/** When it is to be done, and whether that has passed: a word as well as a colour. */
function Due({ o }: { o: WorkOrder }) {
  const late = (o.state === "open" || o.state === "planned") && Date.parse(o.planned_for!) < serverNow();
  return (
    <>
      {dateTime(o.planned_for!)} {late && <b class="overdue">{t("work.overdue")}</b>}
    </>
  );
}

function One({ number }: { number: string }) {
  const answer = useResource<WorkOrder>(`work ${number}`, (s) => get(`work-orders/${segments(number)}`, s), EVERY);
  const [saved, setSaved] = useState<WorkOrder>();
  const fetched = answer.data;
  const o = saved && (!fetched || saved.revision >= fetched.revision) ? saved : fetched;
  return (
    <>
      <nav class="crumbs" aria-label={t("work.crumbs")}>
        <a href={href(["orders"])}>{t("work.title")}</a>
        <span>#{number}</span>
      </nav>
      {o ? <Order newest={o} saved={setSaved} reload={answer.reload} /> : <Guarded of={answer} every={EVERY}>{() => <></>}</Guarded>}
    </>
  );
}

/** What is typed into the form, all of it as text. */
interface Draft {
  title: string;
  assignee: string;
  planned: string;
  finding: string;
  faults: string[];
  parts: { name: string; quantity: string }[];
  hours: string;
  photos: string[];
  diagnosis: "" | "confirmed" | "dismissed";
  maintained: boolean;
}

const draftOf = (o: WorkOrder, zone: string): Draft => ({
  title: o.title,
  assignee: o.assignee ?? "",
  planned: o.planned_for ? toWall(Date.parse(o.planned_for), zone) : "",
  finding: o.finding ?? "",
  faults: o.faults,
  parts: o.parts.map((p) => ({ name: p.name, quantity: String(p.quantity) })),
  hours: o.labour_min === null ? "" : String(Math.round((o.labour_min / 60) * 100) / 100),
  photos: o.photos,
  diagnosis: "",
  maintained: false,
});

/** The order, and what is typed over it. What others change meanwhile comes in by itself only while nothing is typed. */
function Order({ newest, saved, reload }: { newest: WorkOrder; saved: (o: WorkOrder) => void; reload: () => void }) {
  const zone = useStore(plantZone);
  const [o, setBase] = useState(newest);
  const [draft, setDraft] = useState<Draft>(() => draftOf(o, zone));
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const take = (order: WorkOrder, typed: Draft) => {
    setBase(order);
    setDraft(typed);
    setProblem(undefined);
  };
  const overtaken = newest.revision > o.revision;
  const typed = JSON.stringify(draft) !== JSON.stringify(draftOf(o, zone));
  if (overtaken && !typed) take(newest, draftOf(newest, zone));
  const bar = useBarrier("work_order.change");
  const may = bar === undefined;
  const edit = (patch: Partial<Draft>) => setDraft((d) => ({ ...d, ...patch }));
  const path = `machines/${segments(o.machine.site, o.machine.machine)}`;
  const ended = o.state === "done" || o.state === "cancelled";
  const locked = !may || ended;

  const save = async (state: WorkState) => {
    setBusy(true);
    setProblem(undefined);
    const at = draft.planned ? fromWall(draft.planned, zone) : null;
    const ends = state === "done" && o.state !== "done";
    try {
      const now = await put<WorkOrder>(`${path}/work-orders/${o.number}`, {
        revision: o.revision,
        state,
        title: draft.title,
        assignee: draft.assignee,
        planned_for: at === null ? null : new Date(at).toISOString(),
        finding: draft.finding,
        faults: draft.faults,
        parts: draft.parts.filter((p) => p.name.trim()).map((p) => ({ name: p.name, quantity: Number(p.quantity) })),
        labour_min: draft.hours.trim() === "" ? null : Math.round(Number(draft.hours) * 60),
        photos: draft.photos,
        ...(ends && draft.diagnosis && { diagnosis: draft.diagnosis }),
        ...(ends && draft.maintained && { maintained: true }),
      });
      saved(now);
      take(now, draftOf(now, zone));
    } catch (e) {
      const p = e instanceof Problem ? e : new Problem(0, String(e), "", "", "");
      setProblem(p);
      if (p.kind === "conflict") reload();
    }
    setBusy(false);
  };
  return (
    <article class="work-order fresh" data-testid="work-order" data-state={o.state}>
      <header>
        <h1>
          #{o.number} {o.title}
        </h1>
        <p class="summary">
          <span class={`work-state w-${o.state}`} data-testid="work-state">
            {code("work_state", o.state)}
          </span>
          <a href={href(["machine", o.machine.site, o.machine.machine])}>{machineTitle(o.machine)}</a>
          <span>
            {t("work.because")}{" "}
            {o.origin.alarm ? <a href={href(["alarms", o.origin.alarm])}>{originText(o)}</a> : originText(o)}
            {o.origin.point && <span class="muted"> {titleOf(o.origin.point_title, o.origin.point)}</span>}
          </span>
          {o.planned_for && <Due o={o} />}
        </p>
      </header>
      <div class="columns">
        <form class="panel main-column" onSubmit={(e) => (e.preventDefault(), void save(o.state))}>
          <fieldset disabled={locked || busy}>
            <legend class="sr">{t("work.plan")}</legend>
            <label>
              {t("work.what")}
              <input required maxLength={200} value={draft.title} onInput={(e) => edit({ title: e.currentTarget.value })} />
            </label>
            <div class="pair">
              <label>
                {t("work.assignee")}
                <input maxLength={200} value={draft.assignee} onInput={(e) => edit({ assignee: e.currentTarget.value })} />
              </label>
              <label>
                {t("work.planned_for")} <small class="muted">{t("work.plant_time", { zone })}</small>
                <input type="datetime-local" value={draft.planned} onInput={(e) => edit({ planned: e.currentTarget.value })} />
              </label>
            </div>
          </fieldset>
          <fieldset disabled={locked || busy}>
            <legend>{t("work.what_was_found")}</legend>
            <label>
              {t("work.finding")}
              <textarea
                rows={3}
                maxLength={2000}
                value={draft.finding}
                onInput={(e) => edit({ finding: e.currentTarget.value })}
                data-testid="order-finding"
              />
            </label>
            {o.origin.fault && !ended && <Verdict fault={o.origin.fault} draft={draft} edit={edit} />}
            <Faults draft={draft} edit={edit} named={o.origin.fault ?? undefined} />
            <Parts draft={draft} edit={edit} locked={locked} />
            <label class="short">
              {t("work.hours")}
              <input type="number" min={0} max={2000} step="any" value={draft.hours} onInput={(e) => edit({ hours: e.currentTarget.value })} data-testid="order-hours" />
            </label>
            <Photos o={o} draft={draft} edit={edit} path={path} locked={locked} failed={setProblem} />
            {!ended && (
              <label class="check">
                <input type="checkbox" checked={draft.maintained} onChange={(e) => edit({ maintained: e.currentTarget.checked })} />
                <span>
                  {t("work.maintained")} <small class="muted">{t("work.maintained_means")}</small>
                </span>
              </label>
            )}
          </fieldset>
          {problem && <ProblemBox problem={problem} />}
          {overtaken && typed && (
            <div class="state problem" role="alert" data-testid="overtaken">
              <p>{t("work.overtaken", { who: newest.steps[newest.steps.length - 1]?.by ?? "" })}</p>
              <p class="buttons">
                <button type="button" onClick={() => take(newest, draftOf(newest, zone))} data-testid="take-theirs">
                  {t("work.take_theirs")}
                </button>
                <button type="button" onClick={() => take(newest, draft)} data-testid="keep-mine">
                  {t("work.keep_mine")}
                </button>
              </p>
            </div>
          )}
          {bar === undefined ? (
            <Buttons o={o} busy={busy} draft={draft} save={(state) => void save(state)} />
          ) : (
            <Barred why={bar} act="work_order.change" />
          )}
        </form>
        <section class="panel side-column" aria-labelledby="work-steps">
          <h2 id="work-steps">{t("evidence.history")}</h2>
          <ol class="steps" data-testid="work-steps">
            {[...o.steps].reverse().map((s, i) => (
              <li key={o.steps.length - i}>
                <time datetime={s.t}>{when(s.t, serverNow())}</time> {code("work_state", s.state)} · {s.by}
              </li>
            ))}
          </ol>
        </section>
      </div>
    </article>
  );
}

function Buttons({ o, busy, draft, save }: { o: WorkOrder; busy: boolean; draft: Draft; save: (state: WorkState) => void }) {
  const ended = o.state === "done" || o.state === "cancelled";
  const wanting = !draft.finding.trim();
  return (
    <>
      <div class="buttons">
        {!ended && (
          <button type="submit" class="primary" disabled={busy} data-testid="order-save">
            {t("work.save")}
          </button>
        )}
        {NEXT[o.state].map((state) => (
          <button
            key={state}
            type="button"
            disabled={busy || (state === "done" && wanting)}
            onClick={() => save(state)}
            data-testid={`order-to-${state}`}
          >
            {ended ? t("work.reopen") : code("work_to", state)}
          </button>
        ))}
      </div>
      {!ended && wanting && <p class="muted">{t("work.finding_first")}</p>}
    </>
  );
}

/** Whether what called for it was there: it teaches the diagnosis of this machine. */
function Verdict({ fault, draft, edit }: { fault: string; draft: Draft; edit: (patch: Partial<Draft>) => void }) {
  const choices = [
    ["confirmed", t("work.was_there")],
    ["dismissed", t("work.was_not_there")],
    ["", t("work.not_looked")],
  ] as const;
  return (
    <div role="radiogroup" aria-label={t("work.verdict", { fault: code("fault", fault) })} class="choices">
      <span>{t("work.verdict", { fault: code("fault", fault) })}</span>
      {choices.map(([value, text]) => (
        <label key={value} class="check">
          <input
            type="radio"
            name="verdict"
            checked={draft.diagnosis === value}
            onChange={() => edit({ diagnosis: value })}
            data-testid={`verdict-${value || "none"}`}
          />
          <span>{text}</span>
        </label>
      ))}
    </div>
  );
}

function Faults({ draft, edit, named }: { draft: Draft; edit: (patch: Partial<Draft>) => void; named: string | undefined }) {
  const rest = DIAGNOSED.filter((f) => !draft.faults.includes(f) && f !== named);
  return (
    <div class="list-field">
      <label for="order-fault">{t("work.faults")}</label>
      <select
        id="order-fault"
        value=""
        onChange={(e) => {
          if (e.currentTarget.value) edit({ faults: [...draft.faults, e.currentTarget.value] });
          e.currentTarget.value = "";
        }}
      >
        <option value="">{t("work.choose")}</option>
        {rest.map((f) => (
          <option key={f} value={f}>
            {code("fault", f)}
          </option>
        ))}
      </select>
      <span class="chips">
        {draft.faults.map((f) => (
          <button key={f} type="button" class="chip" onClick={() => edit({ faults: draft.faults.filter((x) => x !== f) })}>
            {code("fault", f)} <span aria-label={t("work.remove")}>×</span>
          </button>
        ))}
      </span>
    </div>
  );
}

function Parts({ draft, edit, locked }: { draft: Draft; edit: (patch: Partial<Draft>) => void; locked: boolean }) {
  const set = (i: number, patch: Partial<Draft["parts"][number]>) =>
    edit({ parts: draft.parts.map((p, k) => (k === i ? { ...p, ...patch } : p)) });
  return (
    <div class="list-field" role="group" aria-label={t("work.parts")}>
      <span>{t("work.parts")}</span>
      {draft.parts.map((p, i) => (
        <span key={i} class="part">
          <input
            type="number"
            min={0}
            step="any"
            required
            aria-label={t("work.quantity")}
            value={p.quantity}
            onInput={(e) => set(i, { quantity: e.currentTarget.value })}
          />
          <input maxLength={200} aria-label={t("work.part")} value={p.name} onInput={(e) => set(i, { name: e.currentTarget.value })} data-testid="part-name" />
          <button type="button" class="link" onClick={() => edit({ parts: draft.parts.filter((_, k) => k !== i) })}>
            {t("work.remove")}
          </button>
        </span>
      ))}
      {!locked && draft.parts.length < 50 && (
        <button type="button" onClick={() => edit({ parts: [...draft.parts, { name: "", quantity: "1" }] })} data-testid="part-add">
          {t("work.part_add")}
        </button>
      )}
    </div>
  );
}

function Photos(props: {
  o: WorkOrder;
  draft: Draft;
  edit: (patch: Partial<Draft>) => void;
  path: string;
  locked: boolean;
  failed: (problem: Problem | undefined) => void;
}) {
  const { o, draft, edit, path, locked } = props;
  const [sending, setSending] = useState(0);
  const add = async (files: File[]) => {
    props.failed(undefined);
    const sent: string[] = [];
    for (const file of files.slice(0, 12 - draft.photos.length)) {
      setSending((n) => n + 1);
      try {
        const body = await shrunk(file).catch(() => {
          throw new Problem(0, t("work.photo_unreadable"), file.name, t("work.photo_next"), "");
        });
        const answer = await request(`${path}/photos`, { method: "POST", headers: { "content-type": body.type }, body });
        sent.push(((await answer.json()) as { id: string }).id);
      } catch (e) {
        props.failed(e instanceof Problem ? e : new Problem(0, String(e), "", "", ""));
      }
      setSending((n) => n - 1);
    }
    if (sent.length > 0) edit({ photos: [...draft.photos, ...sent.filter((x) => !draft.photos.includes(x))] });
  };
  return (
    <div class="list-field">
      <span>{t("work.photos")}</span>
      <span class="photos">
        {draft.photos.map((id, i) => (
          <figure key={id}>
            {o.photos.includes(id) ? (
              <a href={`/api/v1/${path}/photos/${id}`} target="_blank" rel="noopener">
                <img src={`/api/v1/${path}/photos/${id}`} alt={t("work.photo", { n: String(i + 1) })} loading="lazy" data-testid="photo" />
              </a>
            ) : (
              <span class="unsaved" data-testid="photo-sent">{t("work.photo_unsaved")}</span>
            )}
            {!locked && (
              <button type="button" class="link" onClick={() => edit({ photos: draft.photos.filter((x) => x !== id) })}>
                {t("work.remove")}
              </button>
            )}
          </figure>
        ))}
      </span>
      {!locked && draft.photos.length < 12 && (
        <label class="file">
          <span class="button">{sending > 0 ? t("work.photo_sending") : t("work.photo_add")}</span>
          <input
            type="file"
            class="sr"
            accept="image/*"
            multiple
            disabled={sending > 0}
            onChange={(e) => {
              const files = [...(e.currentTarget.files ?? [])];
              e.currentTarget.value = "";
              void add(files);
            }}
            data-testid="photo-input"
          />
        </label>
      )}
    </div>
  );
}
