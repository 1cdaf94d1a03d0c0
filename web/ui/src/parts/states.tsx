import type { ComponentChildren } from "preact";
import type { Problem } from "../api/client";
import type { FieldFault } from "../api/types";
import type { Resource } from "../api/resource";
import { code, t } from "../i18n";
import { span, when } from "../lib/format";
import { now, serverNow } from "../lib/now";
import { lang } from "../lib/prefs";
import { useStore } from "../lib/store";
import { told } from "../lib/told";
import { Said } from "./said";

/** What it is and what to do, in the page's language as far as it knows that kind of problem. */
export function inWords(p: Problem): { title: string; next: string; ours: boolean } {
  const known = code("problem", p.kind);
  if (p.kind === "" || known === p.kind) return { title: p.title, next: p.next, ours: false };
  const { what, todo } = told(known);
  return { title: what, next: lang.get() === "en" ? p.next || todo : todo, ours: true };
}

/** What went wrong: what it is, what to do, what the server said to it, and the id in its log. */
export function ProblemBox({ problem, retry }: { problem: Problem; retry?: () => void }) {
  const { title, next, ours } = inWords(problem);
  const english = useStore(lang) === "en";
  if (problem.kind === "forbidden" && problem.fault) return <DeniedBox fault={problem.fault} />;
  return (
    <div class="state problem" role="alert">
      <h2>{title}</h2>
      {!ours && problem.detail && <p>{problem.detail}</p>}
      {ours && english && <Said text={problem.detail} />}
      {next && (
        <p>
          <strong>{t("error.next")}</strong> {next}
        </p>
      )}
      {/* What was asked for wrongly is only said in the details. */}
      {ours && !english && <Said text={[problem.detail, problem.next].filter(Boolean).join(" — ")} open={problem.status < 500} />}
      {problem.requestId && (
        <p class="muted">
          {t("error.request_id")} <code>{problem.requestId}</code>
        </p>
      )}
      {retry && (
        <button type="button" onClick={retry}>
          {t("error.retry")}
        </button>
      )}
    </div>
  );
}

/** What this account may not do, and which right it would take. */
function DeniedBox({ fault }: { fault: FieldFault }) {
  return (
    <div class="state problem denied" role="alert" data-testid="denied">
      <h2>{t("access.denied")}</h2>
      {fault.code === "area" ? (
        <p>{t("access.denied_area")}</p>
      ) : (
        <p>{t("access.denied_right", { right: code("right", fault.code), role: code("user_role", fault.found) })}</p>
      )}
      <p>
        <strong>{t("error.next")}</strong> {t("access.denied_next")}
      </p>
    </div>
  );
}

export function Loading({ what }: { what?: string }) {
  return (
    <div class="state loading" role="status">
      <span class="bar" aria-hidden="true" />
      {what ?? t("state.loading")}
    </div>
  );
}

export function Empty({ text, children }: { text: string; children?: ComponentChildren }) {
  return (
    <div class="state empty">
      <p>{text}</p>
      {children}
    </div>
  );
}

/** A problem in one line. */
const briefly = (p: Problem): string => {
  const { title, next } = inWords(p);
  return [title, next].filter(Boolean).join(": ");
};

/** How long an answer may be missing before what is shown counts as stale. */
const PATIENCE = 3;

/**
 * The four states of every page: loading, error, and the content, hatched with its last good time once newer answers
 * fail to come. Emptiness is the content's own to say.
 */
export function Guarded<T>(props: {
  of: Resource<T>;
  every: number;
  children: (data: T) => ComponentChildren;
}): preact.JSX.Element {
  const { of } = props;
  useStore(now);
  if (of.data === undefined) {
    return of.problem ? <ProblemBox problem={of.problem} retry={of.reload} /> : <Loading />;
  }
  const age = Date.now() - (of.at ?? 0);
  const stale = of.problem !== undefined || age > PATIENCE * props.every + 5_000;
  return (
    <div class={stale ? "stale" : "fresh"}>
      {stale && (
        <div class="stale-note" role="status">
          {t("state.stale", { time: when(of.at ?? 0, serverNow()), age: span(age) })}{" "}
          {of.problem && <span>{briefly(of.problem)}</span>}{" "}
          <button type="button" onClick={of.reload}>
            {t("error.retry")}
          </button>
        </div>
      )}
      {props.children(of.data)}
    </div>
  );
}
