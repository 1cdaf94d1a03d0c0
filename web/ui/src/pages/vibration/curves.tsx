import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import type { Analysis, AnalysisCurve } from "../../api/types";
import { t } from "../../i18n";
import { num, quantity } from "../../lib/format";
import { converted, DETECTORS, FORMS, levels, quantityOf } from "../../lib/quantity";
import { useRoute } from "../../lib/router";
import { parseWindow, peaks } from "../../lib/spectrum";
import { LineChart, type VLine } from "../../parts/line-chart";
import { Answered, useAnalysis } from "./asking";
import { ChartPanel, places } from "./chart-panel";
import type { Subject } from "./record";
import { Reference, useReference } from "./reference";
import { useBaseCurve } from "./baseline";
import { unzoom, zoom, type ZoomKey } from "./state";

const NO_LINES: VLine[] = [];

/** One curve of an answer, over its own axis, with its highest peaks in numbers. */
export function CurvePanel(props: {
  subject: Subject;
  id: string;
  title: string;
  about?: string;
  curve: AnalysisCurve;
  xName: string;
  y?: ArrayLike<number>;
  /** The baseline's curve at the same places. */
  beneath?: ArrayLike<number | null> | undefined;
  yLabel: string;
  zoomKey?: ZoomKey;
  height: number;
  scale?: "linear" | "log" | "db";
  lines?: VLine[];
  /** From where peaks are listed and seen first, on the axis. */
  from?: number;
  to?: number;
  /** The vertical axis holds what there is, not 0. */
  fit?: boolean;
}) {
  const { curve, zoomKey } = props;
  const { query } = useRoute();
  const y = props.y ?? curve.values;
  const end = curve.x0 + (curve.values.length - 1) * curve.dx;
  const window = (zoomKey && parseWindow(query[zoomKey])) ?? [props.from ?? curve.x0, props.to ?? end];
  const top = useMemo(
    () => peaks(y, curve.dx, window[0] - curve.x0, window[1] - curve.x0, 10).map((p) => ({ x: p.hz + curve.x0, v: p.value })),
    [y, curve, window.join()],
  );
  return (
    <ChartPanel
      id={props.id}
      title={props.title}
      about={props.about}
      {...(zoomKey ? { zoomKey } : {})}
      file={props.subject.file}
      seen={{ head: [props.xName, props.yLabel], columns: () => [places(y.length, curve.dx, curve.x0), y] }}
    >
      <LineChart
        y={y}
        x0={curve.x0}
        step={curve.dx}
        beneath={props.beneath}
        window={window}
        xLabel={props.xName}
        yLabel={props.yLabel}
        {...(props.scale ? { scale: props.scale } : {})}
        {...(props.fit ? { fit: true } : {})}
        lines={props.lines ?? NO_LINES}
        label={`${props.title}, ${props.yLabel}`}
        height={props.height}
        testid={`${props.id}-chart`}
        {...(zoomKey ? { onZoom: (a: number, b: number) => zoom(zoomKey, a, b), onReset: () => unzoom(zoomKey) } : {})}
      />
      <details class="as-table">
        <summary>{t("vibration.peaks")}</summary>
        <table class="terms">
          <thead>
            <tr>
              <th scope="col" class="n">{props.xName}</th>
              <th scope="col" class="n">{props.yLabel}</th>
            </tr>
          </thead>
          <tbody>
            {top.map((p) => (
              <tr key={p.x}>
                <td class="n">{num(p.x, 5)}</td>
                <td class="n">{num(p.v, 4)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </ChartPanel>
  );
}

/** Shorter quefrencies tell of the path of the sound, not of what repeats, s. */
const SHORTEST_S = 0.002;

export function Cepstrum({ subject }: { subject: Subject }) {
  const { w, s, groups, drawn } = subject;
  const answer = useAnalysis(w.id, "cepstrum");
  const lines = useMemo(() => {
    const of = groups.filter((g) => drawn.has(g.key));
    const all: VLine[] = of.map((g) => ({ x: 1 / g.fundamental, kind: g.label === "shaft" ? "shaft" : "fault", text: `${num(g.fundamental, 4)} Hz` }));
    return all;
  }, [groups, drawn]);
  const beneath = useBaseCurve(subject, "cepstrum", answer.data?.curves[0]);
  const most = s.shaft_hz ? 3 / s.shaft_hz : 0.2;
  return (
    <Answered of={answer}>
      {(a) =>
        a.curves[0] && (
          <CurvePanel
            subject={subject}
            id="cepstrum"
            title={t("bench.cepstrum")}
            about={t("bench.cepstrum_about")}
            curve={a.curves[0]}
            beneath={beneath}
            xName="s"
            yLabel={a.curves[0].unit || t("bench.cepstrum")}
            zoomKey="cepstrum"
            height={320}
            lines={lines}
            from={SHORTEST_S}
            to={Math.min(most, a.curves[0].values.length * a.curves[0].dx)}
          />
        )
      }
    </Answered>
  );
}

/** The order analysis that is asked for, with its reference; or why nothing is asked. */
function ByAngle(props: { subject: Subject; kind: "orders" | "average"; children: (a: Analysis) => ComponentChildren }) {
  const { query } = useRoute();
  const reference = useReference(props.subject);
  const ratio = props.kind === "average";
  const answer = useAnalysis(props.subject.w.id, reference ? props.kind : null, { ...reference, ...(ratio ? { ratio: query["ratio"] } : {}) });
  return (
    <>
      <Reference subject={props.subject} ratio={ratio} />
      {reference === null ? <p class="state empty">{t("bench.no_record_together")}</p> : <Answered of={answer}>{props.children}</Answered>}
    </>
  );
}

export function Orders({ subject }: { subject: Subject }) {
  const { b, groups, drawn, s } = subject;
  const lines = useMemo(() => {
    const shaft = s.shaft_hz;
    const own: VLine[] = [1, 2, 3].map((k) => ({ x: k, kind: "shaft", text: `${k}×` }));
    if (!shaft) return own;
    const others: VLine[] = groups
      .filter((g) => drawn.has(g.key) && g.label !== "shaft")
      .map((g) => ({ x: g.fundamental / shaft, kind: "fault", text: num(g.fundamental / shaft, 4) }));
    return [...own, ...others];
  }, [groups, drawn, s]);
  return (
    <ByAngle subject={subject} kind="orders">
      {(a) => {
        const [spectrum, speed] = [a.curves.find((c) => c.name === "spectrum"), a.curves.find((c) => c.name === "speed")];
        return (
          <>
            {spectrum && <OrderSpectrum subject={subject} curve={spectrum} source={a.source} lines={lines} b={b} />}
            {speed && <CurvePanel subject={subject} id="speed" title={t("bench.speed")} curve={speed} xName="s" yLabel={speed.unit} height={170} fit />}
          </>
        );
      }}
    </ByAngle>
  );
}

function OrderSpectrum(props: { subject: Subject; curve: AnalysisCurve; source?: string | null | undefined; lines: VLine[]; b: Subject["b"] }) {
  const { curve, b } = props;
  const q = quantityOf(curve.unit);
  const to = q && FORMS[b.quantity].order === FORMS[q].order ? b.quantity : q;
  // The baseline's own angle comes from itself: its tacho is another record.
  const base = useBaseCurve(props.subject, "orders", curve);
  const drawn = (amplitudes: ArrayLike<number>) => {
    // The shaft's speed changes: an order has no one frequency to integrate at, so only units of the same kind.
    const values = q && to ? converted(amplitudes, 1, q, to, b.detector) : Array.from(amplitudes, (v) => v * DETECTORS[b.detector]);
    return b.y === "db" && to ? levels(values, to) : values;
  };
  const y = useMemo(() => drawn(curve.values), [curve, q, to, b.detector, b.y]);
  const beneath = useMemo(() => base && drawn(base.map((v) => v ?? 0)), [base, q, to, b.detector, b.y]);
  const unit = to ? (b.y === "db" ? `dB re ${FORMS[to].re}` : FORMS[to].unit) : curve.unit;
  return (
    <CurvePanel
      subject={props.subject}
      id="orders"
      title={t("bench.order_spectrum")}
      about={props.source === "tacho" ? t("bench.by_tacho") : t("bench.by_record")}
      curve={curve}
      y={y}
      beneath={beneath}
      xName={t("vibration.order")}
      yLabel={unit}
      zoomKey="orders"
      height={300}
      scale={b.y}
      lines={props.lines}
    />
  );
}

export function Average({ subject }: { subject: Subject }) {
  return (
    <ByAngle subject={subject} kind="average">
      {(a) =>
        a.curves[0] && (
          <>
            <CurvePanel
              subject={subject}
              id="average"
              title={t("bench.average")}
              about={a.source === "tacho" ? t("bench.by_tacho") : t("bench.by_record")}
              curve={a.curves[0]}
              xName={t("bench.turn")}
              yLabel={a.curves[0].unit}
              height={300}
            />
            <p class="readout">
              {t("bench.average_of", {
                turns: num(a.facts["turns"]),
                residual: quantity(a.facts["residual_rms"], a.curves[0].unit, 4),
              })}
            </p>
          </>
        )
      }
    </ByAngle>
  );
}
