import { useState } from "preact/hooks";
import { get, post, Problem, query as queryOf } from "../api/client";
import { useResource } from "../api/resource";
import type { NotificationAttempt, NotificationChannel, NotificationTested, Notifications as Answer } from "../api/types";
import { code, t } from "../i18n";
import { dateTime, int, when } from "../lib/format";
import { serverNow } from "../lib/now";
import { href } from "../lib/router";
import { Allowed } from "../parts/allowed";
import { Said } from "../parts/said";
import { Empty, Guarded, ProblemBox } from "../parts/states";

const EVERY = 5_000;

/** By which ways people are told of alarms, whether these work, and what was sent. */
export function Notifications() {
  const answer = useResource<Answer>("notifications", (s) => get("notifications?limit=100", s), EVERY);
  return (
    <>
      <div class="toolbar">
        <h1>{code("admin_tab", "notifications")}</h1>
      </div>
      <Guarded of={answer} every={EVERY}>
        {(data) =>
          data.configured ? (
            <>
              {data.escalating > 0 && <p class="banner">{t("notify.escalating", { n: int(data.escalating) })}</p>}
              <Channels channels={data.channels} reload={answer.reload} />
              <Log first={data} />
            </>
          ) : (
            <Empty text={t("notify.none")} />
          )
        }
      </Guarded>
    </>
  );
}

function Channels({ channels, reload }: { channels: NotificationChannel[]; reload: () => void }) {
  const [busy, setBusy] = useState<string>();
  const [tested, setTested] = useState<NotificationTested>();
  const [problem, setProblem] = useState<Problem>();
  const send = async (what: { channel?: string; person?: string }) => {
    setBusy(JSON.stringify(what));
    setTested(undefined);
    setProblem(undefined);
    try {
      setTested(await post<NotificationTested>("notifications/test", what));
      reload();
    } catch (e) {
      setProblem(e instanceof Problem ? e : new Problem(0, String(e), "", "", ""));
    }
    setBusy(undefined);
  };
  return (
    <section class="panel" aria-labelledby="channels-title">
      <h2 id="channels-title">{t("notify.channels")}</h2>
      <table class="rows cards named">
        <thead>
          <tr>
            <th scope="col">{t("notify.channel")}</th>
            <th scope="col">{t("notify.state")}</th>
            <th scope="col" class="n">{t("notify.waiting")}</th>
            <th scope="col" class="n">{t("notify.accepted")}</th>
            <th scope="col" class="n">{t("notify.given_up")}</th>
            <th scope="col">{t("notify.last")}</th>
            <th scope="col">
              <span class="sr">{t("notify.test")}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {channels.map((c) => (
            <tr key={c.name} data-testid="channel" data-state={c.state}>
              <th scope="row">
                {c.name} <small class="muted">{code("notify_kind", c.kind)}</small>
              </th>
              <td data-name={t("notify.state")}>
                <span>
                  <b class={`channel-${c.state}`}>{code("notify_state", c.state)}</b>
                  {c.dead_since && <small class="muted"> {t("notify.since", { time: when(c.dead_since, serverNow()) })}</small>}
                  {c.error_code && <Why name={c.error_code} said={c.error} />}
                </span>
              </td>
              <td class="n" data-name={t("notify.waiting")}>{int(c.waiting)}</td>
              <td class="n" data-name={t("notify.accepted")}>{int(c.accepted)}</td>
              <td class="n" data-name={t("notify.given_up")}>{int(c.given_up)}</td>
              <td data-name={t("notify.last")}>{c.last_accepted ? when(c.last_accepted, serverNow()) : "–"}</td>
              <td>
                {/* Mail goes to people, not to a channel. */}
                {c.kind !== "email" && (
                  <Allowed act="notification.test" quiet>
                    <button type="button" disabled={busy !== undefined} onClick={() => void send({ channel: c.name })} data-testid="test-channel">
                      {busy === JSON.stringify({ channel: c.name }) ? t("notify.sending") : t("notify.test")}
                    </button>
                  </Allowed>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <TestPerson busy={busy !== undefined} send={(person) => void send({ person })} />
      <div aria-live="polite">
        {problem && <ProblemBox problem={problem} />}
        {tested && (
          <ul class="tested" data-testid="tested">
            {tested.results.map((r) => (
              <li key={`${r.channel} ${r.person ?? ""}`} data-accepted={r.accepted}>
                <b>{r.accepted ? t("notify.taken") : t("notify.not_taken")}</b> {[r.channel, r.person].filter(Boolean).join(" · ")}
                {r.code && <Why name={r.code} said={r.why} />}
              </li>
            ))}
          </ul>
        )}
      </div>
    </section>
  );
}

/** What went wrong, in words and with what to do; what was said there in the details. */
function Why({ name, said }: { name: string; said: string | null }) {
  return (
    <small class="why">
      {code("notify_code", name)} {said && <Said text={said} />}
    </small>
  );
}

function TestPerson({ busy, send }: { busy: boolean; send: (person: string) => void }) {
  const [person, setPerson] = useState("");
  return (
    <Allowed act="notification.test">
      <form class="toolbar" onSubmit={(e) => (e.preventDefault(), send(person.trim()))}>
        <label for="test-person">{t("notify.person")}</label>
        <input id="test-person" type="text" class="short" autocomplete="off" value={person} onInput={(e) => setPerson(e.currentTarget.value)} data-testid="test-person" />
        <button type="submit" disabled={busy || !person.trim()} data-testid="test-send">
          {busy ? t("notify.sending") : t("notify.test")}
        </button>
      </form>
    </Allowed>
  );
}

function Log({ first }: { first: Answer }) {
  const [pages, setPages] = useState<Answer[]>([]);
  const [problem, setProblem] = useState<Problem>();
  const rows = [...new Map([first, ...pages].flatMap((p) => p.log).map((a) => [a.id, a])).values()];
  const before = (pages[pages.length - 1] ?? first).next;
  const more = async () => {
    try {
      const next = await get<Answer>(`notifications${queryOf({ before, limit: 100 })}`);
      setPages((p) => [...p, next]);
    } catch (e) {
      setProblem(e instanceof Problem ? e : new Problem(0, String(e), "", "", ""));
    }
  };
  return (
    <section class="panel" aria-labelledby="log-title">
      <h2 id="log-title">{t("notify.log")}</h2>
      {rows.length === 0 && <p class="muted">{t("notify.log_empty")}</p>}
      {rows.length > 0 && (
        <table class="rows cards named">
          <thead>
            <tr>
              <th scope="col">{t("journal.time")}</th>
              <th scope="col">{t("notify.outcome")}</th>
              <th scope="col">{t("notify.to")}</th>
              <th scope="col" class="n">{t("notify.alarms")}</th>
              <th scope="col" class="n">{t("notify.attempt")}</th>
              <th scope="col">{t("notify.why")}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((a) => (
              <Attempt key={a.id} a={a} />
            ))}
          </tbody>
        </table>
      )}
      {problem && <ProblemBox problem={problem} />}
      {before !== null && (
        <button type="button" onClick={() => void more()}>
          {t("journal.more")}
        </button>
      )}
    </section>
  );
}

function Attempt({ a }: { a: NotificationAttempt }) {
  return (
    <tr data-testid="attempt" data-outcome={a.outcome}>
      <th scope="row">{dateTime(a.t)}</th>
      <td data-name={t("notify.outcome")}>
        <b class={`outcome-${a.outcome}`}>{code("notify_outcome", a.outcome)}</b>
      </td>
      <td data-name={t("notify.to")}>{[a.channel, a.person].filter(Boolean).join(" · ")}</td>
      <td class="n" data-name={t("notify.alarms")}>
        {a.alarm ? <a href={href(["alarms", a.alarm])}>{int(a.alarms)}</a> : int(a.alarms)}
        {a.level > 0 && <small class="muted"> {t("notify.level", { n: int(a.level + 1) })}</small>}
      </td>
      <td class="n" data-name={t("notify.attempt")}>{a.attempt > 0 ? int(a.attempt) : "–"}</td>
      <td data-name={t("notify.why")}>{a.code && <Why name={a.code} said={a.why} />}</td>
    </tr>
  );
}
