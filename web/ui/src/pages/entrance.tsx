import { useEffect, useRef, useState } from "preact/hooks";
import { post, Problem } from "../api/client";
import type { Me } from "../api/types";
import { code, t, useLanguage } from "../i18n";
import { me, takeMe } from "../lib/me";
import { lang } from "../lib/prefs";
import { go, route, useRoute } from "../lib/router";
import { useStore } from "../lib/store";
import { told } from "../lib/told";
import { ProblemBox } from "../parts/states";

/** What stands before the page. The address stays what it was: after the log-in it shows what was asked for. */
export function Entrance({ open }: { open: boolean }) {
  const { path, query } = useRoute();
  const l = useStore(lang);
  const setup = open && path[0] === "setup";
  const title = setup ? t("access.set_up") : t("access.log_in");
  useEffect(() => {
    document.title = `${title} · Danxia 丹霞`;
  });
  return (
    <main id="main" class="entrance" tabIndex={-1}>
      <div class="toolbar">
        <h1>{title}</h1>
        <button
          type="button"
          class="push"
          lang={l === "en" ? "zh-CN" : "en"}
          data-testid="lang-switch"
          onClick={() => void useLanguage(l === "en" ? "zh-CN" : "en")}
        >
          {l === "en" ? "中文" : "English"}
        </button>
      </div>
      {path[0] === "sign-in" && <NotSignedIn why={query["why"] ?? ""} />}
      {setup ? <SetUp code={query["code"] ?? ""} /> : <LogIn />}
    </main>
  );
}

/** Why the way over the provider led to no session, and what to do. */
export function NotSignedIn({ why }: { why: string }) {
  const known = code("sign_in", why);
  const { what, todo } = told(known === why ? code("sign_in", "failed") : known);
  return (
    <div class="state problem" role="alert" data-testid="not-signed-in">
      <h2>{what}</h2>
      <p>
        <strong>{t("error.next")}</strong> {todo}
      </p>
    </div>
  );
}

/** The link to the provider, and back to what was asked for. It is a link: the browser leaves the page. */
function AtProvider({ name }: { name: string }) {
  useRoute();
  const to = route().path[0] === "sign-in" ? "/" : location.hash.replace(/^#/, "") || "/";
  return (
    <p class="buttons">
      <a class="button" href={`/api/v1/sign-in?to=${encodeURIComponent(to)}`} data-testid="sign-in">
        {t("access.sign_in_at", { name })}
      </a>
    </p>
  );
}

const asProblem = (x: unknown): Problem => (x instanceof Problem ? x : new Problem(0, String(x), "", "", ""));

function LogIn() {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | undefined>(undefined);
  const { path } = useRoute();
  const who = useStore(me);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const submit = async (e: Event) => {
    e.preventDefault();
    setBusy(true);
    try {
      const who = await post<Me>("login", { name: name.trim(), password });
      if (path[0] === "setup" || path[0] === "sign-in") go(["overview"]);
      takeMe(who);
    } catch (x) {
      setProblem(asProblem(x));
      setPassword("");
      setBusy(false);
    }
  };
  return (
    <form class="panel form" onSubmit={(e) => void submit(e)} data-testid="login-form">
      {problem && <ProblemBox problem={problem} />}
      <label for="login-name">{t("access.name")}</label>
      <input
        id="login-name"
        ref={field}
        type="text"
        autocomplete="username"
        autocapitalize="none"
        spellcheck={false}
        required
        value={name}
        onInput={(e) => setName(e.currentTarget.value)}
      />
      <label for="login-password">{t("access.password")}</label>
      <input
        id="login-password"
        type="password"
        autocomplete="current-password"
        required
        value={password}
        onInput={(e) => setPassword(e.currentTarget.value)}
      />
      <p class="buttons">
        <button type="submit" class="primary" disabled={busy} data-testid="log-in">
          {t("access.log_in")}
        </button>
      </p>
      {who?.provider && <AtProvider name={who.provider} />}
    </form>
  );
}

function SetUp({ code }: { code: string }) {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | undefined>(undefined);
  const l = useStore(lang);
  const differ = again !== "" && password !== again;
  const submit = async (e: Event) => {
    e.preventDefault();
    if (password !== again) return;
    setBusy(true);
    try {
      const who = await post<Me>("setup", { code, name: name.trim(), password, language: l });
      // The code is good for nothing any more, and does not stay in the address.
      go(["overview"]);
      takeMe(who);
    } catch (x) {
      setProblem(asProblem(x));
      setBusy(false);
    }
  };
  return (
    <form class="panel form" onSubmit={(e) => void submit(e)} data-testid="setup-form">
      <p>{t("access.set_up_about")}</p>
      {problem && <ProblemBox problem={problem} />}
      <label for="setup-name">{t("access.name")}</label>
      <input
        id="setup-name"
        type="text"
        autocomplete="username"
        maxLength={64}
        required
        spellcheck={false}
        value={name}
        onInput={(e) => setName(e.currentTarget.value)}
      />
      <NewPassword password={password} again={again} set={setPassword} setAgain={setAgain} differ={differ} />
      <p class="buttons">
        <button type="submit" class="primary" disabled={busy || differ} data-testid="set-up">
          {t("access.set_up")}
        </button>
      </p>
    </form>
  );
}

/** A new password, twice. */
export function NewPassword(props: {
  password: string;
  again: string;
  set: (v: string) => void;
  setAgain: (v: string) => void;
  differ: boolean;
}) {
  return (
    <>
      <label for="new-password">{t("access.new_password")}</label>
      <input
        id="new-password"
        type="password"
        autocomplete="new-password"
        minLength={12}
        required
        aria-describedby="new-password-hint"
        value={props.password}
        onInput={(e) => props.set(e.currentTarget.value)}
      />
      <small id="new-password-hint" class="muted">
        {t("access.password_hint")}
      </small>
      <label for="new-password-again">{t("access.password_again")}</label>
      <input
        id="new-password-again"
        type="password"
        autocomplete="new-password"
        required
        aria-invalid={props.differ}
        aria-describedby="new-password-differ"
        value={props.again}
        onInput={(e) => props.setAgain(e.currentTarget.value)}
      />
      <small id="new-password-differ" role="status" class="muted">
        {props.differ ? t("access.passwords_differ") : ""}
      </small>
    </>
  );
}
