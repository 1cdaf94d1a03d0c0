import type uPlot from "uplot";
import { canvasFont, ink } from "./plot";

/** A vertical line to draw: a fault's frequency, a shaft order, a cursor. */
export interface VLine {
  /** Position on the axis as drawn. */
  x: number;
  text?: string;
  kind: "fault" | "fault-over" | "shaft" | "cursor" | "harmonic" | "sideband" | "band";
}

const STROKE: Record<VLine["kind"], { ink: string; dash: number[]; width: number }> = {
  fault: { ink: "ink-2", dash: [5, 3], width: 1.2 },
  "fault-over": { ink: "fault", dash: [], width: 1.6 },
  shaft: { ink: "ink-2", dash: [2, 3], width: 1 },
  cursor: { ink: "cursor", dash: [], width: 1.5 },
  harmonic: { ink: "cursor", dash: [3, 3], width: 1 },
  sideband: { ink: "cursor", dash: [1, 3], width: 1.4 },
  band: { ink: "ink-2", dash: [8, 4], width: 1.2 },
};

/**
 * A canvas under the one that uPlot draws on: lines must not hide the very peak they mark, and a cursor that moves must
 * not have 65,536 points drawn again.
 */
export function underlay(u: uPlot): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.className = "underlay";
  canvas.setAttribute("aria-hidden", "true");
  u.root.querySelector(".u-wrap")?.prepend(canvas);
  return canvas;
}

/** Draws `lines` and the horizontal line at `floor` onto the canvas under `u`, whose vertical axis is headed by `unit`. */
export function drawUnder(u: uPlot, canvas: HTMLCanvasElement, lines: VLine[], floor: number | undefined, unit: string): void {
  const { width, height } = u.ctx.canvas;
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
    canvas.style.width = `${width / devicePixelRatio}px`;
    canvas.style.height = `${height / devicePixelRatio}px`;
  }
  const ctx = canvas.getContext("2d");
  if (!ctx) return;
  ctx.clearRect(0, 0, width, height);
  if (floor !== undefined) drawFloor(u, ctx, floor);
  drawLines(u, ctx, lines, unit);
}

function drawFloor(u: uPlot, ctx: CanvasRenderingContext2D, floor: number): void {
  const { bbox } = u;
  const y = u.valToPos(floor, "y", true);
  if (!(y >= bbox.top && y <= bbox.top + bbox.height)) return;
  ctx.strokeStyle = ink("ink-3");
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
}

function drawLines(u: uPlot, ctx: CanvasRenderingContext2D, lines: VLine[], unit: string): void {
  const { bbox } = u;
  const dpr = devicePixelRatio;
  ctx.font = canvasFont();
  ctx.textBaseline = "bottom";
  ctx.textAlign = "left";
  // Labels stand above the plot, after the unit; one that would run into its neighbour is left out (the table has them all).
  let free = Math.max(bbox.left + 10 * dpr, ctx.measureText(unit).width + 10 * dpr);
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
}
