import { get, segments } from "../api/client";
import { useResource } from "../api/resource";
import type { Alarm, AlarmPast } from "../api/types";
import { code, t } from "../i18n";
import { machineTitle } from "../lib/condition";
import { span, when } from "../lib/format";
import { serverNow } from "../lib/now";
import { href } from "../lib/router";
import { Guarded } from "./states";

/** Occurrences that are listed at once. */
const SHOWN = 6;

/** What became of this alarm before, and what was found where its like called people. */
export function Past({ a }: { a: Alarm }) {
  const past = useResource<AlarmPast>(`past ${a.id} ${a.changed}`, (s) => get(`alarms/${segments(a.id)}/past`, s));
  return (
    <section data-testid="past">
      <h3>{t("past.found")}</h3>
      <Guarded of={past} every={Infinity}>
        {(p) => (
          <>
            {p.found.length === 0 ? (
              <p class="muted">{t("past.nothing_found")}</p>
            ) : (
              <ol class="order-brief">
                {p.found.map((o) => (
                  <li key={o.number} data-testid="past-found">
                    <span>
                      <a href={href(["orders", String(o.number)])}>#{o.number}</a> {machineTitle(o.machine)}
                      <span class="finding">{o.finding}</span>
                      <small class="muted">
                        {[
                          ...o.faults.map((f) => code("fault", f)),
                          ...o.parts.map((x) => `${x.quantity} × ${x.name}`),
                          when(o.steps[o.steps.length - 1]!.t, serverNow()),
                        ].join(" · ")}
                      </small>
                    </span>
                  </li>
                ))}
              </ol>
            )}
            {p.occurrences.length > 0 && (
              <>
                <h3>{t("past.occurrences")}</h3>
                <ol class="steps" data-testid="past-occurrences">
                  {p.occurrences.slice(0, SHOWN).map((o) => (
                    <li key={o.raised}>
                      <time datetime={o.raised}>{when(o.raised, serverNow())}</time>{" "}
                      {o.cleared ? span(Date.parse(o.cleared) - Date.parse(o.raised)) : t("past.not_cleared")}
                      {o.acknowledged && ` · ${o.acknowledged.by}`}
                      {o.work_order !== null && (
                        <>
                          {" · "}
                          <a href={href(["orders", String(o.work_order)])}>#{o.work_order}</a>
                        </>
                      )}
                    </li>
                  ))}
                  {(p.more || p.occurrences.length > SHOWN) && <li class="muted">{t("past.more")}</li>}
                </ol>
              </>
            )}
          </>
        )}
      </Guarded>
    </section>
  );
}
