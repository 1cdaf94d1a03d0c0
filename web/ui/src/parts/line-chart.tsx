import { useMemo } from "preact/hooks";
import type uPlot from "uplot";
import { lang, theme } from "../lib/prefs";
import { logRange } from "../lib/range";
import { snap } from "../lib/spectrum";
import { useStore } from "../lib/store";
import { axis, canvasFont, drawUnits, ink, Plot } from "./plot";

/** A vertical line to draw: a fault's frequency, a shaft order, a cursor. */
export interface VLine {
  /** Position on the axis as drawn. */
  x: number;
  text?: string;
  kind: "fault" | "fault-over" | "shaft" | "cursor" | "harmonic";
}

const STROKE: Record<VLine["kind"], { ink: string; dash: number[]; width: number }> = {
  fault: { ink: "ink-2", dash: [5, 3], width: 1.2 },
  "fault-over": { ink: "fault", dash: [], width: 1.6 },
  shaft: { ink: "ink-2", dash: [2, 3], width: 1 },
  cursor: { ink: "cursor", dash: [], width: 1.5 },
  harmonic: { ink: "cursor", dash: [3, 3], width: 1 },
};

/**
 * One curve over an evenly spaced axis. `step` is the distance of two values on the axis as drawn (Hz, orders or
 * seconds); a click picks the highest value near the pointer, a drag zooms.
 */
export function LineChart(props: {
  y: ArrayLike<number>;
  step: number;
  window: [number, number];
  xLabel: string;
  yLabel: string;
  log?: boolean;
  /** A horizontal line with a meaning of its own, such as the floor of an envelope spectrum. */
  floor?: number;
  lines: VLine[];
  label: string;
  height: number;
  testid?: string;
  /** Charts with the same name move their pointers together. */
  sync?: string;
  onPick?: (x: number) => void;
  onZoom?: (from: number, to: number) => void;
  onReset?: () => void;
  onHover?: (index: number | null) => void;
}) {
  const { y, step } = props;
  const data = useMemo(() => {
    const x = new Float64Array(y.length);
    for (let i = 0; i < x.length; i++) x[i] = i * step;
    return [x, y] as unknown as uPlot.AlignedData;
  }, [y, step]);
  const current = useMemo(() => ({ props }), []);
  current.props = props;

  const look = [useStore(theme), useStore(lang), props.log, props.xLabel, props.yLabel, props.sync, y.length, step]
    .concat(props.window.join("-"), JSON.stringify(props.lines))
    .join("\n");
  return (
    <Plot
      look={look}
      height={props.height}
      label={props.label}
      {...(props.testid ? { testid: props.testid } : {})}
      data={data}
      options={() => options(current)}
    />
  );
}

type Current = { props: Parameters<typeof LineChart>[0] };

function options(current: Current): Omit<uPlot.Options, "width" | "height"> {
  const { props } = current;
  return {
    legend: { show: false },
    padding: [18, 22, 0, 4],
    cursor: {
      y: false,
      points: { size: 6 },
      drag: { x: true, y: false, dist: 6, setScale: false },
      ...(props.sync ? { sync: { key: props.sync, scales: ["x", null] } } : {}),
      bind: { dblclick: () => () => (current.props.onReset?.(), null) },
    },
    scales: {
      x: { time: false, range: () => current.props.window },
      y: props.log
        ? { distr: 3, range: (_, low, high) => logRange(low, high) }
        : { range: (_, low, high) => [Math.min(0, (low ?? 0) * 1.1), (high || 1) * 1.1] },
    },
    series: [{}, { stroke: ink("trace"), width: 1.1, points: { show: false } }],
    axes: [axis({ size: 28, space: 60 }), axis({ size: 52, space: 24 })],
    hooks: {
      ready: [(u) => listenForClicks(u, current)],
      setCursor: [(u) => current.props.onHover?.(u.cursor.idx ?? null)],
      setSelect: [
        (u) => {
          if (u.select.width < 4) return;
          const a = u.posToVal(u.select.left, "x");
          const b = u.posToVal(u.select.left + u.select.width, "x");
          u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
          current.props.onZoom?.(a, b);
        },
      ],
      // Behind the curve: a line must not hide the very peak it marks.
      drawClear: [(u) => (drawFloor(u, current.props.floor), drawLines(u, current.props.lines))],
      draw: [(u) => drawUnits(u, current.props.xLabel, current.props.yLabel)],
    },
  };
}

/** Pixels around the pointer in which a pick looks for the highest value. */
const SNAP_PX = 8;

function listenForClicks(u: uPlot, current: Current): void {
  let down = 0;
  u.over.addEventListener("mousedown", (e) => (down = e.clientX));
  u.over.addEventListener("click", (e) => {
    const { y, step, onPick } = current.props;
    if (!onPick || Math.abs(e.clientX - down) > 5) return;
    const left = e.clientX - u.over.getBoundingClientRect().left;
    const at = u.posToVal(left, "x");
    const reach = Math.round((u.posToVal(left + SNAP_PX, "x") - at) / step);
    onPick(snap(y, Math.round(at / step), reach) * step);
  });
}

function drawFloor(u: uPlot, floor: number | undefined): void {
  if (floor === undefined) return;
  const { ctx, bbox } = u;
  const y = u.valToPos(floor, "y", true);
  ctx.save();
  ctx.strokeStyle = ink("ink-3");
  ctx.lineWidth = devicePixelRatio;
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}

function drawLines(u: uPlot, lines: VLine[]): void {
  const { ctx, bbox } = u;
  const dpr = devicePixelRatio;
  ctx.save();
  ctx.font = canvasFont();
  ctx.textBaseline = "bottom";
  ctx.textAlign = "left";
  // Labels stand above the plot; one that would run into its neighbour is left out (the table has them all).
  let free = bbox.left + 10 * dpr;
  for (const l of [...lines].sort((a, b) => a.x - b.x)) {
    const x = u.valToPos(l.x, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    const s = STROKE[l.kind];
    ctx.strokeStyle = ink(s.ink);
    ctx.lineWidth = s.width * dpr;
    ctx.setLineDash(s.dash.map((d) => d * dpr));
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    if (!l.text) continue;
    const w = ctx.measureText(l.text).width;
    const left = Math.min(x - 2 * dpr, bbox.left + bbox.width - w);
    if (left < free) continue;
    ctx.fillStyle = ink(s.ink);
    ctx.fillText(l.text, left, bbox.top - 3 * dpr);
    free = left + w + 8 * dpr;
  }
  ctx.restore();
}
