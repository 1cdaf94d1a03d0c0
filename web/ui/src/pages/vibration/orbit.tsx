import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Analysis } from "../../api/types";
import { t, title } from "../../i18n";
import { num } from "../../lib/format";
import { ticks } from "../../lib/heat";
import { lang, theme } from "../../lib/prefs";
import { setQuery, useRoute } from "../../lib/router";
import { useStore } from "../../lib/store";
import { canvasFont, ink } from "../../parts/plot";
import { Answered, useOrbit } from "./asking";
import { ChartPanel } from "./chart-panel";
import { CurvePanel } from "./curves";
import type { Subject } from "./record";
import { acrossFrom, otherPoints, useTogether } from "./together";

/** The path of the shaft from this sensor and one at right angles to it, and its full spectrum. */
export function OrbitView({ subject }: { subject: Subject }) {
  const { query } = useRoute();
  const others = otherPoints(subject);
  const chosen = query["with"] ?? acrossFrom(subject)?.name;
  const other = useTogether(subject, chosen);
  const answer = useOrbit(subject.w.id, other.id);
  return (
    <>
      <div class="toolbar controls">
        <label>
          {t("bench.with_sensor")}{" "}
          <select value={chosen ?? ""} disabled={others.length === 0} onChange={(e) => setQuery({ with: e.currentTarget.value })}>
            {others.map((p) => (
              <option key={p.name} value={p.name}>
                {title(p.title, p.name)}
              </option>
            ))}
          </select>
        </label>
      </div>
      {others.length === 0 ? (
        <p class="state empty">{t("bench.no_other_sensor")}</p>
      ) : other.known && !other.id ? (
        <p class="state empty">{t("bench.no_record_together")}</p>
      ) : (
        <Answered of={answer}>{(a) => <Drawn subject={subject} a={a} />}</Answered>
      )}
    </>
  );
}

function Drawn({ subject, a }: { subject: Subject; a: Analysis }) {
  const full = a.curves.find((c) => c.name === "full");
  const unit = full?.unit ?? "";
  const forward = a.facts["forward"];
  return (
    <div class="two">
      <ChartPanel
        id="orbit"
        title={t("bench.orbit")}
        {...(forward === undefined ? {} : { about: t(forward ? "bench.forward" : "bench.backward") })}
        file={subject.file}
        seen={{ head: [`horizontal (${unit})`, `vertical (${unit})`], columns: () => [a.path.map((p) => p[0]), a.path.map((p) => p[1])] }}
      >
        <Path points={a.path} unit={unit} />
      </ChartPanel>
      {full && (
        <CurvePanel subject={subject} id="full" title={t("bench.full_spectrum")} about={t("bench.full_about")} curve={full} xName={t("vibration.order")} yLabel={unit} zoomKey="full" height={330} />
      )}
    </div>
  );
}

const SIZE = 350;
const EDGE = 44;

/** A closed path over two axes of one scale. */
function Path({ points, unit }: { points: [number, number][]; unit: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState(0);
  const look = `${useStore(theme)} ${useStore(lang)}`;
  const most = useMemo(() => points.reduce((m, [x, y]) => Math.max(m, Math.abs(x), Math.abs(y)), 0) || 1, [points]);
  useEffect(() => {
    const el = box.current;
    if (!el) return;
    const observer = new ResizeObserver(() => setSize(Math.min(SIZE, Math.max(200, el.clientWidth))));
    observer.observe(el);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (canvas.current && size > 0) drawPath(canvas.current, points, most, unit, size);
  }, [points, most, unit, size, look]);
  const extent = (i: 0 | 1): string => {
    const of = points.map((p) => p[i]);
    return num(of.reduce((m, v) => Math.max(m, v), -Infinity) - of.reduce((m, v) => Math.min(m, v), Infinity), 4);
  };
  return (
    <>
      <div ref={box} class="heat" role="img" aria-label={t("bench.orbit_label")} data-testid="orbit-path">
        <canvas ref={canvas} aria-hidden="true" />
      </div>
      <p class="readout">{t("bench.orbit_extent", { x: extent(0), y: extent(1), unit })}</p>
    </>
  );
}

function drawPath(canvas: HTMLCanvasElement, points: [number, number][], most: number, unit: string, size: number): void {
  const dpr = devicePixelRatio;
  canvas.width = canvas.height = Math.round(size * dpr);
  canvas.style.width = canvas.style.height = `${size}px`;
  const ctx = canvas.getContext("2d");
  if (!ctx) return;
  ctx.scale(dpr, dpr);
  const inner = size - 2 * EDGE;
  const px = (v: number) => EDGE + ((v / most + 1) / 2) * inner;
  const py = (v: number) => EDGE + ((1 - v / most) / 2) * inner;
  ctx.font = canvasFont().replace(/^[\d.]+px/, "11px");
  ctx.strokeStyle = ink("grid");
  ctx.fillStyle = ink("ink-2");
  ctx.textBaseline = "middle";
  for (const v of ticks(-most, most, 4)) {
    ctx.beginPath();
    ctx.moveTo(px(v), EDGE);
    ctx.lineTo(px(v), size - EDGE);
    ctx.moveTo(EDGE, py(v));
    ctx.lineTo(size - EDGE, py(v));
    ctx.stroke();
    ctx.textAlign = "center";
    ctx.fillText(num(v, 3), px(v), size - EDGE + 12);
    ctx.textAlign = "right";
    ctx.fillText(num(v, 3), EDGE - 5, py(v));
  }
  ctx.textAlign = "left";
  ctx.fillText(unit, 4, 12);
  ctx.strokeStyle = ink("trace");
  ctx.lineWidth = 1.2;
  ctx.beginPath();
  for (const [x, y] of points) ctx.lineTo(px(x), py(y));
  ctx.stroke();
  // Where it begins, so that the sense of rotation can be followed.
  const first = points[0];
  if (!first) return;
  ctx.fillStyle = ink("ink");
  ctx.beginPath();
  ctx.arc(px(first[0]), py(first[1]), 4, 0, 2 * Math.PI);
  ctx.fill();
}
