import { useEffect } from "preact/hooks";
import { registerKeys } from "../../lib/keys";
import { nextPeak } from "../../lib/spectrum";
import { route } from "../../lib/router";
import { parseWindow } from "../../lib/spectrum";
import { toggleHarmonics, toggleSidebands } from "./controls";
import type { Subject } from "./record";
import { active, cursor, moveCursor, undoZoom, type ZoomKey } from "./state";

/** What the arrow keys step through: the lines of the chart used last. */
export function linesOf({ s }: Subject, key: ZoomKey): { y: ArrayLike<number>; df: number } {
  if (key === "velocity" && s.velocity.amplitude.length > 0) return { y: s.velocity.amplitude, df: s.velocity.df_hz };
  if (key === "spectrum" && s.spectrum.amplitude.length > 0) return { y: s.spectrum.amplitude, df: s.spectrum.df_hz };
  return { y: s.envelope.ratio, df: s.envelope.df_hz };
}

function step(subject: Subject, direction: 1 | -1, toPeak: boolean): void {
  const key = active.get();
  const c = cursor.get();
  if (key === "time") {
    const dt = (toPeak ? 100 : 1) / subject.w.fs;
    return moveCursor({ t: Math.max(0, Math.min(subject.w.duration_s, (c.t ?? 0) + direction * dt)) });
  }
  const { y, df } = linesOf(subject, key);
  if (!(df > 0) || y.length === 0) return;
  const end = (y.length - 1) * df;
  const window = parseWindow(route().query[key]) ?? [0, end];
  const from = c.hz ?? (direction > 0 ? window[0] : window[1]);
  if (toPeak) {
    const next = nextPeak(y, df, window, from, direction);
    if (next !== undefined) moveCursor({ hz: next });
    return;
  }
  moveCursor({ hz: Math.max(df, Math.min(end, (Math.round(from / df) + direction) * df)) });
}

/** Arrow keys move the cursor by a line, with shift from peak to peak; `h` and `s` switch the sets, `u` undoes a zoom. */
export function useBenchKeys(subject: Subject): void {
  useEffect(() =>
    registerKeys({
      ArrowRight: (e) => step(subject, 1, e.shiftKey),
      ArrowLeft: (e) => step(subject, -1, e.shiftKey),
      h: () => toggleHarmonics(subject.b),
      s: () => toggleSidebands(subject.b, subject.s.shaft_hz),
      u: undoZoom,
    }),
  );
}
