import type { Spectra } from "../../api/types";
import { code } from "../../i18n";
import { slipped, type Group } from "../../lib/marks";
import { faultKey } from "../../parts/diagnosis";
import type { VLine } from "../../parts/line-chart";
import { groupName } from "./names";
import type { Subject } from "./record";

/** The lines of the groups that are shown; what is over its threshold stands out. */
export function faultLines(s: Spectra, shown: Group[], slip: number | undefined, unitHz: number): VLine[] {
  const over = new Set(s.hypotheses.filter((h) => h.statistic > h.threshold).map(faultKey));
  return shown.flatMap((g) =>
    g.lines.map((l): VLine => {
      const shaft = g.label === "shaft";
      const text = l.harmonic === 1 ? (shaft ? code("fault", "shaft") : `${groupName(g)} 1×`) : shaft ? "" : `${l.harmonic}×`;
      return { x: slipped(l, slip) / unitHz, text, kind: shaft ? "shaft" : over.has(g.key) ? "fault-over" : "fault" };
    }),
  );
}

const MULTIPLES = 3;

/** What is marked in an amplitude spectrum: the shaft, and what is no bearing (those show in the envelope). */
export function shaftLines({ s, groups, drawn }: Subject, unitHz: number): VLine[] {
  const shaft = s.shaft_hz ?? 0;
  const own: VLine[] =
    shaft > 0
      ? Array.from({ length: MULTIPLES }, (_, i) => ({ x: ((i + 1) * shaft) / unitHz, kind: "shaft", text: i === 0 ? "1×" : "" }))
      : [];
  const others = groups.filter((g) => drawn.has(g.key) && g.label !== "shaft" && !g.canSlip);
  return [...own, ...faultLines(s, others, undefined, unitHz)];
}
