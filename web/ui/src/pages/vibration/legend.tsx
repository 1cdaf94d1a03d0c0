import { useMemo } from "preact/hooks";
import type { Hypothesis, Spectra } from "../../api/types";
import { t } from "../../i18n";
import { num } from "../../lib/format";
import { groups as grouped, SLIP, type Group } from "../../lib/marks";
import { setQuery } from "../../lib/router";
import { whyText, faultKey, Hypotheses } from "../../parts/diagnosis";
import { groupName } from "./names";
import type { Subject } from "./record";

export const useGroups = (s: Spectra, slip: number | undefined): Group[] =>
  useMemo(() => grouped(s.envelope.lines, slip), [s, slip]);

/** Which lines are drawn: those the link names, else those of what is over its threshold, else of the best; and the shaft. */
export function drawnKeys(s: Spectra, of: Group[], wanted: string | undefined): Set<string> {
  if (wanted === "none") return new Set();
  if (wanted !== undefined) return new Set(wanted.split("~"));
  const over = s.hypotheses.filter((h) => h.statistic > h.threshold);
  const best = over.length > 0 ? over.slice(0, 1) : s.hypotheses.slice(0, 1);
  const keys = new Set(best.map(faultKey));
  // A ball may be seen by the lines of its cage.
  for (const h of best) if (!of.some((g) => g.key === faultKey(h))) nearest(of, h).forEach((g) => keys.add(g.key));
  for (const g of of) if (g.label === "shaft") keys.add(g.key);
  return keys;
}

const nearest = (of: Group[], h: Hypothesis): Group[] =>
  of.filter((g) => g.bearing === h.bearing && Math.abs(g.fundamental / h.hz - 1) < 1e-3);

/** What was weighed, and which lines are drawn where. */
export function Legend({ subject: { s, b, groups, drawn } }: { subject: Subject }) {
  const toggle = (key: string) => {
    const next = new Set(drawn);
    if (!next.delete(key)) next.add(key);
    setQuery({ faults: next.size > 0 ? [...next].join("~") : "none" });
  };
  const weighed = new Set(s.hypotheses.map(faultKey));
  const others = groups.filter((g) => !weighed.has(g.key));
  return (
    <section class="panel" aria-label={t("diagnosis.weighed")}>
      {s.hypotheses.length > 0 ? (
        <Hypotheses of={s.hypotheses} shown={drawn} toggle={(h) => toggle(faultKey(h))} />
      ) : (
        <p class="verdict unknown">{t("verdict.refused", { codes: whyText(s.refused) })}</p>
      )}
      {others.length > 0 && (
        <div class="line-toggles" role="group" aria-label={t("bench.other_lines")}>
          {others.map((g) => (
            <label key={g.key} class="check">
              <input type="checkbox" checked={drawn.has(g.key)} onChange={() => toggle(g.key)} />
              {groupName(g)} <small class="muted">{num(g.fundamental, 4)} Hz</small>
            </label>
          ))}
        </div>
      )}
      {groups.some((g) => g.canSlip) && <Slip slip={b.slip} />}
    </section>
  );
}

const PERCENT = 100;

function Slip({ slip }: { slip: number | undefined }) {
  return (
    <div class="slip">
      <label>
        {t("bench.slip")}{" "}
        <input
          type="range"
          data-testid="slip"
          min={SLIP[0] * PERCENT}
          max={SLIP[1] * PERCENT}
          step="0.05"
          value={(slip ?? 0) * PERCENT}
          onInput={(e) => setQuery({ slip: Number(e.currentTarget.value) })}
        />
      </label>
      <output>{slip === undefined ? t("bench.slip_found") : `${num(slip * PERCENT, 3)} %`}</output>
      {slip !== undefined && (
        <button type="button" class="quiet" onClick={() => setQuery({ slip: null })}>
          {t("bench.slip_as_found")}
        </button>
      )}
    </div>
  );
}
