import { useState } from "preact/hooks";
import { get, Problem, query as queryOf } from "../api/client";
import { useResource } from "../api/resource";
import type { AuditEntry, AuditLog } from "../api/types";
import { code, t } from "../i18n";
import { FAMILIES } from "../i18n/codes";
import { dateTime } from "../lib/format";
import { setQuery, useRoute } from "../lib/router";
import { told } from "../lib/told";
import { Empty, Guarded, ProblemBox } from "../parts/states";

const EVERY = 15_000;
const FIELDS = ["who", "action", "subject", "outcome"] as const;

/** Who did what, filtered by what stands in the address. */
export function Audit() {
  const { query } = useRoute();
  const filter = Object.fromEntries(FIELDS.map((f) => [f, query[f] ?? null]));
  const asked = queryOf({ ...filter, limit: 100 });
  const log = useResource<AuditLog>(`audit${asked}`, (s) => get(`audit${asked}`, s), EVERY);
  return (
    <>
      <div class="toolbar">
        <h1>{code("admin_tab", "audit")}</h1>
        <a class="button push" href={`/api/v1/audit/export${queryOf(filter)}`} download="audit.csv" data-testid="audit-export">
          {t("audit.export")}
        </a>
      </div>
      <form class="toolbar" role="search" aria-label={t("audit.filter")} onSubmit={(e) => e.preventDefault()}>
        <Text name="who" label={t("audit.who")} value={query["who"] ?? ""} />
        <label for="audit-action">{t("audit.action")}</label>
        <select id="audit-action" value={query["action"] ?? ""} onChange={(e) => setQuery({ action: e.currentTarget.value })}>
          <option value="">{t("audit.all")}</option>
          {FAMILIES.audit_action.map((a) => (
            <option key={a} value={a}>
              {code("audit_action", a)}
            </option>
          ))}
        </select>
        <Text name="subject" label={t("audit.subject")} value={query["subject"] ?? ""} />
        <label for="audit-outcome">{t("audit.outcome")}</label>
        <select id="audit-outcome" value={query["outcome"] ?? ""} onChange={(e) => setQuery({ outcome: e.currentTarget.value })}>
          <option value="">{t("audit.all")}</option>
          <option value="ok">{t("audit.done")}</option>
          <option value="failed">{t("audit.failed")}</option>
        </select>
      </form>
      <section class="panel" aria-label={code("admin_tab", "audit")}>
        <Guarded of={log} every={EVERY}>
          {(data) => (data.entries.length === 0 ? <Empty text={t("audit.empty")} /> : <Entries key={asked} first={data} asked={asked} />)}
        </Guarded>
      </section>
    </>
  );
}

function Text({ name, label, value }: { name: string; label: string; value: string }) {
  return (
    <>
      <label for={`audit-${name}`}>{label}</label>
      <input
        id={`audit-${name}`}
        type="search"
        autocomplete="off"
        spellcheck={false}
        value={value}
        onChange={(e) => setQuery({ [name]: e.currentTarget.value.trim() })}
      />
    </>
  );
}

/** The newest entries, which come anew, and older ones that were asked for below them. */
function Entries({ first, asked }: { first: AuditLog; asked: string }) {
  const [older, setOlder] = useState<AuditLog | undefined>(undefined);
  const [problem, setProblem] = useState<Problem | undefined>(undefined);
  const oldest = older ?? first;
  const more = async () => {
    setProblem(undefined);
    try {
      const next = await get<AuditLog>(`audit${asked}&cursor=${encodeURIComponent(oldest.next_cursor ?? "")}`);
      setOlder({ entries: [...(older?.entries ?? []), ...next.entries], next_cursor: next.next_cursor });
    } catch (x) {
      setProblem(x instanceof Problem ? x : new Problem(0, String(x), "", "", ""));
    }
  };
  const seen = new Set(first.entries.map((e) => e.id));
  const all = [...first.entries, ...(older?.entries ?? []).filter((e) => !seen.has(e.id))];
  return (
    <>
      <div class="scroll" tabIndex={0} role="region" aria-label={code("admin_tab", "audit")}>
        <table class="rows cards named">
          <thead>
            <tr>
              <th scope="col">{t("audit.time")}</th>
              <th scope="col">{t("audit.who")}</th>
              <th scope="col">{t("account.address")}</th>
              <th scope="col">{t("audit.action")}</th>
              <th scope="col">{t("audit.subject")}</th>
              <th scope="col">{t("audit.what")}</th>
              <th scope="col">{t("audit.outcome")}</th>
            </tr>
          </thead>
          <tbody>
            {all.map((e) => (
              <Row key={e.id} entry={e} />
            ))}
          </tbody>
        </table>
      </div>
      {problem && <ProblemBox problem={problem} />}
      {oldest.next_cursor && (
        <p class="buttons">
          <button type="button" onClick={() => void more()} data-testid="audit-more">
            {t("audit.older")}
          </button>
        </p>
      )}
    </>
  );
}

function Row({ entry: e }: { entry: AuditEntry }) {
  const what = e.was && e.now ? `${e.was} → ${e.now}` : e.was || e.now;
  return (
    <tr data-testid="audit-row" data-action={e.action}>
      <th scope="row">{dateTime(e.t)}</th>
      <td data-name={t("audit.who")}>{e.who || "–"}</td>
      <td data-name={t("account.address")}>{e.origin}</td>
      <td data-name={t("audit.action")}>{code("audit_action", e.action)}</td>
      <td data-name={t("audit.subject")}>{e.subject || "–"}</td>
      <td data-name={t("audit.what")} class="wrap">
        {what || "–"}
      </td>
      <td data-name={t("audit.outcome")}>{e.outcome === "ok" ? t("audit.done") : told(code(e.action === "login.provider" ? "sign_in" : "problem", e.outcome)).what}</td>
    </tr>
  );
}
