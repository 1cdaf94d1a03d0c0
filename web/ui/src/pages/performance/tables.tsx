import type { ComponentChildren } from "preact";
import type { AlarmName, AlarmPerformance } from "../../api/types";
import { code, t, title } from "../../i18n";
import { machineTitle, message } from "../../lib/condition";
import { dateTime, int, num, span } from "../../lib/format";
import { href, setQuery } from "../../lib/router";
import { PriorityMark } from "../../parts/marks";
import { percent } from "./state";

/** An alarm by its place and what it says, with the link to it. */
export function Named({ a }: { a: AlarmName }) {
  return (
    <span class="alarm-name">
      <PriorityMark priority={a.priority} state="acknowledged" size="s" />
      <span>
        <a href={href(["alarms", a.id], { tab: "history" })}>{message(a)}</a>
        <small class="muted">
          {machineTitle(a.machine)}
          {a.point && ` · ${title(a.point_title, a.point)}`}
        </small>
      </span>
    </span>
  );
}

/** Brings what a button has opened into view, for eyes and for readers. */
export function show(id: string): void {
  requestAnimationFrame(() => {
    const el = document.getElementById(id);
    el?.scrollIntoView({ block: "start" });
    el?.focus({ preventScroll: true });
  });
}

function Help({ a, coached }: { a: AlarmName; coached: boolean }) {
  if (!coached) return <span class="muted">{t("performance.no_series")}</span>;
  const label = `${machineTitle(a.machine)} ${message(a)}`;
  const point = `${a.machine.site}/${a.machine.machine}/${a.point ?? ""}`;
  return (
    <span class="actions">
      <button type="button" aria-label={`${t("performance.ask_coach")}: ${label}`} data-testid="ask-coach" onClick={() => (setQuery({ coach: a.id }), show("coach"))}>
        {t("performance.ask_coach")}
      </button>
      <button
        type="button"
        aria-label={`${t("performance.simulate")}: ${label}`}
        onClick={() => (setQuery({ point, condition: a.condition, limit: null, deadband: null, on: null, off: null, run: null }), show("simulator"))}
      >
        {t("performance.simulate")}
      </button>
    </span>
  );
}

/** A table with its heading; `none` where it has no rows. */
function Listed(props: { name: string; about: string; none: string; rows: number; more?: number; whole?: boolean; head: ComponentChildren; testid: string; children: ComponentChildren }) {
  return (
    <section class="panel" aria-label={props.name}>
      <h2>{props.name}</h2>
      <p class="muted small">{props.about}</p>
      {props.rows === 0 ? (
        <p class="nothing">{props.none}</p>
      ) : (
        <div class={props.whole ? "scroll whole" : "scroll"} tabIndex={0} role="region" aria-label={props.name}>
          <table class="rows cards named" data-testid={props.testid}>
            <thead>
              <tr>{props.head}</tr>
            </thead>
            <tbody>{props.children}</tbody>
          </table>
        </div>
      )}
      {props.more !== undefined && props.more > 0 && <p class="muted">{t("alarms.more", { n: int(props.more) })}</p>}
    </section>
  );
}

export function TopTen({ of }: { of: AlarmPerformance }) {
  const head = (
    <>
      <th scope="col">{t("performance.alarm")}</th>
      <th scope="col" class="n">{t("performance.annunciations")}</th>
      <th scope="col">{t("performance.share")}</th>
      <th scope="col">{t("performance.mend")}</th>
    </>
  );
  return (
    <Listed name={t("performance.top")} about={t("performance.top_about")} none={t("performance.top_none")} rows={of.top.length} whole head={head} testid="top-ten">
      {of.top.map((a) => (
        <tr key={a.alarm.id} data-id={a.alarm.id}>
          <th scope="row">
            <Named a={a.alarm} />
          </th>
          <td class="n" data-name={t("performance.annunciations")}>{int(a.annunciations)}</td>
          <td data-name={t("performance.share")}>
            <span class="share">
              <meter min={0} max={1} value={a.share} aria-label={percent(a.share)} />
              {percent(a.share)}
            </span>
          </td>
          <td data-name={t("performance.mend")}>
            <Help a={a.alarm} coached={a.coached} />
          </td>
        </tr>
      ))}
    </Listed>
  );
}

export function Chattering({ of }: { of: AlarmPerformance }) {
  const head = (
    <>
      <th scope="col">{t("performance.alarm")}</th>
      <th scope="col" class="n">{t("performance.episodes")}</th>
      <th scope="col" class="n">{t("performance.annunciations")}</th>
      <th scope="col" class="n">{t("performance.in_minute")}</th>
      <th scope="col">{t("performance.mend")}</th>
    </>
  );
  const more = of.chattering_alarms - of.chattering.length;
  return (
    <Listed name={t("performance.chattering")} about={t("performance.chattering_about")} none={t("performance.chattering_none")} rows={of.chattering.length} more={more} head={head} testid="chattering">
      {of.chattering.map((c) => (
        <tr key={c.alarm.id}>
          <th scope="row">
            <Named a={c.alarm} />
          </th>
          <td class="n" data-name={t("performance.episodes")}>{int(c.episodes)}</td>
          <td class="n" data-name={t("performance.annunciations")}>{int(c.annunciations)}</td>
          <td class="n" data-name={t("performance.in_minute")}>{int(c.most_in_minute)}</td>
          <td data-name={t("performance.mend")}>
            <Help a={c.alarm} coached={c.coached} />
          </td>
        </tr>
      ))}
    </Listed>
  );
}

export function Stale({ of }: { of: AlarmPerformance }) {
  const head = (
    <>
      <th scope="col">{t("performance.alarm")}</th>
      <th scope="col">{t("performance.since")}</th>
      <th scope="col">{t("performance.until")}</th>
      <th scope="col" class="n">{t("alarms.duration")}</th>
    </>
  );
  const more = of.stale_alarms - of.stale.length;
  return (
    <Listed name={t("performance.stale")} about={t("performance.stale_about")} none={t("performance.stale_none")} rows={of.stale.length} more={more} head={head} testid="stale">
      {of.stale.map((s) => (
        <tr key={`${s.alarm.id} ${s.since}`}>
          <th scope="row">
            <Named a={s.alarm} />
          </th>
          <td data-name={t("performance.since")}>{dateTime(s.since)}</td>
          <td data-name={t("performance.until")}>{s.until ? dateTime(s.until) : t("performance.stands")}</td>
          <td class="n" data-name={t("alarms.duration")}>{span(Date.parse(s.until ?? of.to) - Date.parse(s.since))}</td>
        </tr>
      ))}
    </Listed>
  );
}

export function Fleeting({ of }: { of: AlarmPerformance }) {
  const head = (
    <>
      <th scope="col">{t("performance.alarm")}</th>
      <th scope="col" class="n">{t("performance.times")}</th>
    </>
  );
  const more = of.fleeting_alarms - of.fleeting.length;
  return (
    <Listed name={t("performance.fleeting")} about={t("performance.fleeting_about")} none={t("performance.fleeting_none")} rows={of.fleeting.length} more={more} head={head} testid="fleeting">
      {of.fleeting.map((f) => (
        <tr key={f.alarm.id}>
          <th scope="row">
            <Named a={f.alarm} />
          </th>
          <td class="n" data-name={t("performance.times")}>{int(f.times)}</td>
        </tr>
      ))}
    </Listed>
  );
}

/** How urgent annunciations were, against what the standards have of the three classes; and how long they waited. */
export function Priorities({ of }: { of: AlarmPerformance }) {
  const { each, high, medium, low } = of.priorities;
  const a = of.acknowledgement;
  const part = (n: number) => (of.annunciations > 0 ? percent(n / of.annunciations) : "–");
  const CLASSES: [string, string, number, string][] = [
    ["high", `1 + 2 (${int(each[0])} + ${int(each[1])})`, high, "5 %"],
    ["medium", "3", medium, "15 %"],
    ["low", "4", low, "80 %"],
  ];
  const facts: [string, string][] = [
    [t("performance.acknowledged"), int(a.acknowledged)],
    [t("performance.median"), a.median_s === null ? "–" : span(a.median_s * 1_000)],
    [t("performance.p90"), a.p90_s === null ? "–" : span(a.p90_s * 1_000)],
    [t("performance.raised_anew"), int(a.raised_anew)],
    [t("performance.waiting"), int(a.waiting)],
  ];
  return (
    <section class="panel" aria-label={t("performance.priorities")}>
      <h2>{t("performance.priorities")}</h2>
      <p class="muted small">{t("performance.priorities_about")}</p>
      <table class="rows cards named" data-testid="priorities">
        <thead>
          <tr>
            <th scope="col">{t("performance.class")}</th>
            <th scope="col">{t("alarms.priority")}</th>
            <th scope="col" class="n">{t("performance.annunciations")}</th>
            <th scope="col" class="n">{t("performance.share")}</th>
            <th scope="col" class="n">{t("performance.about")}</th>
          </tr>
        </thead>
        <tbody>
          {CLASSES.map(([name, of, n, target]) => (
            <tr key={name}>
              <th scope="row">{code("alarm_class", name)}</th>
              <td data-name={t("alarms.priority")}>{of}</td>
              <td class="n" data-name={t("performance.annunciations")}>{int(n)}</td>
              <td class="n" data-name={t("performance.share")}>{part(n)}</td>
              <td class="n" data-name={t("performance.about")}>{target}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <h3>{t("performance.acknowledgement")}</h3>
      <dl class="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <p class="muted small">
        {t("performance.acknowledgement_about")} {of.unascribed > 0 && t("performance.unascribed", { n: num(of.unascribed) })}
      </p>
    </section>
  );
}
