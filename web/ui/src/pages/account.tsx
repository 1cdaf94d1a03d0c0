import { useState } from "preact/hooks";
import { get, post, Problem, segments } from "../api/client";
import { useResource } from "../api/resource";
import type { Me, UserSession } from "../api/types";
import { code, t } from "../i18n";
import { dateTime, when } from "../lib/format";
import { askMe, me } from "../lib/me";
import { serverNow } from "../lib/now";
import { useStore } from "../lib/store";
import { Empty, Guarded, ProblemBox } from "../parts/states";
import { NewPassword } from "./entrance";

const EVERY = 10_000;

/** Who one is, where one is logged in, and one's password. */
export function Account() {
  const who = useStore(me);
  const sessions = useResource<{ sessions: UserSession[] }>("sessions", (s) => get("sessions", s), EVERY);
  if (!who || who.how !== "session") return <Empty text={t("account.nobody")} />;
  return (
    <div class="account">
      <div class="toolbar">
        <h1>{t("account.title")}</h1>
      </div>
      <section class="panel" aria-label={t("account.who")}>
        <p>
          <strong>{who.name}</strong> · {who.role && code("user_role", who.role)} · {areas(who.areas)}
        </p>
        <p class="muted">{who.role && code("user_role_may", who.role)}</p>
      </section>
      <section class="panel" aria-labelledby="sessions-title">
        <h2 id="sessions-title">{t("account.sessions")}</h2>
        <Guarded of={sessions} every={EVERY}>
          {(data) => <Sessions sessions={data.sessions} reload={sessions.reload} />}
        </Guarded>
      </section>
      {who.password ? <Password done={sessions.reload} /> : <p class="muted">{t("account.at_provider", { name: who.provider ?? "" })}</p>}
    </div>
  );
}

export const areas = (parts: string[]): string => (parts.includes("*") ? t("access.whole_plant") : parts.join(", "));

/** Sessions, each with a way to end it. `named`: they are of several people. */
export function Sessions({ sessions, reload, named }: { sessions: UserSession[]; reload: () => void; named?: boolean }) {
  const [problem, setProblem] = useState<Problem | undefined>(undefined);
  const end = async (s: UserSession) => {
    setProblem(undefined);
    try {
      await post(`sessions/${segments(s.id)}/end`, {});
      if (s.current) await askMe();
      else reload();
    } catch (x) {
      setProblem(x instanceof Problem ? x : new Problem(0, String(x), "", "", ""));
    }
  };
  if (sessions.length === 0) return <Empty text={t("account.no_sessions")} />;
  return (
    <>
      {problem && <ProblemBox problem={problem} />}
      <div class="scroll" tabIndex={0} role="region" aria-label={t("account.sessions")}>
        <table class="rows cards named">
          <thead>
            <tr>
              {named && <th scope="col">{t("access.name")}</th>}
              <th scope="col">{t("account.address")}</th>
              <th scope="col">{t("account.browser")}</th>
              <th scope="col">{t("account.since")}</th>
              <th scope="col">{t("account.seen")}</th>
              <th scope="col">
                <span class="sr">{t("account.end")}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {sessions.map((s) => (
              <tr key={s.id} data-testid="session-row">
                {named && <th scope="row">{s.user}</th>}
                <td data-name={t("account.address")}>
                  {s.address} {s.current && <strong>{t("account.current")}</strong>}
                </td>
                <td data-name={t("account.browser")}>{s.agent || "–"}</td>
                <td data-name={t("account.since")}>{dateTime(s.created)}</td>
                <td data-name={t("account.seen")}>{when(s.seen, serverNow())}</td>
                <td>
                  <button type="button" onClick={() => void end(s)}>
                    {t("account.end")}
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function Password({ done }: { done: () => void }) {
  const [current, setCurrent] = useState("");
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const [said, setSaid] = useState(false);
  const [problem, setProblem] = useState<Problem | undefined>(undefined);
  const differ = again !== "" && password !== again;
  const submit = async (e: Event) => {
    e.preventDefault();
    if (password !== again) return;
    setProblem(undefined);
    setSaid(false);
    try {
      await post<Me>("me/password", { current, password });
      [setCurrent, setPassword, setAgain].forEach((set) => set(""));
      setSaid(true);
      done();
    } catch (x) {
      setProblem(x instanceof Problem ? x : new Problem(0, String(x), "", "", ""));
    }
  };
  const wrong = problem?.fault?.field === "current";
  return (
    <form class="panel form" onSubmit={(e) => void submit(e)} aria-labelledby="password-title" data-testid="password-form">
      <h2 id="password-title">{t("account.change_password")}</h2>
      <p class="muted">{t("account.password_about")}</p>
      {problem && !wrong && <ProblemBox problem={problem} />}
      <label for="current-password">{t("account.current_password")}</label>
      <input
        id="current-password"
        type="password"
        autocomplete="current-password"
        required
        aria-invalid={wrong}
        aria-describedby="current-password-wrong"
        value={current}
        onInput={(e) => setCurrent(e.currentTarget.value)}
      />
      <small id="current-password-wrong" role="status" class="muted">
        {wrong ? t("account.wrong_password") : ""}
      </small>
      <NewPassword password={password} again={again} set={setPassword} setAgain={setAgain} differ={differ} />
      <p class="buttons">
        <button type="submit" class="primary" disabled={differ}>
          {t("account.change_password")}
        </button>
        <span role="status">{said ? t("account.password_changed") : ""}</span>
      </p>
    </form>
  );
}
