import { useEffect, useMemo, useRef } from "preact/hooks";
import type uPlot from "uplot";
import type { YScale } from "../lib/quantity";
import { lang, theme } from "../lib/prefs";
import { logRange } from "../lib/range";
import { snap } from "../lib/spectrum";
import { useStore } from "../lib/store";
import { axis, drawUnits, ink, Plot } from "./plot";
import { drawUnder, underlay, type VLine } from "./vlines";

export type { VLine } from "./vlines";

/** Lines that move without the page being drawn again: cursors. Positions are on the axis as drawn. */
export interface Moving {
  /** Calls `f` whenever they have moved; gives what ends that. */
  watch(f: () => void): () => void;
  lines(top: number): VLine[];
  /** Takes hold of the line within `reach` of `x`, if one may be moved; what it gives is called with where it goes. */
  grab(x: number, reach: number, top: number): ((x: number) => void) | undefined;
}

export interface LineChartProps {
  y: ArrayLike<number>;
  /** Where the first value lies, on the axis as drawn. */
  x0?: number;
  /** Distance of two values on the axis as drawn. */
  step: number;
  /** Another curve on the same grid, drawn beneath. */
  beneath?: ArrayLike<number | null> | undefined;
  window: [number, number];
  xLabel: string;
  yLabel: string;
  scale?: YScale;
  /** A linear axis that holds what there is, not 0. */
  fit?: boolean;
  /** A horizontal line with a meaning of its own, such as the floor of an envelope spectrum. */
  floor?: number;
  lines: VLine[];
  moving?: Moving;
  label: string;
  height: number;
  testid?: string;
  /** Charts with the same name move their pointers together. */
  sync?: string;
  /** A click: the highest value near the pointer. What it gives takes that back. */
  onPick?: (x: number) => (() => void) | void;
  onZoom?: (from: number, to: number) => void;
  onReset?: () => void;
  onHover?: (index: number | null) => void;
}

/** One curve over an evenly spaced axis. A click picks, a drag zooms, a double click goes back. */
export function LineChart(props: LineChartProps) {
  const { y, step, beneath, x0 = 0 } = props;
  const data = useMemo(() => {
    const x = new Float64Array(y.length);
    for (let i = 0; i < x.length; i++) x[i] = x0 + i * step;
    return (beneath ? [x, beneath, y] : [x, y]) as unknown as uPlot.AlignedData;
  }, [y, step, beneath, x0]);
  const current = useRef<Current>({ props, plot: null, canvas: null }).current;
  current.props = props;

  useEffect(() => props.moving?.watch(() => under(current)), [props.moving]);
  // The plot stays; its window and its lines move.
  const window = props.window.join("~");
  useEffect(() => {
    current.plot?.setScale("x", { min: props.window[0], max: props.window[1] });
  }, [window]);
  useEffect(() => under(current), [props.lines, props.floor, props.moving]);
  useEffect(() => {
    current.plot?.redraw(false, false);
  }, [props.xLabel, props.yLabel]);

  const look = [useStore(theme), useStore(lang), props.scale, props.sync, beneath !== undefined].join("\n");
  return (
    <Plot
      look={look}
      height={props.height}
      label={props.label}
      {...(props.testid ? { testid: props.testid } : {})}
      data={data}
      options={(of) => options(current, of.length > 2)}
      onReady={(u) => ready(u, current)}
    />
  );
}

interface Current {
  props: LineChartProps;
  plot: uPlot | null;
  canvas: HTMLCanvasElement | null;
  /** Takes back what the last single click picked. */
  unpick?: (() => void) | undefined;
}

function ready(u: uPlot, current: Current): () => void {
  current.plot = u;
  current.canvas = underlay(u);
  listenForClicks(u, current);
  under(current);
  return () => {
    current.plot = null;
    current.canvas = null;
  };
}

function under({ plot, canvas, props }: Current): void {
  if (!plot || !canvas) return;
  drawUnder(plot, canvas, [...props.lines, ...(props.moving?.lines(props.window[1]) ?? [])], props.floor, props.yLabel);
}

/** As few values are drawn as points, too. */
const FEW = 32;
/** Decibels that one chart shows below its highest value. */
const DEPTH_DB = 80;

function yRange(scale: YScale | undefined, fit: boolean | undefined): uPlot.Scale {
  if (scale === "log") return { distr: 3, range: (_, low, high) => logRange(low, high) };
  if (scale === "db") {
    return { range: (_, low, high) => [Math.max(low ?? 0, (high ?? 0) - DEPTH_DB) - 1, (high ?? 0) + 4] };
  }
  if (fit) {
    return {
      range: (_, low, high) => {
        const pad = Math.max((high ?? 0) - (low ?? 0), 0.01 * Math.abs(high ?? 0), 1e-9) * 0.2;
        return [(low ?? 0) - pad, (high ?? 0) + pad];
      },
    };
  }
  return { range: (_, low, high) => [Math.min(0, (low ?? 0) * 1.1), (high || 1) * 1.1] };
}

function options(current: Current, withOther: boolean): Omit<uPlot.Options, "width" | "height"> {
  const { props } = current;
  // A few values, or one, would show no line.
  const few = props.y.length <= FEW && { size: 5, fill: ink("trace") };
  const own: uPlot.Series = { stroke: ink("trace"), width: 1.1, points: few || { show: false } };
  const other: uPlot.Series = { stroke: ink("baseline"), width: 1.4, points: { show: false } };
  return {
    legend: { show: false },
    padding: [18, 22, 0, 4],
    cursor: {
      y: false,
      points: { size: 6 },
      drag: { x: true, y: false, dist: 6, setScale: false },
      ...(props.sync ? { sync: { key: props.sync, scales: ["x", null], filters: { pub: (type: string) => type === "mousemove" || type === "mouseleave" } } } : {}),
      bind: {
        dblclick: () => () => {
          // What the first of the two clicks picked was not meant.
          current.unpick?.();
          current.props.onReset?.();
          return null;
        },
        mousedown: (u, _, zoom) => (e) => {
          if (e.button === 0 && drag(u, current, e)) return null;
          return zoom(e);
        },
      },
    },
    scales: { x: { time: false, range: () => current.props.window }, y: yRange(props.scale, props.fit) },
    series: withOther ? [{}, other, own] : [{}, own],
    axes: [axis({ size: 28, space: 60 }), axis({ size: 52, space: 24 })],
    hooks: {
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
      draw: [(u) => drawUnits(u, current.props.xLabel, current.props.yLabel), () => under(current)],
    },
  };
}

/** Pixels around the pointer in which a pick looks for the highest value. */
const SNAP_PX = 8;
/** Pixels around a line that may be moved. */
const GRAB_PX = 5;

/** Begins to move the line under the pointer; false where there is none. */
function drag(u: uPlot, current: Current, e: MouseEvent): boolean {
  const box = u.over.getBoundingClientRect();
  const at = (m: MouseEvent) => u.posToVal(m.clientX - box.left, "x");
  const reach = Math.abs(u.posToVal(GRAB_PX, "x") - u.posToVal(0, "x"));
  const move = current.props.moving?.grab(at(e), reach, current.props.window[1]);
  if (!move) return false;
  let moved = false;
  const follow = (m: MouseEvent) => {
    moved ||= Math.abs(m.clientX - e.clientX) > 2;
    if (moved) move(at(m));
  };
  const end = () => {
    removeEventListener("mousemove", follow);
    removeEventListener("mouseup", end);
  };
  addEventListener("mousemove", follow);
  addEventListener("mouseup", end);
  return true;
}

function listenForClicks(u: uPlot, current: Current): void {
  let down = 0;
  u.over.addEventListener("mousedown", (e) => (down = e.clientX));
  u.over.addEventListener("click", (e) => {
    const { y, step, onPick, x0 = 0 } = current.props;
    if (!onPick || Math.abs(e.clientX - down) > 5) return;
    const left = e.clientX - u.over.getBoundingClientRect().left;
    const at = u.posToVal(left, "x") - x0;
    const reach = Math.round((u.posToVal(left + SNAP_PX, "x") - x0 - at) / step);
    if (e.detail > 1) return;
    current.unpick = onPick(x0 + snap(y, Math.round(at / step), reach) * step) ?? undefined;
  });
}
