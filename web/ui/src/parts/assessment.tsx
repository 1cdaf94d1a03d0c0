import { useState } from "preact/hooks";
import { get, post, Problem, query, segments } from "../api/client";
import { liveAssessed } from "../api/live";
import { useResource } from "../api/resource";
import type { Assessment, FaultVerdict, HealthHistory, MachineAssessment, MachineDetail, ShaftVerdict } from "../api/types";
import { code, t } from "../i18n";
import { machineTitle, pointTitle } from "../lib/condition";
import { int, num, span, when } from "../lib/format";
import { serverNow } from "../lib/now";
import { href } from "../lib/router";
import { useStore } from "../lib/store";
import { sorted } from "../lib/verdicts";
import { FaultEvidence } from "./fault-evidence";
import { Card } from "./model-card";
import { Allowed } from "./allowed";
import { Spark } from "./marks";
import { NewOrder } from "./new-order";
import { ProblemBox } from "./states";
import { useBarrier } from "../lib/me";
import { Barred } from "./allowed";
import { Advice } from "./unjudged";

const EVERY = 60_000;
const MONTH_MS = 30 * 86_400_000;

/** What is said of a diagnosis; `withdrawn` takes the last back. */
export type Say = (fault: string, judgement: "confirmed" | "dismissed" | "found" | "withdrawn") => void;

/** How a machine is, by all its points together: health and its reasons, faults and their evidence, what is left. */
export function AssessmentPanel({ m }: { m: MachineDetail }) {
  const id = `${m.site}/${m.machine}`;
  const path = `machines/${segments(m.site, m.machine)}`;
  const heard = useStore(liveAssessed).get(id) ?? 0;
  const answer = useResource<MachineAssessment>(`${path} ${heard}`, (s) => get(`${path}/assessment`, s), EVERY);
  const past = useResource<HealthHistory>(`${path} health ${heard}`, (s) =>
    get(`${path}/health${query({ from: new Date(serverNow() - MONTH_MS).toISOString(), limit: 800 })}`, s),
  );
  const [answered, setAnswered] = useState<{ a: Assessment; at: number }>();
  const [kept, setKept] = useState<Assessment>();
  const [working, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const bar = useBarrier("machine.judge");
  const busy = working || bar !== undefined;

  const act = async (what: string, body: unknown) => {
    setBusy(true);
    setProblem(undefined);
    try {
      const said = await post<MachineAssessment>(`${path}/${what}`, body);
      if (said.assessment) setAnswered({ a: said.assessment, at: Date.now() });
    } catch (e) {
      setProblem(e instanceof Problem ? e : new Problem(0, String(e), "", "", ""));
    }
    setBusy(false);
  };
  const fetched = answer.data?.assessment ?? undefined;
  if (fetched && fetched !== kept) setKept(fetched);
  // What an act of ours was answered with is newer than what was asked for before; and while a new answer is on its way,
  // what was known stays.
  const a = answered && answered.at > (answer.at ?? 0) ? answered.a : (fetched ?? kept);
  return (
    <section class="panel assessment" aria-labelledby="assessment-title" data-testid="assessment">
      <h2 id="assessment-title">{t("assessment.title")}</h2>
      {answer.problem && !a && <ProblemBox problem={answer.problem} retry={answer.reload} />}
      {!a && answer.data && <p class="muted">{t("assessment.none")}</p>}
      {a && (
        <>
          <Health m={m} a={a} past={past.data} />
          {a.shafts.map((s) => (
            <Shaft key={s.shaft ?? ""} m={m} s={s} a={a} busy={busy} say={(fault, judgement) => void act("judge", { fault, judgement })} />
          ))}
          <Remaining m={m} a={a} />
          {problem && <ProblemBox problem={problem} />}
          {bar && <Barred why={bar} act="machine.judge" />}
          <Card
            card={a.card}
            busy={busy}
            say={(fault, judgement) => void act("judge", { fault, judgement })}
            maintained={() => void act("maintained", {})}
          />
          <p class="foot muted">{t("assessment.as_of", { time: when(a.t, serverNow()) })}</p>
        </>
      )}
    </section>
  );
}

const nameOf = (m: MachineDetail, point: string): string => {
  const p = m.points.find((p) => p.name === point);
  return p ? pointTitle(p) : point;
};

/** In which of four steps a health is: by shape and word as well as by colour. */
const step = (health: number): "good" | "fair" | "poor" | "bad" =>
  health >= 80 ? "good" : health >= 60 ? "fair" : health >= 30 ? "poor" : "bad";

function Health({ m, a, past }: { m: MachineDetail; a: Assessment; past: HealthHistory | undefined }) {
  const points = (past?.points ?? []).filter((p) => p.health !== null);
  return (
    <div class="health">
      {a.health === null ? (
        <p class="health-none" data-testid="health">
          <b>–</b> <span>{t("assessment.no_health")}</span>
        </p>
      ) : (
        <p class={`health-number h-${step(a.health)}`} data-testid="health">
          <b>{int(a.health)}</b>
          <span class="muted"> / 100</span>
          <span
            class="bar"
            role="meter"
            aria-label={t("assessment.health")}
            aria-valuemin={0}
            aria-valuemax={100}
            aria-valuenow={Math.round(a.health)}
          >
            <i style={{ width: `${a.health}%` }} />
          </span>
          <span>{code("health_step", step(a.health))}</span>
        </p>
      )}
      {points.length > 1 && (
        <span class="health-past" title={t("assessment.past")}>
          <Spark t_ms={points.map((p) => Date.parse(p.t))} v={points.map((p) => p.health ?? 0)} />
        </span>
      )}
      {a.reasons.length > 0 && (
        <ul class="reasons">
          {a.reasons.map((r) => (
            <li key={r.term}>
              <b class="n">−{int(r.lowers)}</b>{" "}
              {r.unjudged
                ? t("assessment.unjudged", { term: code("health", r.term), why: code("refusal", r.unjudged) })
                : code("health", r.term)}
              {r.point && <span class="muted"> · {nameOf(m, r.point)}</span>}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Shaft(props: { m: MachineDetail; s: ShaftVerdict; a: Assessment; busy: boolean; say: Say }) {
  const { m, s, a } = props;
  const several = a.shafts.length > 1;
  const { named, weighed, untold, bearings } = sorted(s.verdicts);
  return (
    <div class="shaft-verdict">
      {several && (
        <h3>
          {s.shaft ? t("assessment.shaft", { shaft: s.shaft }) : t("assessment.a_shaft")}{" "}
          <small class="muted">{num(s.hz * 60, 4)} r/min</small>
        </h3>
      )}
      {s.refused ? (
        <>
          <p class="verdict unknown" data-testid="assessment-refused">
            {t("assessment.refused", { why: code("refusal", s.refused) })}
          </p>
          <Advice codes={[s.refused]} />
        </>
      ) : (
        <>
          {named.length === 0 && (
            <p class={`verdict ${bearings ? "quiet" : "unknown"}`}>
              {s.unknown === "ambiguous"
                ? code("refusal", "ambiguous")
                : t(bearings ? "assessment.nothing" : "assessment.nothing_but_bearings")}
            </p>
          )}
          {named.map((v) => (
            <Named key={`${v.fault} ${v.bearing ?? ""}`} v={v} {...props} />
          ))}
          <Others of={weighed} title={t("assessment.others", { n: int(weighed.length) })} />
          <Others of={untold} title={t("assessment.untold", { faults: untold.map((v) => code("fault", v.fault)).join(t("list.separator")) })} />
          {m.points.length > 0 && (
            <small class="muted">{t("assessment.points", { points: s.points.map((p) => nameOf(m, p)).join(t("list.separator")) })}</small>
          )}
        </>
      )}
    </div>
  );
}

const rivalText = (v: FaultVerdict, rival: string): string =>
  v.standing === "ambiguous"
    ? t("assessment.ambiguous_with", { fault: code("fault", rival) })
    : t("assessment.explained_by", { fault: code("fault", rival) });

const faultText = (v: FaultVerdict): string =>
  v.bearing ? t("verdict.fault", { bearing: v.bearing, fault: code("fault", v.fault) }) : code("fault", v.fault);

function Named({ m, v, a, busy, say }: { m: MachineDetail; v: FaultVerdict; a: Assessment; busy: boolean; say: Say }) {
  const open = a.card.open.includes(v.fault);
  const judged = a.card.judged.find((j) => j.fault === v.fault);
  const [asking, setAsking] = useState(false);
  return (
    <article class="named-fault" data-testid="named" data-fault={v.fault}>
      <p class="verdict abnormal">
        {faultText(v)} <small>{code("standing", v.standing)}</small>
      </p>
      <Score v={v} />
      <p class="buttons">
        {open ? (
          <>
            <button type="button" disabled={busy} onClick={() => say(v.fault, "confirmed")} data-testid="confirm">
              {t("assessment.confirm")}
            </button>
            <button type="button" disabled={busy} onClick={() => say(v.fault, "dismissed")} data-testid="dismiss">
              {t("assessment.dismiss")}
            </button>
          </>
        ) : (
          judged && (
            <>
              <span class="muted">{t("assessment.judged_by", { judgement: code("judgement", judged.judgement), by: judged.by })}</span>
              <button type="button" class="link" disabled={busy} onClick={() => say(v.fault, "withdrawn")} data-testid="withdraw">
                {t("assessment.withdraw")}
              </button>
            </>
          )
        )}
        <Allowed act="work_order.open" quiet>
          <button type="button" onClick={() => setAsking(true)} data-testid="fault-order">
            {t("work.new")}
          </button>
        </Allowed>
        {v.point && <a href={href(["vibration", m.site, m.machine, ...v.point.split("/")])}>{t("diagnosis.open")}</a>}
      </p>
      <details>
        <summary>{t("assessment.evidence")}</summary>
        <FaultEvidence v={v} />
      </details>
      {asking && (
        <NewOrder
          machine={m}
          title={`${machineTitle(m)}: ${faultText(v)}`.slice(0, 200)}
          because={{ fault: v.fault }}
          close={() => setAsking(false)}
        />
      )}
    </article>
  );
}

function Other({ v }: { v: FaultVerdict }) {
  return (
    <details class="other">
      <summary>
        {faultText(v)} <b class="n">{num(v.score, 2)}</b>{" "}
        <small class="muted">
          {v.rival
            ? rivalText(v, v.rival)
            : code("standing", v.standing)}
        </small>
      </summary>
      <FaultEvidence v={v} />
    </details>
  );
}

function Others({ of, title }: { of: FaultVerdict[]; title: string }) {
  if (of.length === 0) return null;
  return (
    <details class="others">
      <summary>{title}</summary>
      {of.map((v) => (
        <Other key={`${v.fault} ${v.bearing ?? ""}`} v={v} />
      ))}
    </details>
  );
}

/** The score between what it is and what it could be at most with what is known. */
function Score({ v }: { v: FaultVerdict }) {
  return (
    <p class="score">
      <span class="bar" aria-hidden="true">
        <i class="attainable" style={{ width: `${100 * v.attainable}%` }} />
        <i style={{ width: `${100 * v.score}%` }} />
        <em style={{ left: "60%" }} />
        <em style={{ left: "80%" }} />
      </span>
      <span>{t("assessment.score", { score: num(v.score, 2), attainable: num(v.attainable, 2) })}</span>
    </p>
  );
}

function Remaining({ m, a }: { m: MachineDetail; a: Assessment }) {
  const r = a.remaining;
  if (!r) {
    if (!a.remaining_refused || a.remaining_refused === "no_onset") return null;
    return <p class="remaining muted">{t("assessment.remaining_refused", { why: code("refusal", a.remaining_refused) })}</p>;
  }
  // As of now, not as of the record.
  const gone = Math.max(0, (serverNow() - Date.parse(a.t)) / 1000);
  const left = (s: number) => (s > gone ? span((s - gone) * 1000) : t("assessment.any_time"));
  return (
    <div class="remaining" data-testid="remaining">
      <h3>{t("assessment.remaining")}</h3>
      <p>
        <b>{left(r.p50_s)}</b> <span class="muted">{t("assessment.bounds", { low: left(r.p10_s), high: left(r.p90_s) })}</span>
      </p>
      <small class="muted">
        {[nameOf(m, r.point), t("assessment.looks", { n: int(r.looks) }), ...r.codes.map((c) => code("prognosis", c))].join(" · ")}
      </small>
    </div>
  );
}
