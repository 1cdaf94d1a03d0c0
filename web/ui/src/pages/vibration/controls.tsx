import { t } from "../../i18n";
import { num, quantity } from "../../lib/format";
import { DETECTORS, factor, FORMS, quantityOf, type Detector, type Quantity, type XAxis, type YScale } from "../../lib/quantity";
import { setQuery } from "../../lib/router";
import { valueAt } from "../../lib/spectrum";
import { useStore } from "../../lib/store";
import type { Subject } from "./record";
import { what } from "./peak-table";
import { cursor, HARMONICS, MOST_HARMONICS, MOST_SIDEBANDS, moveCursor, SIDEBANDS, undoZoom, zooms, type Bench, type Cursor } from "./state";

/** Cursor sets, axes, units: what every chart of the record shares. */
export function Controls({ subject }: { subject: Subject }) {
  const { s, b } = subject;
  return (
    <div class="panel controls" role="group" aria-label={t("vibration.controls")}>
      <CursorRow subject={subject} />
      <div class="toolbar">
        <Choice<XAxis>
          label={t("vibration.x_axis")}
          of={[["hz", "Hz"], ["cpm", "r/min"], ["order", t("vibration.order")]]}
          now={b.x}
          off={s.shaft_hz ? [] : ["order"]}
          choose={(x) => setQuery({ x: x === "hz" ? null : x })}
        />
        <Choice<YScale>
          label={t("vibration.y_axis")}
          of={[["linear", t("vibration.linear")], ["log", t("vibration.log")], ["db", "dB"]]}
          now={b.y}
          choose={(y) => setQuery({ y: y === "linear" ? null : y })}
        />
        <Choice<Quantity>
          label={t("bench.unit")}
          of={(Object.keys(FORMS) as Quantity[]).map((q) => [q, FORMS[q].unit])}
          now={b.quantity}
          off={quantityOf(s.spectrum.unit) ? [] : ["ms2", "g", "mms", "um"]}
          choose={(q) => setQuery({ q: q === "ms2" ? null : q })}
        />
        <Choice<Detector>
          label={t("bench.detector")}
          of={[["rms", "RMS"], ["peak", t("bench.peak")], ["pp", t("bench.peak_peak")]]}
          now={b.detector}
          choose={(d) => setQuery({ amp: d === "rms" ? null : d })}
        />
        <Undo />
      </div>
    </div>
  );
}

function Choice<T extends string>(props: {
  label: string;
  of: [T, string][];
  now: T;
  off?: T[];
  choose: (v: T) => void;
}) {
  return (
    <span class="segmented" role="group" aria-label={props.label}>
      {props.of.map(([v, name]) => (
        <button key={v} type="button" aria-pressed={props.now === v} disabled={props.off?.includes(v) ?? false} onClick={() => props.choose(v)}>
          {name}
        </button>
      ))}
    </span>
  );
}

function Undo() {
  const n = useStore(zooms);
  return (
    <button type="button" class="push" disabled={n === 0} onClick={undoZoom} title="u">
      {t("bench.undo_zoom")}
    </button>
  );
}

export const toggleHarmonics = (b: Bench): void => setQuery({ harmonics: b.harmonics > 0 ? null : HARMONICS });

/** Switches sidebands on at the shaft's distance, the one that means most, or a fiftieth of what is there. */
export function toggleSidebands(b: Bench, shaftHz: number | null | undefined): void {
  const { hz, spacing } = cursor.get();
  if (b.sidebands === 0 && spacing === undefined) moveCursor({ spacing: shaftHz ?? (hz ?? 100) / 50 });
  setQuery({ sidebands: b.sidebands > 0 ? null : SIDEBANDS });
}

function CursorRow({ subject }: { subject: Subject }) {
  const { s, b } = subject;
  const c = useStore(cursor);
  const hertz = (text: string): number | undefined => (Number(text) > 0 ? Number(text) : undefined);
  return (
    <div class="toolbar">
      <label>
        {t("vibration.cursor")}{" "}
        <input
          type="number"
          min="0"
          step="any"
          inputMode="decimal"
          value={c.hz === undefined ? "" : Number(c.hz.toPrecision(7))}
          onChange={(e) => moveCursor({ hz: hertz(e.currentTarget.value) })}
        />{" "}
        Hz
      </label>
      <label class="check">
        <input type="checkbox" data-testid="harmonics" checked={b.harmonics > 0} onChange={() => toggleHarmonics(b)} />
        {t("vibration.harmonics")}
      </label>
      {b.harmonics > 0 && (
        <Count label={t("bench.how_many_harmonics")} now={b.harmonics} most={MOST_HARMONICS} set={(n) => setQuery({ harmonics: n })} />
      )}
      <label class="check">
        <input type="checkbox" data-testid="sidebands" checked={b.sidebands > 0} onChange={() => toggleSidebands(b, s.shaft_hz)} />
        {t("bench.sidebands")}
      </label>
      {b.sidebands > 0 && (
        <>
          <Count label={t("bench.how_many_sidebands")} now={b.sidebands} most={MOST_SIDEBANDS} set={(n) => setQuery({ sidebands: n })} />
          <label>
            ±{" "}
            <input
              type="number"
              min="0"
              step="any"
              inputMode="decimal"
              aria-label={t("bench.spacing")}
              value={c.spacing === undefined ? "" : Number(c.spacing.toPrecision(7))}
              onChange={(e) => moveCursor({ spacing: hertz(e.currentTarget.value) })}
            />{" "}
            Hz
          </label>
        </>
      )}
      {(c.hz !== undefined || c.t !== undefined) && (
        <button
          type="button"
          onClick={() => {
            moveCursor({ hz: undefined, spacing: undefined, t: undefined });
            setQuery({ harmonics: null, sidebands: null });
          }}
        >
          {t("vibration.clear_cursor")}
        </button>
      )}
      <output class="readout" data-testid="cursor-readout">
        {c.hz === undefined && c.t === undefined ? t("bench.no_cursor") : <Reading subject={subject} c={c} />}
      </output>
    </div>
  );
}

function Count(props: { label: string; now: number; most: number; set: (n: number) => void }) {
  return (
    <input
      class="count"
      type="number"
      aria-label={props.label}
      min="1"
      max={props.most}
      value={props.now}
      onChange={(e) => props.set(Math.max(1, Math.min(props.most, Math.round(Number(e.currentTarget.value)) || 1)))}
    />
  );
}

/** What every chart reads at the cursors, and what may be there. */
function Reading({ subject: { s, b, w, groups, samples }, c }: { subject: Subject; c: Cursor }) {
  const parts: string[] = [];
  const { hz } = c;
  if (hz !== undefined) {
    parts.push(`${num(hz, 6)} Hz`, `${num(hz * 60, 6)} r/min`, `T ${quantity(1000 / hz, "ms", 4)}`);
    if (s.shaft_hz) parts.push(t("vibration.orders", { n: num(hz / s.shaft_hz, 4) }));
    const envelope = valueAt(s.envelope.ratio, s.envelope.df_hz, hz);
    if (envelope !== undefined) parts.push(`${t("vibration.envelope")} ${num(envelope)}×`);
    parts.push(...amplitudes(s, b, hz));
  }
  const v = c.t !== undefined && samples.data ? samples.data[Math.round(c.t * w.fs)] : undefined;
  if (c.t !== undefined) parts.push(`t ${quantity(c.t, "s", 6)}`);
  if (v !== undefined) parts.push(`${t("vibration.waveform")} ${quantity(v, w.unit, 4)}`);
  return (
    <>
      {parts.join(" · ")}
      {hz !== undefined && (
        <strong class="what" data-testid="cursor-what">
          {" "}
          {what(hz, groups, s.shaft_hz, s.envelope.df_hz || s.spectrum.df_hz || 1)}
        </strong>
      )}
    </>
  );
}

/** The line at `hz` as acceleration, velocity and displacement, by the chosen detector. */
function amplitudes(s: Subject["s"], b: Bench, hz: number): string[] {
  const from = quantityOf(s.spectrum.unit);
  const line = valueAt(s.spectrum.amplitude, s.spectrum.df_hz, hz);
  if (!from || line === undefined) return [];
  const shown: Quantity[] = [b.quantity === "g" ? "g" : "ms2", "mms", "um"];
  return shown.map((q) => quantity(line * factor(from, q, hz) * DETECTORS[b.detector], FORMS[q].unit));
}
