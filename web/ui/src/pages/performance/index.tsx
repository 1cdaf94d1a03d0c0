import "../../styles/performance.css";
import { get, query as params } from "../../api/client";
import { useResource } from "../../api/resource";
import type { AlarmPerformance } from "../../api/types";
import { code, t } from "../../i18n";
import { dateTime, int, zoneName } from "../../lib/format";
import { serverNow } from "../../lib/now";
import { href, setQuery, useRoute } from "../../lib/router";
import { Empty, Guarded } from "../../parts/states";
import { Coach } from "./coach";
import { RateChart } from "./rate";
import { Simulator } from "./simulator";
import { Chattering, Fleeting, Priorities, Stale, TopTen } from "./tables";
import { bounds, chosen, kpiText, metWord, moved, PERIODS } from "./state";

/** Find the bad actors, and what would mend them. */
export function Performance() {
  const { query } = useRoute();
  const c = chosen(query);
  const key = `performance ${c.days} ${c.to ?? ""} ${c.operators}`;
  const answer = useResource<AlarmPerformance>(key, (s) => {
    return get(`alarms/performance${params({ ...bounds(c, serverNow()), operators: c.operators })}`, s);
  });
  return (
    <div class="performance">
      <div class="toolbar">
        <h1>{t("performance.title")}</h1>
        <Chooser />
        <span class="push actions">
          <button type="button" onClick={answer.reload} disabled={answer.loading}>
            {t("performance.refresh")}
          </button>
          <button type="button" onClick={() => print()} data-testid="print">
            {t("performance.print")}
          </button>
          <a class="button" href={href(["alarms"])}>
            {t("nav.alarms")}
          </a>
        </span>
      </div>
      <Guarded of={answer} every={Infinity}>
        {(data) => <Report of={data} />}
      </Guarded>
      {query["coach"] && <Coach id={query["coach"]} days={c.days} to={c.to} />}
      <Simulator />
    </div>
  );
}

function Chooser() {
  const { query } = useRoute();
  const c = chosen(query);
  const go = (by: -1 | 1) => setQuery({ to: moved(c, serverNow(), by) ?? null });
  return (
    <div class="chooser" role="group" aria-label={t("performance.period")}>
      <div class="segmented">
        {PERIODS.map((d) => (
          <button key={d} type="button" aria-pressed={d === c.days} data-testid={`period-${d}`} onClick={() => setQuery({ days: d })}>
            {t(d === 1 ? "performance.day" : "performance.days", { n: d })}
          </button>
        ))}
      </div>
      <button type="button" onClick={() => go(-1)} aria-label={t("performance.before")} title={t("performance.before")}>
        ‹
      </button>
      <button type="button" disabled={c.to === undefined} onClick={() => go(1)} aria-label={t("performance.after")} title={t("performance.after")}>
        ›
      </button>
      <label class="inline">
        {t("performance.operators")}
        <input
          type="number"
          min={1}
          max={100}
          value={c.operators}
          onChange={(e) => setQuery({ operators: e.currentTarget.value === "1" ? null : e.currentTarget.value })}
        />
      </label>
    </div>
  );
}

function Report({ of }: { of: AlarmPerformance }) {
  const days = (Date.parse(of.to) - Date.parse(of.from)) / 86_400_000;
  return (
    <>
      <p class="muted period" data-testid="period">
        {t("performance.of", { from: dateTime(of.from), to: dateTime(of.to), zone: zoneName(Date.parse(of.to)) })}{" "}
        {t("performance.sum", { n: int(of.annunciations), alarms: int(of.alarms) })}
      </p>
      <Tiles of={of} />
      <p class="muted small">
        {t("performance.basis")} {days < 29.5 && t("performance.short")} {t("performance.unknown")}
      </p>
      {of.annunciations === 0 && of.stale.length === 0 ? (
        <Empty text={t("performance.none")} />
      ) : (
        <>
          <section class="panel" aria-label={t("performance.rate")}>
            <h2>{t("performance.rate")}</h2>
            <RateChart of={of} />
          </section>
          <TopTen of={of} />
          <div class="pair">
            <Chattering of={of} />
            <Stale of={of} />
            <Priorities of={of} />
            <Fleeting of={of} />
          </div>
        </>
      )}
    </>
  );
}

const GLYPH = { met: "✓", missed: "✕", no_value: "–", no_figure: "" } as const;

/** Every indicator with its figure, and in a word whether it is kept. */
function Tiles({ of }: { of: AlarmPerformance }) {
  return (
    <dl class="kpis" data-testid="kpis">
      {of.kpis.map((k) => {
        const word = metWord(k);
        return (
          <div key={k.code} class={`kpi ${word}`} data-code={k.code} data-met={String(k.met)}>
            <dt>{code("kpi", k.code)}</dt>
            <dd>
              <b>{kpiText(k.code, k.value)}</b>
              <span class="word">
                <span aria-hidden="true">{GLYPH[word]}</span> {code("kpi_met", word)}
              </span>
              <span class="figure">{k.target === null ? t("performance.no_figure") : t("performance.at_most", { v: kpiText(k.code, k.target) })}</span>
            </dd>
          </div>
        );
      })}
    </dl>
  );
}
