import type { ComponentChildren } from "preact";
import type { Problem } from "../api/client";
import type { Resource } from "../api/resource";
import { t } from "../i18n";
import { span, when } from "../lib/format";
import { now, serverNow } from "../lib/now";
import { useStore } from "../lib/store";

/** What went wrong, as the server told it: title, detail, what to do, and the id in its log. */
export function ProblemBox({ problem, retry }: { problem: Problem; retry?: () => void }) {
  return (
    <div class="state problem" role="alert">
      <h2>{problem.title}</h2>
      {problem.detail && <p>{problem.detail}</p>}
      {problem.next && (
        <p>
          <strong>{t("error.next")}</strong> {problem.next}
        </p>
      )}
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
          {of.problem && <span>{[of.problem.title, of.problem.next].filter(Boolean).join(": ")}</span>}{" "}
          <button type="button" onClick={of.reload}>
            {t("error.retry")}
          </button>
        </div>
      )}
      {props.children(of.data)}
    </div>
  );
}
