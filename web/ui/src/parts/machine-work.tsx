import { useState } from "preact/hooks";
import { get, post, Problem, query, segments } from "../api/client";
import { liveAssessed } from "../api/live";
import { useResource } from "../api/resource";
import type { MachineDetail, Note, Notes, WorkOrder, WorkOrders } from "../api/types";
import { code, t } from "../i18n";
import { message } from "../lib/condition";
import { when } from "../lib/format";
import { has, me, useBarrier } from "../lib/me";
import { serverNow } from "../lib/now";
import { href } from "../lib/router";
import { useStore } from "../lib/store";
import { originText } from "../lib/work";
import { Allowed } from "./allowed";
import { Dialog } from "./dialog";
import { NewOrder } from "./new-order";
import { Guarded, ProblemBox } from "./states";

const EVERY = 60_000;
/** Orders and notes that the machine's page shows at first. */
const SHOWN = 5;

/** What is to be done at a machine and what was found, and what people noticed. */
export function MachineWork({ m }: { m: MachineDetail }) {
  const id = `${m.site}/${m.machine}`;
  const heard = useStore(liveAssessed).get(id) ?? 0;
  const orders = useResource<WorkOrders>(
    `work ${id} ${heard}`,
    (s) => get(`work-orders${query({ machine: id, limit: SHOWN })}`, s),
    EVERY,
  );
  const [asking, setAsking] = useState(false);
  return (
    <section class="panel machine-work" aria-labelledby="work-title" data-testid="machine-work">
      <h2 id="work-title">
        <a href={href(["orders"], { machine: id, state: "all" })}>{t("work.title")}</a>
      </h2>
      <Guarded of={orders} every={EVERY}>
        {(data) => (data.orders.length === 0 ? <p class="muted">{t("work.none_here")}</p> : <Brief orders={data.orders} />)}
      </Guarded>
      <Allowed act="work_order.open">
        <p class="buttons">
          <button type="button" onClick={() => setAsking(true)} data-testid="new-order-button">
            {t("work.new")}
          </button>
        </p>
      </Allowed>
      {asking && <NewOrder machine={m} title="" because={{}} close={() => setAsking(false)} />}
      <NoteList id={id} path={`machines/${segments(m.site, m.machine)}/notes`} heard={heard} />
    </section>
  );
}

/** Work orders, a line each. */
export function Brief({ orders }: { orders: WorkOrder[] }) {
  return (
    <ol class="order-brief">
      {orders.map((o) => (
        <li key={o.number} data-testid="order-brief">
          <span class={`work-state w-${o.state}`}>{code("work_state", o.state)}</span>
          <span>
            <a href={href(["orders", String(o.number)])}>
              #{o.number} {o.title}
            </a>
            {o.finding && <span class="finding">{o.finding}</span>}
            <small class="muted">{[originText(o), when(o.steps[o.steps.length - 1]!.t, serverNow())].join(" · ")}</small>
          </span>
        </li>
      ))}
    </ol>
  );
}

function NoteList({ id, path, heard }: { id: string; path: string; heard: number }) {
  const [turn, setTurn] = useState(0);
  const [limit, setLimit] = useState(SHOWN);
  const notes = useResource<Notes>(`notes ${id} ${heard} ${turn} ${limit}`, (s) => get(`${path}${query({ limit })}`, s), EVERY);
  const [kept, setKept] = useState<Notes>();
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const [taking, setTaking] = useState<Note>();
  const [problem, setProblem] = useState<Problem>();
  const own = useStore(me);
  const may = useBarrier("note.add") === undefined;
  if (notes.data && notes.data !== kept) setKept(notes.data);
  // What was known stays while it is asked for anew.
  const shown = notes.data ?? kept;
  const act = async (where: string, body: object): Promise<boolean> => {
    setBusy(true);
    setProblem(undefined);
    try {
      await post(where, body);
      setTurn((n) => n + 1);
      return true;
    } catch (e) {
      setProblem(e instanceof Problem ? e : new Problem(0, String(e), "", "", ""));
      return false;
    } finally {
      setBusy(false);
    }
  };
  const add = async (e: Event) => {
    e.preventDefault();
    // What was typed stays until it is stored.
    if (await act(path, { text })) setText("");
  };
  const mayTake = (n: Note) => may && (has(own, "configure") || n.by === own?.name);
  return (
    <>
      <h3>{t("notes.title")}</h3>
      {notes.problem && !shown && <ProblemBox problem={notes.problem} retry={notes.reload} />}
      {shown?.notes.length === 0 && <p class="muted">{t("notes.none")}</p>}
      <ul class="notes">
        {shown?.notes.map((n) => (
          <li key={n.number} data-testid="note">
            <p>{n.text}</p>
            <small class="muted">
              {n.by}, {when(n.t, serverNow())}
              {n.alarm && n.condition && (
                <>
                  {" · "}
                  <a href={href(["alarms", n.alarm])}>{message({ condition: n.condition })}</a>
                </>
              )}
            </small>
            {mayTake(n) && (
              <button type="button" class="link" disabled={busy} onClick={() => setTaking(n)} data-testid="note-withdraw">
                {t("notes.withdraw")}
              </button>
            )}
          </li>
        ))}
      </ul>
      {shown?.next_before != null && (
        <button type="button" onClick={() => setLimit(Math.min(500, limit * 4))}>
          {t("notes.more")}
        </button>
      )}
      {may && (
        <form class="note-form" onSubmit={(e) => void add(e)}>
          <label for="note-text" class="sr">
            {t("notes.new")}
          </label>
          <textarea
            id="note-text"
            rows={2}
            maxLength={2000}
            placeholder={t("notes.new")}
            value={text}
            onInput={(e) => setText(e.currentTarget.value)}
            data-testid="note-text"
          />
          <button type="submit" disabled={busy || !text.trim()} data-testid="note-add">
            {t("notes.add")}
          </button>
        </form>
      )}
      {problem && <ProblemBox problem={problem} />}
      {taking && (
        <Dialog title={t("notes.withdraw")} onClose={() => setTaking(undefined)} testid="note-dialog">
          <p>{t("notes.withdraw_means")}</p>
          <p class="buttons">
            <button
              type="button"
              class="primary"
              data-testid="note-withdraw-yes"
              onClick={() => {
                setTaking(undefined);
                void act(`${path}/${taking.number}/withdraw`, {});
              }}
            >
              {t("notes.withdraw")}
            </button>
            <button type="button" onClick={() => setTaking(undefined)}>
              {t("dialog.cancel")}
            </button>
          </p>
        </Dialog>
      )}
    </>
  );
}
