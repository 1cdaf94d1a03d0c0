import type { Diagnosis, Hypothesis, MachineDetail, PointDetail } from "../api/types";
import { code, t } from "../i18n";
import { pointTitle } from "../lib/condition";
import { num, quantity, when } from "../lib/format";
import { serverNow } from "../lib/now";
import { href } from "../lib/router";
import { ZoneMark } from "./marks";
import { AdviceOn, familyOf, precise } from "./unjudged";

export const codesText = (family: string, codes: string[]): string =>
  codes.map((c) => code(family, c)).join(t("list.separator"));

/** Why something is not there: refusals, among which may stand what is wrong with the sensor. */
export const whyText = (codes: string[]): string => precise(codes).map((c) => code(familyOf(c), c)).join(t("list.separator"));

/** The verdict in one sentence; what could not be judged is said, never shown as healthy. */
export function verdict(d: Diagnosis): { text: string; abnormal: boolean; unknown: boolean } {
  if (!d.sensor.healthy) {
    return { text: t("verdict.sensor", { codes: codesText("sensor", d.sensor.codes) }), abnormal: false, unknown: true };
  }
  if ("refused" in d.bearing) {
    return { text: t("verdict.refused", { codes: whyText(d.bearing.refused) }), abnormal: false, unknown: true };
  }
  const best = d.bearing.hypotheses[0];
  if (best && best.statistic > d.bearing.threshold) {
    const text = t("verdict.fault", { bearing: best.bearing, fault: code("fault", best.fault) });
    return { text, abnormal: true, unknown: false };
  }
  return { text: t("verdict.none"), abnormal: false, unknown: false };
}

/** What was concluded from a point's latest record, with the way to its spectrum. */
export function DiagnosisCard({ m, p }: { m: MachineDetail; p: PointDetail }) {
  const d = p.diagnosis;
  const link = href(["vibration", m.site, m.machine, ...p.name.split("/")], { wf: d?.waveform });
  return (
    <section class="panel diagnosis" aria-label={`${t("diagnosis.title")} ${pointTitle(p)}`}>
      <h2>
        <span class="muted">{t("diagnosis.title")}</span> {pointTitle(p)}
      </h2>
      {d ? (
        <>
          <Verdict d={d} />
          <ZoneLine d={d} />
          <AdviceOn d={d} />
          {"hypotheses" in d.bearing && verdict(d).abnormal && <Hypotheses of={d.bearing.hypotheses.slice(0, 3)} />}
          <p class="foot muted">
            {when(d.t, serverNow())} · <a href={link}>{t("diagnosis.open")}</a>
          </p>
        </>
      ) : (
        <p class="muted">
          {t("diagnosis.none")} <a href={link}>{t("diagnosis.records")}</a>
        </p>
      )}
    </section>
  );
}

export function Verdict({ d }: { d: Diagnosis }) {
  const v = verdict(d);
  return (
    <p class={`verdict ${v.abnormal ? "abnormal" : v.unknown ? "unknown" : "quiet"}`} data-testid="verdict">
      {v.text}
    </p>
  );
}

export function ZoneLine({ d }: { d: Diagnosis }) {
  if ("refused" in d.zone) {
    return (
      <p class="zone-line">
        <ZoneMark zone={null} /> {t("verdict.no_zone", { codes: whyText(d.zone.refused) })}
      </p>
    );
  }
  return (
    <p class="zone-line">
      <ZoneMark zone={d.zone.zone} /> {quantity(d.zone.velocity_mm_s, "mm/s")}{" "}
      <small class="muted">
        {d.zone.boundaries.map((b) => num(b)).join(" / ")} · {d.zone.basis}
      </small>
    </p>
  );
}

/** Each hypothesis as a bar against its threshold, with the numbers beside it. */
export function Hypotheses({ of, shown, toggle }: { of: Hypothesis[]; shown?: Set<string>; toggle?: (h: Hypothesis) => void }) {
  if (of.length === 0) return null;
  const top = Math.max(...of.map((h) => Math.max(h.statistic, h.threshold))) * 1.05;
  return (
    <table class="hypotheses">
      <thead>
        <tr>
          <th scope="col">{t("diagnosis.hypothesis")}</th>
          <th scope="col" class="n">T</th>
          <th scope="col">
            <span class="sr">{t("diagnosis.against_threshold")}</span>
          </th>
          <th scope="col" class="n">Hz</th>
        </tr>
      </thead>
      <tbody>
        {of.map((h) => {
          const over = h.statistic > h.threshold;
          const name = `${h.bearing} ${code("fault", h.fault)}`;
          const w = (v: number) => (100 * Math.max(0, v)) / top;
          return (
            <tr key={name} class={over ? "over" : ""} data-testid="hypothesis" data-fault={h.fault} data-over={over}>
              <th scope="row">
                {toggle ? (
                  <label class="check">
                    <input type="checkbox" checked={shown?.has(faultKey(h)) ?? false} onChange={() => toggle(h)} />
                    {name}
                  </label>
                ) : (
                  name
                )}
              </th>
              <td class="n">{num(h.statistic)}</td>
              <td class="bar">
                <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
                  <rect class="t" x="0" y="2" height="6" width={w(h.statistic)} />
                  <path d={`M${w(h.threshold)} 0V10`} />
                </svg>
                <span class="sr">
                  {t(over ? "diagnosis.over" : "diagnosis.under", { threshold: num(h.threshold) })}
                </span>
              </td>
              <td class="n">{num(h.hz, 4)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

export const faultKey = (h: { bearing?: string | null; fault?: string; label?: string }): string =>
  `${h.bearing ?? ""}.${h.fault ?? h.label ?? ""}`;
