import { useState } from "preact/hooks";
import { get, post, Problem, segments } from "../api/client";
import { useResource } from "../api/resource";
import type { Token, TokenSecret, User, UserCredentials, UserRole, Users, UserSession } from "../api/types";
import { code, t } from "../i18n";
import { dateTime, int, when } from "../lib/format";
import { has, me } from "../lib/me";
import { serverNow } from "../lib/now";
import { href, setQuery, useRoute } from "../lib/router";
import { useStore } from "../lib/store";
import { Copyable } from "../parts/copyable";
import { Dialog } from "../parts/dialog";
import { Empty, Guarded, ProblemBox } from "../parts/states";
import { areas, Sessions } from "./account";
import { Audit } from "./audit";
import { Notifications } from "./notifications";

const EVERY = 10_000;
const TABS = ["users", "sessions", "tokens", "notifications", "audit"] as const;
const ROLES: UserRole[] = ["viewer", "operator", "engineer", "administrator"];

/** Who may do what, where they are logged in, and who did what. */
export function Admin({ tab }: { tab: string }) {
  const who = useStore(me);
  return (
    <div class="admin">
      <nav class="tabs" aria-label={t("admin.title")}>
        {TABS.map((x) => (
          <a key={x} href={href(x === "users" ? ["admin"] : ["admin", x])} aria-current={x === tab ? "page" : undefined} data-testid={`tab-${x}`}>
            {code("admin_tab", x)}
          </a>
        ))}
      </nav>
      {who?.open && <p class="banner">{t("admin.open")}</p>}
      {!who?.open && !has(who, "administer") && <Denied role={who?.role ?? "viewer"} />}
      {(who?.open || has(who, "administer")) && (
        <>
          {tab === "users" && <UsersTab />}
          {tab === "sessions" && <SessionsTab />}
          {tab === "tokens" && <TokensTab />}
          {tab === "notifications" && <Notifications />}
          {tab === "audit" && <Audit />}
        </>
      )}
    </div>
  );
}

/** The answer that the server would give, without asking it. */
function Denied({ role }: { role: UserRole }) {
  return <ProblemBox problem={new Problem(403, "", "", "", "", "forbidden", { field: "right", code: "administer", found: role })} />;
}

const asProblem = (x: unknown): Problem => (x instanceof Problem ? x : new Problem(0, String(x), "", "", ""));

function UsersTab() {
  const users = useResource<Users>("users", (s) => get("users", s), EVERY);
  const [made, setMade] = useState<UserCredentials | undefined>(undefined);
  const { query } = useRoute();
  const closed = () => setQuery({ new: null, user: null });
  const saved = (u: UserCredentials) => {
    setMade(u.password ? u : undefined);
    users.reload();
    closed();
  };
  return (
    <>
      <div class="toolbar">
        <h1>{code("admin_tab", "users")}</h1>
        <button type="button" class="primary" data-testid="add-user" onClick={() => setQuery({ new: 1 })}>
          {t("admin.add_user")}
        </button>
      </div>
      {made?.password && (
        <div class="credentials" data-testid="made-password">
          <p>
            <strong>{t("devices.once")}</strong>
          </p>
          <Copyable label={t("access.name")} text={made.user.name} />
          <Copyable label={t("access.password")} text={made.password} testid="password" />
        </div>
      )}
      <Guarded of={users} every={EVERY}>
        {(data) => (
          <>
            <section class="panel" aria-label={code("admin_tab", "users")}>
              {data.users.length === 0 ? <Empty text={t("admin.no_users")} /> : <UsersTable users={data.users} />}
            </section>
            {query["new"] === "1" && <UserForm saved={saved} close={closed} />}
            {data.users
              .filter((u) => u.name === query["user"])
              .map((u) => (
                <UserForm key={u.name} user={u} saved={saved} close={closed} />
              ))}
          </>
        )}
      </Guarded>
    </>
  );
}

function UsersTable({ users }: { users: User[] }) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={code("admin_tab", "users")}>
      <table class="rows cards named">
        <thead>
          <tr>
            <th scope="col">{t("access.name")}</th>
            <th scope="col">{t("access.role")}</th>
            <th scope="col">{t("access.areas")}</th>
            <th scope="col">{t("devices.state")}</th>
            <th scope="col">{t("account.sessions")}</th>
            <th scope="col">{t("account.seen")}</th>
            <th scope="col">
              <span class="sr">{t("admin.change")}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {users.map((u) => (
            <tr key={u.name} class={u.disabled ? "gone" : ""} data-testid="user-row" data-user={u.name}>
              <th scope="row">{u.name}</th>
              <td data-name={t("access.role")}>{code("user_role", u.role)}</td>
              <td data-name={t("access.areas")}>{areas(u.areas)}</td>
              <td data-name={t("devices.state")}>
                {u.disabled ? t("admin.disabled") : t("admin.active")}
                {u.provider && ` · ${t("admin.at_provider")}`}
              </td>
              <td data-name={t("account.sessions")}>{int(u.sessions)}</td>
              <td data-name={t("account.seen")}>{u.last_seen ? when(u.last_seen, serverNow()) : "–"}</td>
              <td>
                <button type="button" onClick={() => setQuery({ user: u.name })} aria-label={t("admin.change_of", { name: u.name })}>
                  {t("admin.change")}
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const parts = (text: string): string[] => {
  const all = text.split(/[\n,]/).map((s) => s.trim()).filter(Boolean);
  return all.length > 0 ? all : ["*"];
};

/** A new account, or the change of one. */
function UserForm(props: { user?: User; saved: (u: UserCredentials) => void; close: () => void }) {
  const { user } = props;
  const [name, setName] = useState("");
  const [role, setRole] = useState<string>(user?.role ?? "operator");
  const [where, setWhere] = useState(user && !user.areas.includes("*") ? user.areas.join("\n") : "");
  const [problem, setProblem] = useState<Problem | undefined>(undefined);
  const [busy, setBusy] = useState(false);
  const send = async (path: string, body: unknown) => {
    setBusy(true);
    setProblem(undefined);
    try {
      props.saved(await post<UserCredentials>(path, body));
    } catch (x) {
      setProblem(asProblem(x));
      setBusy(false);
    }
  };
  const change = (body: unknown) => void send(`users/${segments(user?.name ?? "")}`, body);
  const submit = (e: Event) => {
    e.preventDefault();
    if (user) change({ role, areas: parts(where) });
    else void send("users", { name: name.trim(), role, areas: parts(where) });
  };
  return (
    <Dialog title={user ? t("admin.change_of", { name: user.name }) : t("admin.add_user")} onClose={props.close} testid="user-form">
      <form onSubmit={submit}>
        {problem && <ProblemBox problem={problem} />}
        {!user && (
          <>
            <label for="user-name">{t("access.name")}</label>
            <input id="user-name" type="text" autocomplete="off" spellcheck={false} required maxLength={64} value={name} onInput={(e) => setName(e.currentTarget.value)} />
          </>
        )}
        {user?.provider ? (
          <p class="muted">{t("admin.role_of_provider")}</p>
        ) : (
          <RoleAndAreas role={role} setRole={setRole} where={where} setWhere={setWhere} />
        )}
        {!user && <p class="muted">{t("admin.password_made")}</p>}
        <p class="buttons">
          {!user?.provider && (
            <button type="submit" class="primary" disabled={busy} data-testid="save-user">
              {user ? t("admin.save") : t("devices.create")}
            </button>
          )}
          {user && !user.provider && (
            <button type="button" disabled={busy} onClick={() => change({ make_password: true })} data-testid="make-password">
              {t("admin.make_password")}
            </button>
          )}
          {user && (
            <button type="button" disabled={busy} onClick={() => change({ disabled: user.disabled === null })} data-testid="disable-user">
              {user.disabled ? t("admin.enable") : t("admin.disable")}
            </button>
          )}
          <button type="button" onClick={props.close}>
            {t("devices.cancel")}
          </button>
        </p>
      </form>
    </Dialog>
  );
}

function RoleAndAreas(props: { role: string; setRole: (r: string) => void; where: string; setWhere: (w: string) => void }) {
  return (
    <>
      <label for="access-role">{t("access.role")}</label>
      <select id="access-role" value={props.role} onChange={(e) => props.setRole(e.currentTarget.value)} aria-describedby="access-role-may">
        {ROLES.map((r) => (
          <option key={r} value={r}>
            {code("user_role", r)}
          </option>
        ))}
      </select>
      <small id="access-role-may" class="muted">
        {code("user_role_may", props.role)}
      </small>
      {props.role !== "administrator" && (
        <>
          <label for="access-areas">{t("access.areas")}</label>
          <textarea
            id="access-areas"
            rows={3}
            spellcheck={false}
            aria-describedby="access-areas-hint"
            value={props.where}
            onInput={(e) => props.setWhere(e.currentTarget.value)}
          />
          <small id="access-areas-hint" class="muted">
            {t("access.areas_hint")}
          </small>
        </>
      )}
    </>
  );
}

function SessionsTab() {
  const sessions = useResource<{ sessions: UserSession[] }>("all-sessions", (s) => get("sessions?all=yes", s), EVERY);
  return (
    <>
      <div class="toolbar">
        <h1>{code("admin_tab", "sessions")}</h1>
      </div>
      <section class="panel" aria-label={code("admin_tab", "sessions")}>
        <Guarded of={sessions} every={EVERY}>
          {(data) => <Sessions sessions={data.sessions} reload={sessions.reload} named />}
        </Guarded>
      </section>
    </>
  );
}

function TokensTab() {
  const tokens = useResource<{ tokens: Token[] }>("tokens", (s) => get("tokens", s), EVERY);
  const [made, setMade] = useState<TokenSecret | undefined>(undefined);
  const [problem, setProblem] = useState<Problem | undefined>(undefined);
  const { query } = useRoute();
  const revoke = async (name: string) => {
    setProblem(undefined);
    try {
      await post(`tokens/${segments(name)}/revoke`, {});
      tokens.reload();
    } catch (x) {
      setProblem(asProblem(x));
    }
  };
  const saved = (token: TokenSecret) => {
    setMade(token);
    tokens.reload();
    setQuery({ new: null });
  };
  return (
    <>
      <div class="toolbar">
        <h1>{code("admin_tab", "tokens")}</h1>
        <button type="button" class="primary" data-testid="add-token" onClick={() => setQuery({ new: 1 })}>
          {t("admin.add_token")}
        </button>
      </div>
      <p class="muted">{t("admin.tokens_about")}</p>
      {made && (
        <div class="credentials" data-testid="made-token">
          <p>
            <strong>{t("admin.token_once")}</strong>
          </p>
          <Copyable label={made.token.name} text={made.secret} testid="token" />
        </div>
      )}
      {problem && <ProblemBox problem={problem} />}
      <section class="panel" aria-label={code("admin_tab", "tokens")}>
        <Guarded of={tokens} every={EVERY}>
          {(data) =>
            data.tokens.length === 0 ? (
              <Empty text={t("admin.no_tokens")} />
            ) : (
              <TokensTable tokens={data.tokens} revoke={(name) => void revoke(name)} />
            )
          }
        </Guarded>
      </section>
      {query["new"] === "1" && <TokenForm saved={saved} close={() => setQuery({ new: null })} />}
    </>
  );
}

function TokensTable({ tokens, revoke }: { tokens: Token[]; revoke: (name: string) => void }) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={code("admin_tab", "tokens")}>
      <table class="rows cards named">
        <thead>
          <tr>
            <th scope="col">{t("access.name")}</th>
            <th scope="col">{t("access.role")}</th>
            <th scope="col">{t("access.areas")}</th>
            <th scope="col">{t("admin.author")}</th>
            <th scope="col">{t("admin.expires")}</th>
            <th scope="col">{t("account.seen")}</th>
            <th scope="col">
              <span class="sr">{t("admin.revoke")}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {tokens.map((x) => (
            <tr key={x.name} data-testid="token-row">
              <th scope="row">{x.name}</th>
              <td data-name={t("access.role")}>{code("user_role", x.role)}</td>
              <td data-name={t("access.areas")}>{areas(x.areas)}</td>
              <td data-name={t("admin.author")}>{x.author}</td>
              <td data-name={t("admin.expires")}>{x.expires ? dateTime(x.expires) : t("admin.never")}</td>
              <td data-name={t("account.seen")}>{x.used ? when(x.used, serverNow()) : "–"}</td>
              <td>
                <button type="button" onClick={() => revoke(x.name)} aria-label={t("admin.revoke_of", { name: x.name })}>
                  {t("admin.revoke")}
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function TokenForm(props: { saved: (made: TokenSecret) => void; close: () => void }) {
  const [name, setName] = useState("");
  const [role, setRole] = useState<string>("viewer");
  const [where, setWhere] = useState("");
  const [days, setDays] = useState("365");
  const [problem, setProblem] = useState<Problem | undefined>(undefined);
  const submit = async (e: Event) => {
    e.preventDefault();
    setProblem(undefined);
    try {
      const until = days.trim() === "" ? null : Number(days);
      props.saved(await post<TokenSecret>("tokens", { name: name.trim(), role, areas: parts(where), days: until }));
    } catch (x) {
      setProblem(asProblem(x));
    }
  };
  return (
    <Dialog title={t("admin.add_token")} onClose={props.close} testid="token-form">
      <form onSubmit={(e) => void submit(e)}>
        {problem && <ProblemBox problem={problem} />}
        <label for="token-name">{t("access.name")}</label>
        <input id="token-name" type="text" autocomplete="off" spellcheck={false} required maxLength={64} value={name} onInput={(e) => setName(e.currentTarget.value)} />
        <RoleAndAreas role={role} setRole={setRole} where={where} setWhere={setWhere} />
        <label for="token-days">{t("admin.days")}</label>
        <input id="token-days" type="number" min={1} max={3650} value={days} onInput={(e) => setDays(e.currentTarget.value)} />
        <p class="buttons">
          <button type="submit" class="primary" data-testid="save-token">
            {t("devices.create")}
          </button>
          <button type="button" onClick={props.close}>
            {t("devices.cancel")}
          </button>
        </p>
      </form>
    </Dialog>
  );
}
