import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { t } from "../i18n";
import { scale } from "../lib/colour-scale";
import { num } from "../lib/format";
import { cellAt, paint, reach, ticks, type Field } from "../lib/heat";
import { lang, theme } from "../lib/prefs";
import { useStore } from "../lib/store";
import { canvasFont, ink } from "./plot";
import { useWidth } from "./width";

export interface HeatMapProps {
  field: Field;
  xLabel: string;
  yLabel: string;
  valueLabel: string;
  label: string;
  height: number;
  testid?: string;
  /** The colours' ends; where they are left out, those of the values. */
  range?: [number, number];
  /** What stands at a row where rows are no steps of an axis. */
  rowName?: (row: number) => string;
  /** Lines to draw, on either axis. */
  marks?: { x?: number; y?: number; text?: string }[];
  /** A region to outline: two places. */
  region?: [[number, number], [number, number]] | undefined;
  onPick?: (x: number, y: number) => void;
  onRegion?: (x: [number, number], y: [number, number]) => void;
}

/** Names of rows are longer than numbers. */
const leftOf = (p: { rowName?: unknown }): number => (p.rowName ? 88 : 58);
const RIGHT = 66;
const TOP = 18;
const BOTTOM = 26;

/** Values over two axes as colours, with axes, a scale and a read-out; a table beside it must say the same in words. */
export function HeatMap(props: HeatMapProps) {
  const base = useRef<HTMLCanvasElement>(null);
  const [at, setAt] = useState<{ x: number; y: number } | null>(null);
  const [from, setFrom] = useState<{ x: number; y: number } | null>(null);
  const dark = useStore(theme) === "dark";
  const language = useStore(lang);
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const { field } = props;
  const own = useMemo(() => reach(field.values), [field]);
  const ends = props.range ?? own;

  useEffect(() => {
    if (base.current && width > 0) draw(base.current, props, ends, width, dark);
  }, [field, width, dark, language, props.height, ends.join(), props.xLabel, props.yLabel, props.valueLabel]);

  const left0 = leftOf(props);
  const w = width - left0 - RIGHT;
  const h = props.height - TOP - BOTTOM;
  const left = field.x0 - field.dx / 2;
  const bottom = field.y0 - field.dy / 2;
  const toX = (px: number) => left + ((px - left0) / w) * field.columns * field.dx;
  const toY = (py: number) => bottom + (1 - (py - TOP) / h) * field.rows * field.dy;
  const ofX = (x: number) => left0 + ((x - left) / (field.columns * field.dx)) * w;
  const ofY = (y: number) => TOP + (1 - (y - bottom) / (field.rows * field.dy)) * h;
  const place = (e: MouseEvent) => {
    const r = box.current!.getBoundingClientRect();
    return { x: e.clientX - r.left, y: e.clientY - r.top };
  };
  const cell = at && cellAt(field, toX(at.x), toY(at.y));
  const up = (e: MouseEvent) => {
    const to = place(e);
    if (from && props.onRegion && Math.hypot(to.x - from.x, to.y - from.y) > 6) {
      const pair = (a: number, b: number): [number, number] => (a < b ? [a, b] : [b, a]);
      props.onRegion(pair(toX(from.x), toX(to.x)), pair(toY(from.y), toY(to.y)));
    } else if (from) {
      props.onPick?.(toX(to.x), toY(to.y));
    }
    setFrom(null);
  };
  const outline = from && at && props.onRegion ? [from, at] : undefined;
  return (
    <>
      <div
        ref={box}
        class="heat"
        role="img"
        aria-label={props.label}
        data-testid={props.testid}
        onMouseMove={(e) => setAt(place(e))}
        onMouseLeave={() => (setAt(null), setFrom(null))}
        onMouseDown={(e) => (e.preventDefault(), setFrom(place(e)))}
        onMouseUp={up}
      >
        <canvas ref={base} height={props.height} aria-hidden="true" />
        {width > 0 && (
          <svg width={width} height={props.height} aria-hidden="true">
            {props.marks?.map((m) =>
              m.x !== undefined
                ? inside(ofX(m.x), left0, left0 + w) && <Mark key={`x${m.x}${m.text}`} line={[ofX(m.x), TOP, ofX(m.x), TOP + h]} text={m.text} />
                : m.y !== undefined && inside(ofY(m.y), TOP, TOP + h) && <Mark key={`y${m.y}${m.text}`} line={[left0, ofY(m.y), left0 + w, ofY(m.y)]} text={m.text} />,
            )}
            {props.region && <Region a={[ofX(props.region[0][0]), ofY(props.region[0][1])]} b={[ofX(props.region[1][0]), ofY(props.region[1][1])]} />}
            {outline && <Region a={[outline[0]!.x, outline[0]!.y]} b={[outline[1]!.x, outline[1]!.y]} />}
          </svg>
        )}
      </div>
      <p class="readout" data-testid={props.testid && `${props.testid}-readout`}>
        {cell
          ? `${num(toX(at!.x), 4)} ${props.xLabel} · ${props.rowName ? props.rowName(cell.row) : `${num(toY(at!.y), 4)} ${props.yLabel}`} · ${num(cell.value, 4)} ${props.valueLabel}`
          : t("bench.point_at_map")}
      </p>
    </>
  );
}

const inside = (v: number, a: number, b: number): boolean => v >= a && v <= b;

function Mark({ line: [x1, y1, x2, y2], text }: { line: [number, number, number, number]; text?: string | undefined }) {
  return (
    <>
      <path class="halo" d={`M${x1} ${y1}L${x2} ${y2}`} />
      <path class="over" d={`M${x1} ${y1}L${x2} ${y2}`} />
      {text && (
        <text x={x1 + 3} y={y1 + 11}>
          {text}
        </text>
      )}
    </>
  );
}

function Region({ a, b }: { a: [number, number]; b: [number, number] }) {
  const box = { x: Math.min(a[0], b[0]), y: Math.min(a[1], b[1]), width: Math.abs(a[0] - b[0]), height: Math.abs(a[1] - b[1]) };
  return (
    <>
      <rect class="halo" {...box} />
      <rect class="over" {...box} />
    </>
  );
}

function draw(canvas: HTMLCanvasElement, p: HeatMapProps, [low, high]: [number, number], width: number, dark: boolean): void {
  const dpr = devicePixelRatio;
  canvas.width = Math.round(width * dpr);
  canvas.height = Math.round(p.height * dpr);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${p.height}px`;
  const ctx = canvas.getContext("2d");
  if (!ctx) return;
  const left0 = leftOf(p);
  const [w, h] = [width - left0 - RIGHT, p.height - TOP - BOTTOM];
  const [pw, ph] = [Math.max(1, Math.round(w * dpr)), Math.max(1, Math.round(h * dpr))];
  const colours = scale(dark);
  const image = ctx.createImageData(pw, ph);
  paint(p.field, [low, high], colours, image.data, pw, ph);
  ctx.putImageData(image, Math.round(left0 * dpr), Math.round(TOP * dpr));
  ctx.scale(dpr, dpr);
  for (let i = 0; i < h; i++) {
    ctx.fillStyle = `rgb(${colours[Math.round((255 * (h - 1 - i)) / (h - 1))]!.join()})`;
    ctx.fillRect(width - RIGHT + 10, TOP + i, 12, 1.5);
  }
  ctx.font = canvasFont().replace(/^[\d.]+px/, "11px");
  ctx.fillStyle = ink("ink-2");
  ctx.strokeStyle = ink("line-2");
  ctx.lineWidth = 1;
  ctx.strokeRect(left0 - 0.5, TOP - 0.5, w + 1, h + 1);
  axes(ctx, p, width, w, h);
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  for (const v of ticks(low, high, 4)) ctx.fillText(num(v, 3), width - RIGHT + 26, TOP + h * (1 - (v - low) / (high - low)));
  ctx.textBaseline = "alphabetic";
  ctx.textAlign = "right";
  ctx.fillText(p.valueLabel, width - 2, TOP - 6);
}

function axes(ctx: CanvasRenderingContext2D, p: HeatMapProps, width: number, w: number, h: number): void {
  const f = p.field;
  const left0 = leftOf(p);
  const [left, bottom] = [f.x0 - f.dx / 2, f.y0 - f.dy / 2];
  const [wide, tall] = [f.columns * f.dx, f.rows * f.dy];
  ctx.textBaseline = "top";
  ctx.textAlign = "center";
  for (const x of ticks(left, left + wide, Math.max(2, w / 90))) {
    const px = left0 + ((x - left) / wide) * w;
    ctx.fillRect(px, TOP + h, 1, 4);
    ctx.fillText(num(x, 4), px, TOP + h + 6);
  }
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  const every = Math.max(1, Math.ceil((f.rows * 14) / h));
  const rows = p.rowName
    ? Array.from({ length: Math.ceil(f.rows / every) }, (_, i) => ({ y: f.y0 + i * every * f.dy, text: p.rowName!(i * every) }))
    : ticks(bottom, bottom + tall, Math.max(2, h / 40)).map((y) => ({ y, text: num(y, 4) }));
  for (const { y, text } of rows) ctx.fillText(text, left0 - 5, TOP + h * (1 - (y - bottom) / tall));
  ctx.textBaseline = "alphabetic";
  ctx.textAlign = "left";
  ctx.fillText(p.yLabel, 2, TOP - 6);
  ctx.fillText(p.xLabel, width - RIGHT + 8, TOP + h + 15);
}
