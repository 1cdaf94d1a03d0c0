import { get, query as params, segments } from "../../api/client";
import { useResource } from "../../api/resource";
import type { AlarmAdvice, AlarmAlternative, AlarmCoach, AlarmDefinition } from "../../api/types";
import { code, t } from "../../i18n";
import { dateTime, int, num, quantity, span } from "../../lib/format";
import { serverNow } from "../../lib/now";
import { setQuery } from "../../lib/router";
import { Guarded } from "../../parts/states";
import { Named, show } from "./tables";
import { bounds, COACHED_DAYS } from "./state";

/** A definition in a line. */
export function defined(d: AlarmDefinition, unit: string | null): string {
  const parts = [`${d.side === "above" ? ">" : "<"} ${quantity(d.limit, unit, 6)}`, `${t("performance.deadband")} ${quantity(d.deadband, unit, 4)}`];
  if (d.on_delay_s > 0) parts.push(`${t("performance.on_delay")} ${seconds(d.on_delay_s)}`);
  if (d.off_delay_s > 0) parts.push(`${t("performance.off_delay")} ${seconds(d.off_delay_s)}`);
  return parts.join(" · ");
}

/** A time that may be short of a second. */
export const seconds = (s: number): string => (s > 0 && s < 10 ? `${num(s, 2)} s` : span(s * 1_000));

/** What would have silenced one alarm, and what that would have cost. */
export function Coach(props: { id: string; days: number; to: number | undefined }) {
  const days = Math.min(props.days, COACHED_DAYS);
  const key = `coach ${props.id} ${days} ${props.to ?? ""}`;
  const answer = useResource<AlarmCoach>(key, (s) => {
    return get(`alarms/${segments(props.id)}/coach${params(bounds({ days, to: props.to }, serverNow()))}`, s);
  });
  return (
    <section class="panel coach" id="coach" tabIndex={-1} aria-label={t("performance.coach")}>
      <div class="toolbar">
        <h2>{t("performance.coach")}</h2>
        <button type="button" class="push" onClick={() => setQuery({ coach: null })}>
          {t("performance.close")}
        </button>
      </div>
      <Guarded of={answer} every={Infinity}>
        {(c) => <Answer of={c} />}
      </Guarded>
    </section>
  );
}

function Answer({ of }: { of: AlarmCoach }) {
  const { advice, unit } = of;
  return (
    <>
      <p>
        <Named a={of.alarm} />
      </p>
      <p class="muted small">{t("performance.looked_at", { from: dateTime(of.from), to: dateTime(of.to) })}</p>
      {of.refused && <p class="verdict unknown" data-testid="coach-verdict">{code("coach_refused", of.refused)}</p>}
      {advice && <Advice a={advice} of={of} unit={unit} />}
    </>
  );
}

function Advice({ a, of, unit }: { a: AlarmAdvice; of: AlarmCoach; unit: string | null }) {
  return (
    <>
      <p class="verdict" data-testid="coach-verdict" data-verdict={a.verdict}>
        {code("coach_verdict", a.verdict)}
      </p>
      <p>
        {t("performance.at_present", { definition: defined(a.current, unit) })}{" "}
        {t("performance.replayed", { raised: int(a.raised), excursions: int(a.excursions), most: int(a.most_in_minute), values: int(a.values) })}
        {a.passed_over > 0 && ` ${t("performance.passed_over", { n: int(a.passed_over) })}`}
        {a.cut && ` ${t("performance.cut")}`}
      </p>
      {a.alternatives.length > 0 && <Alternatives a={a} of={of} unit={unit} />}
    </>
  );
}

/** What an alternative sets, in its unit. */
const setting = (x: AlarmAlternative, unit: string | null): string =>
  x.means === "deadband" ? quantity(x.definition.deadband, unit, 4) : seconds(x.means === "on_delay" ? x.definition.on_delay_s : x.definition.off_delay_s);

function Alternatives({ a, of, unit }: { a: AlarmAdvice; of: AlarmCoach; unit: string | null }) {
  const simulate = (d: AlarmDefinition) => {
    const { machine, point, condition } = of.alarm;
    setQuery({
      point: `${machine.site}/${machine.machine}/${point ?? ""}`,
      condition,
      limit: d.limit,
      deadband: d.deadband,
      on: d.on_delay_s || null,
      off: d.off_delay_s || null,
      run: 1,
    });
    show("simulator");
  };
  const cells = (x: AlarmAlternative): [string, string][] => [
    [t("performance.annunciations"), `${int(x.raised)} ${t("performance.instead", { n: int(a.raised) })}`],
    [t("performance.in_minute"), int(x.most_in_minute)],
    [t("performance.later"), x.later_most_s > 0 ? t("performance.later_said", { median: seconds(x.later_median_s), most: seconds(x.later_most_s) }) : t("performance.not_later")],
    [t("performance.swallowed"), `${int(x.swallowed)} ${t("performance.of_excursions", { n: int(a.excursions) })}`],
    [t("performance.merged"), int(x.merged)],
    [t("performance.standing"), `${span(x.standing_s * 1_000)} ${t("performance.instead", { n: span(a.standing_s * 1_000) })}`],
  ];
  return (
    <div class="alternatives">
      {a.alternatives.map((x, i) => (
        <article key={x.means} class={`alternative ${x.solves ? "" : "no-help"}`} data-testid="alternative" data-means={x.means} data-solves={x.solves}>
          <h3>
            {code("alarm_means", x.means)}: {setting(x, unit)}
          </h3>
          <p class="word">
            {i === a.best ? <strong>{t("performance.best")}</strong> : x.solves ? t("performance.solves") : t("performance.no_help")}
          </p>
          <dl>
            {cells(x).map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
          {x.swallowed_examples.length > 0 && (
            <details class="as-table">
              <summary>{t("performance.swallowed_longest")}</summary>
              <ul>
                {x.swallowed_examples.map((e) => (
                  <li key={e.from}>
                    {dateTime(e.from)} · {e.to ? seconds((Date.parse(e.to) - Date.parse(e.from)) / 1_000) : t("performance.stands")} · {quantity(e.extreme, unit, 4)}
                  </li>
                ))}
              </ul>
            </details>
          )}
          <button type="button" onClick={() => simulate(x.definition)} aria-label={`${t("performance.simulate")}: ${code("alarm_means", x.means)} ${setting(x, unit)}`}>
            {t("performance.simulate")}
          </button>
        </article>
      ))}
    </div>
  );
}
