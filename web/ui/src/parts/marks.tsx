import type { AlarmState, MachineStatus, PriorityNumber, ZoneLetter } from "../api/types";
import { code, t } from "../i18n";

/** The shapes of the four priorities: octagon, triangle, diamond, circle; each also carries its digit. */
const SHAPES: Record<PriorityNumber, preact.JSX.Element> = {
  1: <path d="M7 1.5h10L22.5 7v10L17 22.5H7L1.5 17V7z" />,
  2: <path d="M12 1.6 23 21.5H1z" />,
  3: <path d="M12 .9 23.1 12 12 23.1.9 12z" />,
  4: <circle cx="12" cy="12" r="10.4" />,
};

export function PriorityMark(props: { priority: PriorityNumber; state?: AlarmState; label?: string; size?: "s" | "m" }) {
  const { priority, state } = props;
  const label = props.label ?? code("priority", String(priority));
  return (
    <svg
      class={`mark p${priority} ${state ?? "unacknowledged"} ${props.size ?? "m"}`}
      viewBox="-0.5 -0.5 25 25"
      role="img"
      aria-label={label}
    >
      <title>{label}</title>
      <g class="shape">{SHAPES[priority]}</g>
      <text x="12" y={priority === 2 ? 18.6 : 16.4} text-anchor="middle" aria-hidden="true">
        {priority}
      </text>
    </svg>
  );
}

/** A severity zone as its letter. A and B stay grey: nothing is abnormal there. */
export function ZoneMark({ zone, testid }: { zone: ZoneLetter | null | undefined; testid?: string }) {
  const name = zone ? code("zone", zone) : t("zone.none");
  return (
    <span class={`zone z${zone ?? "none"}`} data-testid={testid} data-zone={zone ?? ""} title={name}>
      <span aria-hidden="true">{zone ?? "–"}</span>
      <span class="sr">{name}</span>
    </span>
  );
}

const GLYPHS: Record<MachineStatus | "partly", string> = {
  normal: "M5 12.5l4.5 4.5L19 7.5",
  alarm: "M12 4v10M12 18v1.5",
  stale: "M12 6v6.5l4 2.5M12 2.5a9.5 9.5 0 1 0 0 19a9.5 9.5 0 1 0 0-19",
  offline: "M5 5l14 14M19 5L5 19",
  no_data: "M5 12h14",
  partly: "M4 12h4M10 12h4M16 12h4",
  unjudged: "M7 5H4.5v14H7M17 5h2.5v14H17",
  sensor: "M9 9a3.2 3.2 0 1 1 4.6 2.9c-1 .5-1.6 1.2-1.6 2.6M12 18v1.2",
};

/** A machine's state in one word, with a glyph of its own so that the word is not told by colour alone. */
export function StatusWord({ status, partly }: { status: MachineStatus; partly?: boolean | undefined }) {
  // Nothing is ticked off that was judged by half.
  const half = status === "normal" && partly;
  return (
    <span class={`status-word s-${status}`}>
      <svg viewBox="0 0 24 24" aria-hidden="true">
        <path d={GLYPHS[half ? "partly" : status]} />
      </svg>
      {code("status", status)}
      {half && <span class="muted"> {t("machine.partly")}</span>}
    </span>
  );
}

/** A small trend without axes; the number beside it tells the value, so it is hidden from readers. Gaps stay gaps. */
export function Spark({ t_ms, v }: { t_ms: number[]; v: number[] }) {
  if (v.length < 2) return <svg class="spark" viewBox="0 0 100 24" aria-hidden="true" />;
  const t0 = t_ms[0]!;
  const t1 = t_ms[t_ms.length - 1]!;
  const high = Math.max(...v) * 1.1 || 1;
  const steps = t_ms.slice(1).map((x, i) => x - t_ms[i]!);
  const typical = [...steps].sort((a, b) => a - b)[Math.floor(steps.length / 2)] ?? 0;
  let d = "";
  v.forEach((y, i) => {
    const x = ((t_ms[i]! - t0) / Math.max(1, t1 - t0)) * 100;
    const gap = i === 0 || t_ms[i]! - t_ms[i - 1]! > 2.5 * typical;
    d += `${gap ? "M" : "L"}${x.toFixed(1)} ${(23 - (y / high) * 22).toFixed(1)}`;
  });
  return (
    <svg class="spark" viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true">
      <path d={d} />
    </svg>
  );
}
