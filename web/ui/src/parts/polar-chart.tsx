import { useEffect, useRef } from "preact/hooks";
import { num } from "../lib/format";
import { ticks } from "../lib/heat";
import { lang, theme } from "../lib/prefs";
import { useStore } from "../lib/store";
import { ink } from "./plot";
import { dot, prepared } from "./path-chart";
import { useWidth } from "./width";

interface PolarProps {
  /** Radius and angle (degrees), and what stands beside the point where there is room. */
  points: { r: number; deg: number; name: string }[];
  mark?: { r: number; deg: number } | undefined;
  unit: string;
  label: string;
  testid?: string;
  onPick?: (index: number) => void;
}

const LARGEST = 380;
const EDGE = 34;
/** Names stand this far apart, px. */
const APART = 46;

/** Points joined in their order around a centre: 0° is up, angles grow clockwise, against a shaft that turns the other way. */
export function PolarChart(props: PolarProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const size = Math.min(LARGEST, useWidth(box));
  const look = `${useStore(theme)} ${useStore(lang)}`;
  useEffect(() => {
    if (canvas.current && size > 0) draw(canvas.current, props, size);
  }, [props.points, props.mark, props.unit, size, look]);
  const pick = (e: MouseEvent) => {
    const r = box.current!.getBoundingClientRect();
    const place = geometry(props, size);
    const off = props.points.map((p) => {
      const [x, y] = place(p);
      return Math.hypot(x - (e.clientX - r.left), y - (e.clientY - r.top));
    });
    if (off.length > 0) props.onPick?.(off.indexOf(Math.min(...off)));
  };
  return (
    <div ref={box} class="heat" role="img" aria-label={props.label} data-testid={props.testid} onClick={pick}>
      <canvas ref={canvas} aria-hidden="true" />
    </div>
  );
}

const most = (p: PolarProps): number => p.points.reduce((m, q) => Math.max(m, q.r), 0) || 1;

function geometry(p: PolarProps, size: number): (q: { r: number; deg: number }) => [number, number] {
  const radius = (size / 2 - EDGE) / most(p);
  return ({ r, deg }) => {
    const angle = (deg / 180) * Math.PI;
    return [size / 2 + r * radius * Math.sin(angle), size / 2 - r * radius * Math.cos(angle)];
  };
}

function draw(canvas: HTMLCanvasElement, p: PolarProps, size: number): void {
  const ctx = prepared(canvas, size, size);
  if (!ctx) return;
  const place = geometry(p, size);
  const top = most(p);
  ctx.strokeStyle = ink("grid");
  ctx.fillStyle = ink("ink-2");
  ctx.textBaseline = "middle";
  for (const r of ticks(0, top, 6).filter((r) => r > 0)) {
    ctx.beginPath();
    ctx.arc(size / 2, size / 2, size / 2 - place({ r, deg: 0 })[1], 0, 2 * Math.PI);
    ctx.stroke();
    ctx.textAlign = "left";
    ctx.fillText(num(r, 3), size / 2 + 3, place({ r, deg: 0 })[1]);
  }
  ctx.textAlign = "center";
  for (let deg = 0; deg < 360; deg += 30) {
    ctx.beginPath();
    ctx.moveTo(size / 2, size / 2);
    ctx.lineTo(...place({ r: top, deg }));
    ctx.stroke();
    const [x, y] = place({ r: top * (1 + 17 / (size / 2 - EDGE)), deg });
    ctx.fillText(`${deg}°`, x, y);
  }
  ctx.textAlign = "left";
  ctx.fillText(p.unit, 4, 10);
  ctx.strokeStyle = ink("trace");
  ctx.lineWidth = 1.4;
  ctx.beginPath();
  for (const q of p.points) ctx.lineTo(...place(q));
  ctx.stroke();
  names(ctx, p, place);
  if (p.mark) dot(ctx, ...place(p.mark));
}

/** Beside points that lie far enough from the last one that was named. */
function names(ctx: CanvasRenderingContext2D, p: PolarProps, place: ReturnType<typeof geometry>): void {
  ctx.fillStyle = ink("ink");
  const centre = place({ r: 0, deg: 0 })[0];
  const taken: [number, number][] = [];
  for (const q of p.points) {
    const [x, y] = place(q);
    if (taken.some(([a, b]) => Math.hypot(a - x, b - y) < APART)) continue;
    taken.push([x, y]);
    ctx.beginPath();
    ctx.arc(x, y, 2, 0, 2 * Math.PI);
    ctx.fill();
    // Inwards, where no angle is written.
    const right = x > centre;
    ctx.textAlign = right ? "right" : "left";
    ctx.fillText(q.name, x + (right ? -6 : 6), y - 6);
  }
}
