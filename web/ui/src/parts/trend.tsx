import { useMemo, useState } from "preact/hooks";
import uPlot from "uplot";
import { get, query } from "../api/client";
import { useResource } from "../api/resource";
import type { Buckets, Limits } from "../api/types";
import { code, t } from "../i18n";
import { clock, clockShort, dateTime, day, num, plantZone, quantity } from "../lib/format";
import type { Band } from "../lib/compare";
import { alone, gapLimit, withGaps } from "../lib/gaps";
import { lang, theme } from "../lib/prefs";
import { verticalRange } from "../lib/range";
import { useStore } from "../lib/store";
import { axis, canvasFont, drawUnits, hatch, ink, Plot, plantDate } from "./plot";
import { Empty, Guarded } from "./states";

export interface TrendProps {
  point: string;
  indicator?: string | null;
  unit?: string | null;
  /** Window, ms since 1970; where `to` is left out it ends now and moves on. */
  from?: number;
  to?: number;
  /** Length of a moving window, ms. */
  range: number;
  periodMs?: number | null;
  limits?: Limits;
  /** A/B, B/C, C/D, in the unit: drawn as bands. */
  boundaries?: readonly number[];
  /** An instant to mark, ms. */
  mark?: number;
  /** Instants to number, ms: what stands beside the chart tells of them. */
  flags?: readonly number[];
  /** When alarms of it held. */
  bands?: readonly Band[];
  /** Charts of one key show the same instant under the pointer. */
  sync?: string;
  label: string;
  height?: number;
  onZoom?: (from: number, to: number) => void;
}

interface Answer {
  buckets: Buckets;
  from: number;
  to: number;
}

export function Trend(props: TrendProps) {
  const { point, indicator, from, to, range } = props;
  const every = to === undefined ? Math.min(60_000, Math.max(3_000, range / 600)) : undefined;
  const key = `${point}\n${indicator ?? ""}\n${from ?? ""}\n${to ?? ""}\n${range}`;
  const answer = useResource<Answer>(
    key,
    async (signal) => {
      const end = to ?? Date.now();
      const begin = to !== undefined && from !== undefined ? from : end - range;
      const iso = (ms: number) => new Date(ms).toISOString();
      const q = query({ point, indicator, from: iso(begin), to: iso(end), buckets: 600 });
      return { buckets: await get<Buckets>(`series/buckets${q}`, signal), from: begin, to: end };
    },
    every,
  );
  return (
    <Guarded of={answer} every={every ?? Infinity}>
      {(a) => <TrendChart {...props} answer={a} />}
    </Guarded>
  );
}

function TrendChart(props: TrendProps & { answer: Answer }) {
  const { answer, limits, boundaries, height = 230 } = props;
  const { buckets, from, to } = answer;
  const look = [useStore(theme), useStore(lang), useStore(plantZone), props.point, props.indicator, props.unit, props.mark]
    .concat(JSON.stringify([limits, boundaries, props.flags, props.bands]))
    .join("\n");
  const [hover, setHover] = useState<number | null>(null);

  const gapped = useMemo(() => {
    const limit = gapLimit(buckets.width_ms, props.periodMs, buckets.t_ms);
    return withGaps(buckets.t_ms, [buckets.max, buckets.min, buckets.mean], limit, from, to);
  }, [answer, props.periodMs]);
  // The hooks of a living chart see what is current through this.
  const current = useMemo(() => ({ gapped, from, to }), []);
  Object.assign(current, { gapped, from, to });
  const data = useMemo(() => [gapped.x, ...gapped.columns] as uPlot.AlignedData, [gapped]);

  const missing = buckets.missing && (
    <p class="muted" role="status" data-testid="trend-missing">
      {code("missing", buckets.missing)}
    </p>
  );
  if (buckets.t_ms.length === 0) return missing || <Empty text={t("trend.empty")} />;
  const unit = props.unit ?? buckets.unit ?? "";
  return (
    <figure class="trend">
      <Plot
        look={look}
        height={height}
        label={props.label}
        testid="trend-chart"
        data={data}
        options={() => trendOptions(props, unit, current, setHover)}
      />
      <figcaption class="readout">{readout(gapped, hover, unit)}</figcaption>
      {missing}
      <TrendTable buckets={buckets} unit={unit} label={props.label} />
    </figure>
  );
}

function readout(g: { x: number[]; columns: (number | null)[][] }, hover: number | null, unit: string): string {
  const i = hover ?? g.x.length - 1;
  const [max, min, mean] = g.columns.map((c) => c[i] ?? null);
  const at = g.x[i];
  if (at === undefined) return "";
  if (mean === null) return `${dateTime(at * 1000)} · ${t("trend.no_data")}`;
  return `${dateTime(at * 1000)} · ${t("trend.mean")} ${quantity(mean, unit, 4)} · ${t("trend.min")} ${num(min, 4)} · ${t("trend.max")} ${num(max, 4)}`;
}

/** The same in rows: at most some forty, each the extremes of its share of the window. */
function TrendTable({ buckets: b, unit, label }: { buckets: Buckets; unit: string; label: string }) {
  const size = Math.max(1, Math.ceil(b.t_ms.length / 40));
  const rows: { t: number; min: number; mean: number; max: number; n: number }[] = [];
  for (let i = 0; i < b.t_ms.length; i += size) {
    const end = Math.min(i + size, b.t_ms.length);
    let [min, max, sum, n] = [Infinity, -Infinity, 0, 0];
    for (let k = i; k < end; k++) {
      min = Math.min(min, b.min[k]!);
      max = Math.max(max, b.max[k]!);
      sum += b.mean[k]! * b.count[k]!;
      n += b.count[k]!;
    }
    rows.push({ t: b.t_ms[i]!, min, max, mean: sum / Math.max(1, n), n });
  }
  return (
    <details class="as-table">
      <summary>{t("chart.as_table")}</summary>
      <div class="scroll" tabIndex={0} role="region" aria-label={label}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t("trend.from")}</th>
              <th scope="col" class="n">{`${t("trend.mean")}${unit && ` / ${unit}`}`}</th>
              <th scope="col" class="n">{t("trend.min")}</th>
              <th scope="col" class="n">{t("trend.max")}</th>
              <th scope="col" class="n">{t("trend.count")}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((r) => (
              <tr key={r.t}>
                <td>{dateTime(r.t)}</td>
                <td class="n">{num(r.mean, 4)}</td>
                <td class="n">{num(r.min, 4)}</td>
                <td class="n">{num(r.max, 4)}</td>
                <td class="n">{r.n}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

const LIMIT_INK: Record<string, string> = { hh: "p1", h: "p2", l: "p2", ll: "p1" };

function trendOptions(
  props: TrendProps,
  unit: string,
  current: { gapped: { holes: [number, number][] }; from: number; to: number },
  setHover: (i: number | null) => void,
): Omit<uPlot.Options, "width" | "height"> {
  const { limits, boundaries } = props;
  return {
    tzDate: plantDate(),
    legend: { show: false },
    padding: [20, 16, 0, 4],
    cursor: {
      y: false,
      drag: { x: true, y: false, dist: 6, setScale: false },
      points: { size: 6 },
      ...(props.sync && { sync: { key: props.sync } }),
    },
    scales: {
      x: { time: true, range: () => [current.from / 1000, current.to / 1000] },
      y: { range: (_, low, high) => verticalRange(low ?? 0, high ?? 1, limits, boundaries) },
    },
    series: [
      {},
      { stroke: "transparent", width: 0, points: { show: false } },
      { stroke: "transparent", width: 0, points: { show: false } },
      { stroke: ink("trace"), width: 1.5, points: { show: true, size: 6, fill: ink("trace"), filter: (u) => alone(u.data[3]!) } },
    ],
    bands: [{ series: [1, 2], fill: ink("trace-band") }],
    axes: [
      axis({
        space: 90,
        values: (_, splits, __, ___, step) =>
          splits.map((s, i) => {
            if (step >= 86_400) return day(s * 1000);
            const text = step < 60 ? clock(s * 1000) : clockShort(s * 1000);
            const newDay = i === 0 || day(s * 1000) !== day(splits[i - 1]! * 1000);
            return newDay ? `${text}\n${day(s * 1000)}` : text;
          }),
        size: 44,
      }),
      axis({ size: 52, space: 26 }),
    ],
    hooks: {
      setCursor: [(u) => setHover(u.cursor.idx ?? null)],
      setSelect: [
        (u) => {
          if (u.select.width < 4) return;
          const [a, b] = [u.select.left, u.select.left + u.select.width].map((p) => u.posToVal(p, "x") * 1000);
          u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
          if (a !== undefined && b !== undefined) props.onZoom?.(Math.round(a), Math.round(b));
        },
      ],
      drawClear: [(u) => (drawZones(u, boundaries), drawHoles(u, current.gapped.holes), drawBands(u, props.bands))],
      draw: [(u) => (drawLimits(u, limits), drawMark(u, props.mark), drawFlags(u, props.flags), drawUnits(u, "", unit))],
    },
  };
}

function drawZones(u: uPlot, boundaries: readonly number[] | undefined): void {
  if (!boundaries?.length) return;
  const { ctx, bbox } = u;
  const top = (v: number) => Math.max(bbox.top, Math.min(bbox.top + bbox.height, u.valToPos(v, "y", true)));
  const edges = [0, ...boundaries, Infinity];
  ctx.save();
  ctx.font = canvasFont();
  ctx.textAlign = "right";
  ctx.textBaseline = "top";
  ["A", "B", "C", "D"].forEach((name, i) => {
    const y0 = top(edges[i]!);
    const y1 = edges[i + 1] === Infinity ? bbox.top : top(edges[i + 1]!);
    if (y0 - y1 < 1) return;
    ctx.fillStyle = ink(`zone-${name.toLowerCase()}`);
    ctx.fillRect(bbox.left, y1, bbox.width, y0 - y1);
    if (y0 - y1 > 14 * devicePixelRatio) {
      ctx.fillStyle = ink("ink-2");
      ctx.fillText(name, bbox.left + bbox.width - 5 * devicePixelRatio, y1 + 3 * devicePixelRatio);
    }
  });
  ctx.restore();
}

/** A bar along the top for each time in which an alarm held: its colour is that of its priority, its digit stands in it. */
function drawBands(u: uPlot, bands: readonly Band[] | undefined): void {
  const { ctx, bbox } = u;
  const high = 9 * devicePixelRatio;
  ctx.save();
  ctx.font = canvasFont();
  ctx.textBaseline = "middle";
  for (const b of bands ?? []) {
    const left = Math.max(bbox.left, u.valToPos(b.from / 1000, "x", true));
    const right = Math.min(bbox.left + bbox.width, u.valToPos(b.to / 1000, "x", true));
    if (right < left) continue;
    ctx.fillStyle = ink(`p${b.priority}`);
    ctx.globalAlpha = 0.12;
    ctx.fillRect(left, bbox.top, Math.max(right - left, devicePixelRatio), bbox.height);
    ctx.globalAlpha = 1;
    ctx.fillRect(left, bbox.top - high, Math.max(right - left, 2 * devicePixelRatio), high);
    if (right - left > 14 * devicePixelRatio) {
      ctx.fillStyle = ink(`p${b.priority}-ink`);
      ctx.fillText(String(b.priority), left + 4 * devicePixelRatio, bbox.top - high / 2);
    }
  }
  ctx.restore();
}

function drawFlags(u: uPlot, flags: readonly number[] | undefined): void {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.font = canvasFont();
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  flags?.forEach((t, i) => {
    const x = u.valToPos(t / 1000, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) return;
    drawMark(u, t);
    const y = bbox.top + bbox.height - 9 * devicePixelRatio;
    ctx.fillStyle = ink("ink");
    ctx.beginPath();
    ctx.arc(x, y, 8 * devicePixelRatio, 0, 2 * Math.PI);
    ctx.fill();
    ctx.fillStyle = ink("panel");
    ctx.fillText(String(i + 1), x, y);
  });
  ctx.restore();
}

function drawHoles(u: uPlot, holes: [number, number][]): void {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.fillStyle = hatch(ctx);
  for (const [a, b] of holes) {
    const left = u.valToPos(a / 1000, "x", true);
    const right = u.valToPos(b / 1000, "x", true);
    ctx.fillRect(left, bbox.top, right - left, bbox.height);
    if (right - left > 70 * devicePixelRatio) {
      const text = t("trend.no_data");
      ctx.font = canvasFont();
      ctx.textAlign = "center";
      const w = ctx.measureText(text).width + 12 * devicePixelRatio;
      const [x, y] = [(left + right) / 2, bbox.top + bbox.height / 2];
      ctx.fillStyle = ink("panel");
      ctx.fillRect(x - w / 2, y - 10 * devicePixelRatio, w, 18 * devicePixelRatio);
      ctx.fillStyle = ink("ink-2");
      ctx.fillText(text, x, y + 3 * devicePixelRatio);
      ctx.fillStyle = hatch(ctx);
    }
  }
  ctx.restore();
}

function drawLimits(u: uPlot, limits: Limits | undefined): void {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.font = canvasFont();
  ctx.textBaseline = "bottom";
  for (const [name, v] of Object.entries(limits ?? {})) {
    if (typeof v !== "number") continue;
    const y = u.valToPos(v, "y", true);
    if (y < bbox.top || y > bbox.top + bbox.height) continue;
    ctx.strokeStyle = ink(LIMIT_INK[name] ?? "ink-2");
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.fillStyle = ink("ink-2");
    ctx.fillText(`${code("limit", name)} ${num(v)}`, bbox.left + 5 * devicePixelRatio, y - devicePixelRatio);
  }
  ctx.restore();
}

function drawMark(u: uPlot, mark: number | undefined): void {
  if (mark === undefined) return;
  const { ctx, bbox } = u;
  const x = u.valToPos(mark / 1000, "x", true);
  if (x < bbox.left || x > bbox.left + bbox.width) return;
  ctx.save();
  ctx.strokeStyle = ink("ink");
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([2 * devicePixelRatio, 2 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}
