import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { num, plantZone } from "../lib/format";

/** A colour of the theme, for canvases. */
export const ink = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

const FONT = '11px system-ui, "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif';
export const canvasFont = (): string => FONT.replace("11px", `${11 * devicePixelRatio}px`);

/** The look all axes share. */
export function axis(extra: uPlot.Axis = {}): uPlot.Axis {
  return {
    stroke: ink("ink-2"),
    font: FONT,
    labelFont: FONT,
    labelSize: 18,
    grid: { stroke: ink("grid"), width: 1 },
    ticks: { stroke: ink("grid"), width: 1, size: 4 },
    values: (_, splits) => splits.map((v) => (v === null ? "" : num(v, 4))),
    ...extra,
  };
}

/** Seconds since 1970 by the plant's clocks; by UTC where the browser does not know the zone. */
export function plantDate(): (s: number) => Date {
  const zone = plantZone.get();
  return (s) => {
    const date = new Date(s * 1_000);
    try {
      return uPlot.tzDate(date, zone);
    } catch {
      return uPlot.tzDate(date, "UTC");
    }
  };
}

/** The units, out of the way: the vertical one above its axis, the horizontal one in the corner where it ends. */
export function drawUnits(u: uPlot, x: string, y: string): void {
  const { ctx, bbox } = u;
  const dpr = devicePixelRatio;
  ctx.save();
  ctx.font = canvasFont();
  ctx.fillStyle = ink("ink-2");
  ctx.textBaseline = "bottom";
  ctx.textAlign = "left";
  ctx.fillText(y, 2 * dpr, bbox.top - 4 * dpr);
  ctx.textAlign = "right";
  ctx.fillText(x, bbox.left + bbox.width - 3 * dpr, bbox.top + bbox.height - 3 * dpr);
  ctx.restore();
}

/** A diagonal hatch for what is not known. */
export function hatch(ctx: CanvasRenderingContext2D): CanvasPattern | string {
  const size = Math.round(8 * devicePixelRatio);
  const tile = document.createElement("canvas");
  tile.width = tile.height = size;
  const c = tile.getContext("2d");
  if (!c) return ink("grid");
  c.strokeStyle = ink("hatch");
  c.lineWidth = devicePixelRatio;
  c.beginPath();
  c.moveTo(-1, size + 1);
  c.lineTo(size + 1, -1);
  c.moveTo(-1, 1);
  c.lineTo(1, -1);
  c.moveTo(size - 1, size + 1);
  c.lineTo(size + 1, size - 1);
  c.stroke();
  return ctx.createPattern(tile, "repeat") ?? ink("grid");
}

/**
 * A uPlot that lives as long as `look` stays the same; new data goes into the one that is there.
 * `label` names the canvas for readers; a table beside it must say the same in words.
 */
export function Plot(props: {
  look: string;
  /** What suits this data: a new plot may be made of data that is a render older than what else the caller knows. */
  options: (data: uPlot.AlignedData) => Omit<uPlot.Options, "width" | "height">;
  data: uPlot.AlignedData;
  height: number;
  label: string;
  testid?: string;
  /** Called with each uPlot that is made; what it gives is called when that one ends. */
  onReady?: (u: uPlot) => void | (() => void);
}) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const data = useRef(props.data);
  data.current = props.data;

  useEffect(() => {
    const el = box.current;
    if (!el) return;
    const u = new uPlot(
      { ...props.options(data.current), width: Math.max(120, el.clientWidth), height: props.height },
      data.current,
      el,
    );
    plot.current = u;
    const end = props.onReady?.(u);
    const observer = new ResizeObserver(() => {
      const width = Math.max(120, el.clientWidth);
      if (width !== u.width) u.setSize({ width, height: props.height });
    });
    observer.observe(el);
    return () => {
      observer.disconnect();
      end?.();
      plot.current = null;
      u.destroy();
    };
  }, [props.look, props.height]);

  useEffect(() => {
    const u = plot.current;
    if (u && u.data !== props.data) u.setData(props.data);
  }, [props.data]);

  return <div ref={box} class="plot" role="img" aria-label={props.label} data-testid={props.testid} />;
}
