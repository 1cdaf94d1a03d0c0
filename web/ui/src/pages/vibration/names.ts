import { code, t } from "../../i18n";
import type { Explanation } from "../../lib/marks";

/** A kind of line with its bearing. */
export const groupName = (g: { label: string; bearing?: string | null }): string =>
  `${g.bearing ? `${g.bearing} ` : ""}${code("fault", g.label)}`;

export const lineName = (l: { label: string; bearing?: string | null; harmonic: number }): string =>
  `${groupName(l)} ${l.harmonic}×`;

/** `outer race 2× − 1× shaft`. */
export function explanation(e: Explanation): string {
  if (e.side === 0) return lineName(e);
  return `${lineName(e)} ${e.side > 0 ? "+" : "−"} ${Math.abs(e.side)}× ${code("fault", "shaft")}`;
}

export const axisLabel = (axis: "hz" | "cpm" | "order"): string =>
  axis === "hz" ? "Hz" : axis === "cpm" ? "r/min" : t("vibration.order");
