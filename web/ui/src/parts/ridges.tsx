import { useEffect, useRef } from "preact/hooks";
import { num } from "../lib/format";
import { reach, ticks, type Field } from "../lib/heat";
import { lang, theme } from "../lib/prefs";
import { useStore } from "../lib/store";
import { canvasFont, ink } from "./plot";
import { useWidth } from "./width";

interface RidgesProps {
  field: Field;
  xLabel: string;
  valueLabel: string;
  label: string;
  height: number;
  testid?: string;
  rowName: (row: number) => string;
  /** Where a line goes through all rows. */
  cursor?: number | undefined;
  onPick?: (x: number, row: number) => void;
}

const LEFT = 58;
const RIGHT = 84;
const TOP = 22;
const BOTTOM = 26;
/** How far each row is moved against the one below it, in all, as a part of the width. */
const SLANT = 0.12;
/** How high the highest value stands, as a part of the height. */
const TALL = 0.35;

/** Rows as curves one behind the other, the first in front; each hides what is behind it. */
export function Ridges(props: RidgesProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const look = `${useStore(theme)} ${useStore(lang)}`;
  useEffect(() => {
    if (canvas.current && width > 0) draw(canvas.current, props, width);
  }, [props.field, props.cursor, props.height, width, look]);
  const pick = (e: MouseEvent) => {
    const r = box.current!.getBoundingClientRect();
    const g = geometry(props, width);
    const row = Math.max(0, Math.min(props.field.rows - 1, Math.round((g.base(0) - (e.clientY - r.top)) / g.rise)));
    const x = (e.clientX - r.left - g.left(row)) / g.wide;
    props.onPick?.(props.field.x0 + x * (props.field.columns - 1) * props.field.dx, row);
  };
  return (
    <div ref={box} class="heat" role="img" aria-label={props.label} data-testid={props.testid} onClick={pick}>
      <canvas ref={canvas} aria-hidden="true" />
    </div>
  );
}

function geometry({ field, height }: RidgesProps, width: number) {
  const rows = Math.max(1, field.rows - 1);
  const [w, h] = [width - LEFT - RIGHT, height - TOP - BOTTOM];
  const rise = (h * (1 - TALL)) / rows;
  return {
    wide: w * (1 - SLANT),
    tall: h * TALL,
    rise,
    left: (row: number) => LEFT + (w * SLANT * row) / rows,
    base: (row: number) => TOP + h - row * rise,
  };
}

function draw(canvas: HTMLCanvasElement, p: RidgesProps, width: number): void {
  const dpr = devicePixelRatio;
  canvas.width = Math.round(width * dpr);
  canvas.height = Math.round(p.height * dpr);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${p.height}px`;
  const ctx = canvas.getContext("2d");
  if (!ctx) return;
  ctx.scale(dpr, dpr);
  const { field: f } = p;
  const g = geometry(p, width);
  const [low, high] = reach(f.values);
  const [ground, trace, words] = [ink("panel"), ink("trace"), ink("ink-2")];
  ctx.font = canvasFont().replace(/^[\d.]+px/, "11px");
  ctx.lineWidth = 1;
  const every = Math.max(1, Math.ceil(13 / g.rise));
  for (let row = f.rows - 1; row >= 0; row--) {
    const [left, base] = [g.left(row), g.base(row)];
    const curve = new Path2D();
    for (let c = 0; c < f.columns; c++) {
      const x = left + (g.wide * c) / Math.max(1, f.columns - 1);
      curve.lineTo(x, base - (g.tall * Math.max(0, f.values[row * f.columns + c]! - low)) / (high - low || 1));
    }
    const body = new Path2D(curve);
    body.lineTo(left + g.wide, base + 1);
    body.lineTo(left, base + 1);
    ctx.fillStyle = ground;
    ctx.fill(body);
    ctx.strokeStyle = trace;
    ctx.stroke(curve);
    if (row % every === 0) {
      ctx.fillStyle = words;
      ctx.textAlign = "left";
      ctx.fillText(p.rowName(row), left + g.wide + 5, base);
    }
  }
  axis(ctx, p, g, words);
}

function axis(ctx: CanvasRenderingContext2D, p: RidgesProps, g: ReturnType<typeof geometry>, words: string): void {
  const { field: f } = p;
  const end = f.x0 + (f.columns - 1) * f.dx;
  const at = (x: number, row: number) => g.left(row) + (g.wide * (x - f.x0)) / (end - f.x0 || 1);
  ctx.fillStyle = words;
  ctx.textAlign = "center";
  for (const x of ticks(f.x0, end, g.wide / 90)) ctx.fillText(num(x, 4), at(x, 0), g.base(0) + 16);
  ctx.textAlign = "left";
  ctx.fillText(`${p.valueLabel}`, 2, TOP - 10);
  ctx.textAlign = "right";
  ctx.fillText(p.xLabel, LEFT - 6, g.base(0) + 16);
  if (p.cursor === undefined || p.cursor < f.x0 || p.cursor > end) return;
  ctx.strokeStyle = ink("cursor");
  ctx.setLineDash([3, 3]);
  ctx.beginPath();
  ctx.moveTo(at(p.cursor, 0), g.base(0));
  ctx.lineTo(at(p.cursor, f.rows - 1), g.base(f.rows - 1));
  ctx.stroke();
}
