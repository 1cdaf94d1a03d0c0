import { useEffect, useRef } from "preact/hooks";
import { num } from "../lib/format";
import { ticks } from "../lib/heat";
import { lang, theme } from "../lib/prefs";
import { useStore } from "../lib/store";
import { canvasFont, ink } from "./plot";
import { useWidth } from "./width";

export interface PathChartProps {
  /** In the order in which they are joined; speeds may go back and forth. */
  points: [number, number][];
  /** A point that stands out. */
  mark?: [number, number] | undefined;
  xLabel: string;
  yLabel: string;
  /** Whether the vertical axis begins at 0. */
  fromZero?: boolean;
  /** Distance of two vertical ticks, where the unit has one of its own. */
  every?: number;
  label: string;
  height: number;
  testid?: string;
  onPick?: (x: number, y: number) => void;
}

const LEFT = 58;
const RIGHT = 18;
const TOP = 22;
const BOTTOM = 26;

/** Points joined in their order, over two axes. */
export function PathChart(props: PathChartProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const look = `${useStore(theme)} ${useStore(lang)}`;
  useEffect(() => {
    if (canvas.current && width > 0) draw(canvas.current, props, width);
  }, [props.points, props.mark, props.yLabel, props.height, width, look]);
  const pick = (e: MouseEvent) => {
    const r = box.current!.getBoundingClientRect();
    const g = geometry(props, width);
    props.onPick?.(g.xOf(e.clientX - r.left), g.yOf(e.clientY - r.top));
  };
  return (
    <div ref={box} class="heat" role="img" aria-label={props.label} data-testid={props.testid} onClick={pick}>
      <canvas ref={canvas} aria-hidden="true" />
    </div>
  );
}

/** Lowest and highest of `v`, apart at least a little. */
function extent(v: number[]): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const x of v) [low, high] = [Math.min(low, x), Math.max(high, x)];
  if (!(low <= high)) return [0, 1];
  return high > low ? [low, high] : [low - Math.max(1, 0.05 * Math.abs(low)), high + Math.max(1, 0.05 * Math.abs(high))];
}

function geometry(p: PathChartProps, width: number) {
  const [x0, x1] = extent(p.points.map((q) => q[0]));
  let [y0, y1] = extent(p.points.map((q) => q[1]));
  if (p.every) [y0, y1] = [Math.floor(y0 / p.every) * p.every, Math.ceil(y1 / p.every) * p.every];
  else [y0, y1] = [p.fromZero ? 0 : y0, y1 + 0.08 * (y1 - (p.fromZero ? 0 : y0))];
  if (y1 <= y0) y1 = y0 + (p.every ?? 1);
  const [w, h] = [width - LEFT - RIGHT, p.height - TOP - BOTTOM];
  return {
    x: [x0, x1] as const,
    y: [y0, y1] as const,
    px: (x: number) => LEFT + (w * (x - x0)) / (x1 - x0),
    py: (y: number) => TOP + (h * (y1 - y)) / (y1 - y0),
    xOf: (px: number) => x0 + ((px - LEFT) / w) * (x1 - x0),
    yOf: (py: number) => y1 - ((py - TOP) / h) * (y1 - y0),
    w,
    h,
  };
}

/** A canvas of this size, ready to draw on. */
export function prepared(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D | null {
  canvas.width = Math.round(width * devicePixelRatio);
  canvas.height = Math.round(height * devicePixelRatio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const ctx = canvas.getContext("2d");
  ctx?.scale(devicePixelRatio, devicePixelRatio);
  if (ctx) ctx.font = canvasFont().replace(/^[\d.]+px/, "11px");
  return ctx;
}

function draw(canvas: HTMLCanvasElement, p: PathChartProps, width: number): void {
  const ctx = prepared(canvas, width, p.height);
  if (!ctx) return;
  const g = geometry(p, width);
  ctx.strokeStyle = ink("grid");
  ctx.fillStyle = ink("ink-2");
  const line = (x0: number, y0: number, x1: number, y1: number) => {
    ctx.beginPath();
    ctx.moveTo(x0, y0);
    ctx.lineTo(x1, y1);
    ctx.stroke();
  };
  ctx.textAlign = "center";
  for (const x of ticks(g.x[0], g.x[1], g.w / 90)) {
    line(g.px(x), TOP, g.px(x), TOP + g.h);
    ctx.fillText(num(x, 5), g.px(x), TOP + g.h + 16);
  }
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  const steps = p.every ? multiples(g.y, p.every, g.h / 24) : ticks(g.y[0], g.y[1], g.h / 24);
  for (const y of steps) {
    line(LEFT, g.py(y), LEFT + g.w, g.py(y));
    ctx.fillText(num(y, 4), LEFT - 6, g.py(y));
  }
  ctx.textBaseline = "alphabetic";
  ctx.textAlign = "left";
  ctx.fillText(p.yLabel, 2, TOP - 9);
  ctx.textAlign = "right";
  ctx.fillText(p.xLabel, LEFT + g.w, TOP - 9);
  ctx.strokeStyle = ink("trace");
  ctx.lineWidth = 1.4;
  ctx.beginPath();
  for (const [x, y] of p.points) ctx.lineTo(g.px(x), g.py(y));
  ctx.stroke();
  if (p.mark) dot(ctx, g.px(p.mark[0]), g.py(p.mark[1]));
}

function multiples([low, high]: readonly [number, number], every: number, most: number): number[] {
  const step = every * Math.max(1, Math.ceil((high - low) / every / Math.max(2, most)));
  const out: number[] = [];
  for (let v = Math.ceil(low / step) * step; v <= high; v += step) out.push(v);
  return out;
}

/** The marked point. */
export function dot(ctx: CanvasRenderingContext2D, x: number, y: number): void {
  ctx.fillStyle = ink("cursor");
  ctx.beginPath();
  ctx.arc(x, y, 5, 0, 2 * Math.PI);
  ctx.fill();
}
