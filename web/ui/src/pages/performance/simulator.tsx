import { useEffect, useState } from "preact/hooks";
import { post } from "../../api/client";
import { useResource } from "../../api/resource";
import type { AlarmOutcome, AlarmSimulation } from "../../api/types";
import { code, t } from "../../i18n";
import { dateTime, int, num, quantity, span } from "../../lib/format";
import { setQuery, useRoute } from "../../lib/router";
import { Guarded } from "../../parts/states";
import { defined } from "./coach";
import { Excursions } from "./excursions";
import { CONDITIONS, draftOf, fault, proposalOf, type Draft } from "./state";

const FIELDS = ["point", "condition", "limit", "deadband", "on", "off", "over"] as const;

/** A definition tried on the past. Nothing is changed by it. */
export function Simulator() {
  const { query } = useRoute();
  const asked = draftOf(query);
  const run = query["run"] === "1" && fault(asked) === undefined;
  const key = run ? `simulate ${FIELDS.map((f) => asked[f]).join("\n")}` : null;
  const answer = useResource<AlarmSimulation>(key, () => post("alarms/simulate", proposalOf(asked)));
  return (
    <section class="panel simulator" id="simulator" tabIndex={-1} aria-label={t("performance.simulator")}>
      <h2>{t("performance.simulator")}</h2>
      <p class="muted small">{t("performance.simulator_about")}</p>
      <Form asked={asked} />
      {run && (
        <Guarded of={answer} every={Infinity}>
          {(s) => <Result of={s} />}
        </Guarded>
      )}
    </section>
  );
}

function Form({ asked }: { asked: Draft }) {
  const [draft, setDraft] = useState(asked);
  const [wrong, setWrong] = useState<keyof Draft | undefined>();
  // What a button elsewhere on the page has put into the address.
  useEffect(() => setDraft(asked), [FIELDS.map((f) => asked[f]).join("\n")]);
  const patch = (p: Partial<Draft>) => setDraft((d) => ({ ...d, ...p }));
  const text = (name: keyof Draft, label: string, hint: string, mode: "text" | "decimal" | "numeric" = "decimal") => (
    <label>
      {label}
      <input
        name={name}
        inputMode={mode}
        autocomplete="off"
        spellcheck={false}
        value={draft[name]}
        placeholder={hint}
        aria-invalid={wrong === name}
        aria-describedby={wrong === name ? "simulator-fault" : undefined}
        onInput={(e) => patch({ [name]: e.currentTarget.value })}
      />
    </label>
  );
  return (
    <form
      class="simulate"
      noValidate
      onSubmit={(e) => {
        e.preventDefault();
        const at = fault(draft);
        setWrong(at);
        if (at) document.querySelector<HTMLElement>(`.simulate [name=${at}]`)?.focus();
        else setQuery({ ...draft, point: draft.point.trim(), run: 1 });
      }}
    >
      {text("point", t("performance.point"), "site/machine/point", "text")}
      <label>
        {t("performance.condition")}
        <select name="condition" value={draft.condition} onChange={(e) => patch({ condition: e.currentTarget.value })}>
          {CONDITIONS.map((c) => (
            <option key={c} value={c}>
              {code("condition", c)}
            </option>
          ))}
        </select>
      </label>
      {text("limit", t("performance.limit"), "")}
      {text("deadband", t("performance.deadband"), t("performance.as_now"))}
      {text("on", t("performance.on_delay_s"), "0")}
      {text("off", t("performance.off_delay_s"), "0")}
      {text("over", t("performance.over_days"), "30", "numeric")}
      <button type="submit" class="primary" data-testid="simulate">
        {t("performance.run")}
      </button>
      {wrong && (
        <p id="simulator-fault" class="fault" role="alert">
          {code("simulate_fault", wrong)}
        </p>
      )}
    </form>
  );
}

/** The latest that both would have raised, in words for each row. */
function rows(o: AlarmOutcome | null, s: AlarmSimulation): string[] {
  if (!o) return [t("performance.not_set"), "–", "–", "–", "–", "–"];
  const caught = o.faults.filter((f) => f.raised !== null);
  const early = caught.map((f) => f.early_s ?? 0).sort((a, b) => a - b);
  const median = early[Math.floor((early.length - 1) / 2)];
  const least = (n: number) => (o.doubtful_minutes > 0 ? t("performance.at_least", { n: int(n) }) : int(n));
  return [
    defined(o.definition, s.unit),
    least(o.raised),
    int(o.most_in_minute),
    span(o.standing_s * 1_000),
    s.confirmed_faults === 0 ? t("performance.no_faults") : t("performance.caught_of", { n: int(caught.length), of: int(o.faults.length) }),
    median === undefined ? "–" : span(median * 1_000),
  ];
}

function Result({ of: s }: { of: AlarmSimulation }) {
  const names = [t("performance.definition"), t("performance.annunciations"), t("performance.in_minute"), t("performance.standing"), t("performance.caught"), t("performance.early")];
  const [proposed, current] = [rows(s.proposed, s), rows(s.current, s)];
  const none = s.values === 0 && s.minutes === 0;
  return (
    <div class="result" data-testid="simulation">
      <p class="muted small">
        {t("performance.looked_at", { from: dateTime(s.from), to: dateTime(s.to) })} {t("performance.values_seen", { n: int(s.values) })}
        {s.minutes > 0 && ` ${t("performance.minutes_seen", { n: int(s.minutes), doubtful: int(s.proposed.doubtful_minutes) })}`}
        {s.passed_over > 0 && ` ${t("performance.passed_over", { n: int(s.passed_over) })}`}
      </p>
      {none ? (
        <p class="verdict unknown">{t("performance.no_values")}</p>
      ) : (
        <>
          <div class="scroll" tabIndex={0} role="region" aria-label={t("performance.compared")}>
            <table class="rows">
              <thead>
                <tr>
                  <th scope="col">
                    <span class="sr">{t("performance.what")}</span>
                  </th>
                  <th scope="col">{t("performance.proposed")}</th>
                  <th scope="col">{t("performance.present")}</th>
                </tr>
              </thead>
              <tbody>
                {names.map((name, i) => (
                  <tr key={name}>
                    <th scope="row">{name}</th>
                    <td>{proposed[i]}</td>
                    <td>{current[i]}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          <Excursions of={s} />
          <Faults of={s} />
          <Firings of={s} />
        </>
      )}
    </div>
  );
}

/** What became of each confirmed fault. */
function Faults({ of: s }: { of: AlarmSimulation }) {
  if (s.proposed.faults.length === 0) return null;
  const told = (o: AlarmOutcome | null, i: number) => {
    const f = o?.faults[i];
    if (!f) return "–";
    return f.raised === null ? t("performance.missed") : t("performance.before_said", { early: span((f.early_s ?? 0) * 1_000) });
  };
  return (
    <details class="as-table" open>
      <summary>{t("performance.confirmed")}</summary>
      <table class="rows">
        <thead>
          <tr>
            <th scope="col">{t("performance.fault")}</th>
            <th scope="col">{t("performance.when_confirmed")}</th>
            <th scope="col">{t("performance.proposed")}</th>
            <th scope="col">{t("performance.present")}</th>
          </tr>
        </thead>
        <tbody>
          {s.proposed.faults.map((f, i) => (
            <tr key={`${f.fault} ${f.confirmed}`}>
              <td>{code("fault", f.fault)}</td>
              <td>{dateTime(f.confirmed)}</td>
              <td>{told(s.proposed, i)}</td>
              <td>{told(s.current, i)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

/** The chart in rows. */
function Firings({ of: s }: { of: AlarmSimulation }) {
  const list = (o: AlarmOutcome | null, name: string) =>
    o &&
    o.firings.length > 0 && (
      <div class="scroll" tabIndex={0} role="region" aria-label={name}>
        <table>
          <caption>{name}</caption>
          <thead>
            <tr>
              <th scope="col">{t("alarms.raised")}</th>
              <th scope="col">{t("alarms.duration")}</th>
              <th scope="col" class="n">{t("performance.extreme")}</th>
            </tr>
          </thead>
          <tbody>
            {o.firings.map((f) => (
              <tr key={f.raised}>
                <td>{dateTime(f.raised)}</td>
                <td>{f.cleared ? span(Date.parse(f.cleared) - Date.parse(f.raised)) : t("performance.stands")}</td>
                <td class="n">{s.unit ? quantity(f.extreme, s.unit, 4) : num(f.extreme, 4)}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {o.raised > o.firings.length && <p class="muted">{t("alarms.more", { n: int(o.raised - o.firings.length) })}</p>}
      </div>
    );
  return (
    <details class="as-table">
      <summary>{t("chart.as_table")}</summary>
      <div class="three">
        {list(s.proposed, t("performance.proposed"))}
        {list(s.current, t("performance.present"))}
      </div>
    </details>
  );
}
