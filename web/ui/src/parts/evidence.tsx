import { useEffect, useRef } from "preact/hooks";
import { get, segments } from "../api/client";
import { useResource } from "../api/resource";
import type { Alarm, Journal, WaveformInfo } from "../api/types";
import { code, t, title } from "../i18n";
import { TERM_PERCENT, TERM_UNIT } from "../i18n/codes";
import { isActive, machineTitle, message, parseCondition, placeOf, remark, remedy, valueAgainstLimit } from "../lib/condition";
import { bytes, dateTime, num, quantity, when } from "../lib/format";
import { lazy } from "../lib/lazy";
import { serverNow } from "../lib/now";
import { href } from "../lib/router";
import { type Act, AlarmActions, type Form, inhibitedText } from "./alarm-actions";
import { PriorityMark } from "./marks";
import { Guarded, ProblemBox } from "./states";

const Trend = lazy(() => import("./trend").then((m) => m.Trend));
const Past = lazy(() => import("./past").then((m) => m.Past));

/** Which series shows the alarm's story: the indicator that raised it, or the point's own values. */
function seriesOf(a: Alarm): { indicator?: string; unit?: string } | null {
  if (!a.point) return null;
  const { kind } = parseCondition(a.condition);
  if (kind === "bearing") return { indicator: "bearing_t" };
  if (kind.startsWith("zone_")) return { indicator: "velocity_rms", unit: "mm/s" };
  if (kind === "change") return { indicator: "deviation" };
  if (kind === "sensor") return { indicator: "acceleration_rms" };
  return a.unit ? { unit: a.unit } : {};
}

/** Everything that shows why an alarm stands, on one page that a link leads to. */
export function EvidencePanel(props: {
  id: string;
  known: Alarm | undefined;
  close: () => void;
  act: Act;
  open: (form: Form) => void;
  busy: boolean;
}) {
  const fetched = useResource<Alarm>(props.known ? null : props.id, (s) => get(`alarms/${segments(props.id)}`, s));
  const a = props.known ?? fetched.data;
  const box = useRef<HTMLElement>(null);
  useEffect(() => {
    // On a phone the panel covers the list: readers and keyboards must land in it.
    if (matchMedia("(max-width: 720px)").matches) box.current?.focus();
  }, []);
  return (
    <aside class="evidence panel" aria-label={t("evidence.title")} ref={box} tabIndex={-1} data-testid="evidence">
      <button type="button" class="close" onClick={props.close} aria-label={t("evidence.close")}>
        ×
      </button>
      {a ? (
        <Body a={a} act={props.act} open={props.open} busy={props.busy} />
      ) : fetched.problem ? (
        <ProblemBox problem={fetched.problem} />
      ) : (
        <p class="muted">{t("state.loading")}</p>
      )}
    </aside>
  );
}

function Body(props: { a: Alarm; act: Act; open: (form: Form) => void; busy: boolean }) {
  const { a } = props;
  const story = seriesOf(a);
  const raised = Date.parse(a.raised);
  const pointId = a.point ? `${a.machine.site}/${a.machine.machine}/${a.point}` : undefined;
  return (
    <>
      <header>
        <PriorityMark priority={a.priority} state={a.state} />
        <h2>{[message(a), remark(a)].filter(Boolean).join(" · ")}</h2>
      </header>
      <p>
        <a href={placeOf(a)}>{machineTitle(a.machine)}</a>
        {a.point && <> · {title(a.point_title, a.point)}</>}
      </p>
      <dl class="facts">
        <Fact name={t("alarms.priority")}>{code("priority", String(a.priority))}</Fact>
        <Fact name={t("alarms.state")}>{code("state", a.state)}</Fact>
        {a.occurrences > 0 && <Fact name={t("alarms.raised")}>{dateTime(raised)}</Fact>}
        {a.respond_by && <Fact name={t("evidence.respond_by")}>{when(a.respond_by, serverNow())}</Fact>}
        {a.group && (
          <Fact name={t("evidence.group")}>
            {a.group}
            {a.first_out && ` · ${t("alarms.first_out")}`}
          </Fact>
        )}
        {a.value != null && <Fact name={t("alarms.value")}>{valueAgainstLimit(a)}</Fact>}
        {a.acknowledged && (
          <Fact name={t("evidence.acknowledged")}>
            {a.acknowledged.by}, {when(a.acknowledged.at, serverNow())}
          </Fact>
        )}
        <Fact name={t("evidence.occurrences")}>{num(a.occurrences, 6)}</Fact>
      </dl>
      {a.inhibited && <p class="todo">{inhibitedText(a, (x) => when(x, serverNow()))}</p>}
      <p class="todo">
        <strong>{t("evidence.what_to_do")}</strong> {remedy(a)}
      </p>
      {title(a.consequence, "") && (
        <p class="todo">
          <strong>{t("evidence.consequence")}</strong> {title(a.consequence, "")}
        </p>
      )}
      <div class="buttons">
        <AlarmActions {...props} />
        <VibrationLink a={a} />
      </div>
      {pointId && story && (
        <section>
          <h3>{story.indicator ? code("indicator", story.indicator) : t("evidence.trend")}</h3>
          <Trend
            point={pointId}
            indicator={story.indicator ?? null}
            unit={story.unit ?? null}
            {...trendWindow(a)}
            mark={raised}
            label={t("evidence.trend")}
            height={170}
          />
        </section>
      )}
      <Terms a={a} />
      <Lines a={a} />
      <Past a={a} />
      <AlarmJournal id={a.id} changed={a.changed} />
    </>
  );
}

const HOUR = 3_600_000;
/** From an hour before the alarm to an hour after it, or to now while it is that young. */
function trendWindow(a: Alarm): { range: number; from?: number; to?: number } {
  const raised = Date.parse(a.raised);
  const age = serverNow() - raised;
  if (age < HOUR) return { range: age + HOUR };
  const end = isActive(a) ? serverNow() : Math.min(serverNow(), Date.parse(a.changed) + HOUR);
  const to = Math.min(end, raised + 12 * HOUR);
  return { range: to - raised + HOUR, from: Math.round(raised - HOUR), to: Math.round(to) };
}

function Fact(props: { name: string; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{props.name}</dt>
      <dd>{props.children}</dd>
    </div>
  );
}

/** To the record the alarm stands on: its own point where it has one, else the point the record tells. */
function VibrationLink({ a }: { a: Alarm }) {
  const waveform = a.evidence.waveform;
  const record = useResource<WaveformInfo>(waveform && !a.point ? waveform : null, (s) =>
    get(`waveforms/${segments(waveform ?? "")}`, s),
  );
  const point = a.point ?? record.data?.point.split("/").slice(2).join("/");
  if (!waveform || !point) return null;
  const path = ["vibration", a.machine.site, a.machine.machine, ...point.split("/")];
  return (
    <a class="button" href={href(path, { wf: waveform })} data-testid="evidence-vibration">
      {t("evidence.spectrum")}
    </a>
  );
}

function Terms({ a }: { a: Alarm }) {
  const terms = Object.entries(a.evidence.terms);
  const codes = a.evidence.codes;
  if (terms.length === 0 && codes.length === 0) return null;
  return (
    <section>
      <h3>{t("evidence.terms")}</h3>
      <table class="terms">
        <tbody>
          {terms.map(([name, v]) => (
            <tr key={name}>
              <th scope="row">{code("term", name)}</th>
              <td class="n">{termValue(name, v, a.unit)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {codes.length > 0 && (
        <ul class="codes">
          {codes.map((c) => (
            <li key={c}>{explain(c)}</li>
          ))}
        </ul>
      )}
    </section>
  );
}

function termValue(name: string, v: number, unit: string | null | undefined): string {
  if (TERM_PERCENT.has(name)) return `${num(v * 100)} %`;
  if (name.endsWith("_bytes")) return bytes(v);
  if (name === "value" || name === "limit") return quantity(v, unit, 4);
  return quantity(v, TERM_UNIT[name], 4);
}

/** An explaining code in words: a sensor's failure, a refusal, a remark, or the basis of a standard as it stands. */
export function explain(c: string): string {
  for (const family of ["sensor", "remark", "refusal", "system_code"]) {
    const text = code(family, c);
    if (text !== c) return text;
  }
  return c;
}

function Lines({ a }: { a: Alarm }) {
  if (a.evidence.lines.length === 0) return null;
  return (
    <section>
      <h3>{t("evidence.lines")}</h3>
      <table class="terms">
        <thead>
          <tr>
            <th scope="col">{t("vibration.line")}</th>
            <th scope="col" class="n">Hz</th>
            <th scope="col" class="n">{t("vibration.ratio")}</th>
          </tr>
        </thead>
        <tbody>
          {a.evidence.lines.map((l) => (
            <tr key={`${l.label}${l.harmonic}`}>
              <th scope="row">
                {code("fault", l.label)} {l.harmonic}×
              </th>
              <td class="n">{num(l.hz, 5)}</td>
              <td class="n">{num(l.ratio)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function AlarmJournal({ id, changed }: { id: string; changed: string }) {
  const journal = useResource<Journal>(`${id} ${changed}`, (s) => get(`alarms/${segments(id)}/journal`, s));
  return (
    <section>
      <h3>{t("evidence.history")}</h3>
      <Guarded of={journal} every={Infinity}>
        {(j) => (
          <ol class="steps">
            {j.entries.slice(0, 20).map((e) => (
              <li key={e.position}>
                <time datetime={e.t}>{when(e.t, serverNow())}</time> {code("trigger", e.trigger)}
                {e.by && ` · ${e.by}`}
                {e.reason && ` · ${e.reason}`}
                {e.value != null && <span class="muted"> {valueAgainstLimit(e)}</span>}
              </li>
            ))}
          </ol>
        )}
      </Guarded>
    </section>
  );
}
