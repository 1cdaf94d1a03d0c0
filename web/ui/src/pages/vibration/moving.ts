import { harmonics, periods, sidebands } from "../../lib/marks";
import type { Moving, VLine } from "../../parts/line-chart";
import { cursor, moveCursor, type Bench } from "./state";

/** The cursor on a frequency axis, its multiples and its sidebands; all of them can be taken and moved. */
export function frequencyCursors(b: Bench, unitHz: number): Moving {
  const at = (hz: number, kind: VLine["kind"], text?: string): VLine => ({ x: hz / unitHz, kind, ...(text ? { text } : {}) });
  return {
    watch: cursor.subscribe,
    lines(top) {
      const { hz, spacing } = cursor.get();
      if (hz === undefined) return [];
      const end = top * unitHz;
      const out = [at(hz, "cursor")];
      if (b.harmonics > 0) harmonics(hz, b.harmonics, end).forEach((h, i) => out.push(at(h, "harmonic", `${i + 2}`)));
      if (b.sidebands > 0 && spacing !== undefined) {
        for (const s of sidebands(hz, spacing, b.sidebands, end)) out.push(at(s.hz, "sideband", s.k > 0 ? `+${s.k}` : `${s.k}`));
      }
      return out;
    },
    grab(x, reach, top) {
      const { hz, spacing } = cursor.get();
      if (hz === undefined) return undefined;
      const near = (v: number) => Math.abs(v / unitHz - x) <= reach;
      if (near(hz)) return (to) => to > 0 && moveCursor({ hz: to * unitHz });
      if (b.sidebands > 0 && spacing !== undefined) {
        const side = sidebands(hz, spacing, b.sidebands, top * unitHz).find((s) => near(s.hz));
        // The line follows the pointer, the others keep their distances from each other.
        if (side) return (to) => (to * unitHz - hz) / side.k > 0 && moveCursor({ spacing: (to * unitHz - hz) / side.k });
      }
      if (b.harmonics > 0) {
        const i = harmonics(hz, b.harmonics, top * unitHz).findIndex(near);
        // A multiple is taken to set the fundamental finely: at the tenth, a tenth of the movement.
        if (i >= 0) return (to) => to > 0 && moveCursor({ hz: (to * unitHz) / (i + 2) });
      }
      return undefined;
    },
  };
}

/** More periods than this in view are a grey curtain and say nothing. */
const MOST_PERIODS = 60;

/** The cursor in time, and when what the frequency cursor marks comes again. */
export function timeCursors(window: [number, number]): Moving {
  return {
    watch: cursor.subscribe,
    lines() {
      const { t, hz } = cursor.get();
      const out: VLine[] = [];
      if (t !== undefined) out.push({ x: t, kind: "cursor" });
      const from = t ?? window[0];
      if (hz !== undefined) for (const x of periods(from, hz, window[0], window[1], MOST_PERIODS)) out.push({ x, kind: "harmonic" });
      return out;
    },
    grab(x, reach) {
      const { t } = cursor.get();
      return t !== undefined && Math.abs(t - x) <= reach ? (to) => to > 0 && moveCursor({ t: to }) : undefined;
    },
  };
}
