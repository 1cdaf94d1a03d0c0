/** Which frequencies to mark, and what a frequency may be; plain arithmetic. */

export interface Line {
  label: string;
  bearing?: string | null;
  harmonic: number;
  hz: number;
  ratio?: number;
  /** By how much the line lies beside what the geometry says, as a part of it. */
  slip?: number | null;
}

export const lineKey = (l: { bearing?: string | null; label: string }): string => `${l.bearing ?? ""}.${l.label}`;

/** The slip that a bearing can have, as parts: the slider's ends. */
export const SLIP: readonly [number, number] = [-0.02, 0.01];

/**
 * Where a line lies with another slip: one slip for all harmonics of a hypothesis. What cannot slip, or lies where
 * nobody says by how much it slipped, stays.
 */
export function slipped(l: Line, wanted: number | undefined): number {
  if (wanted === undefined || l.slip === null || l.slip === undefined) return l.hz;
  return (l.hz / (1 + l.slip)) * (1 + wanted);
}

/** The multiples 2 … n of `hz` up to `top`. */
export function harmonics(hz: number, n: number, top: number): number[] {
  const out: number[] = [];
  for (let k = 2; k <= n && k * hz <= top; k++) out.push(k * hz);
  return out;
}

/** centre ± k · spacing for k = 1 … n, within 0 … top, from the lowest. */
export function sidebands(centre: number, spacing: number, n: number, top: number): { hz: number; k: number }[] {
  const out: { hz: number; k: number }[] = [];
  if (!(spacing > 0)) return out;
  for (let k = -n; k <= n; k++) {
    const hz = centre + k * spacing;
    if (k !== 0 && hz > 0 && hz <= top) out.push({ hz, k });
  }
  return out;
}

/** The groups that lines come in, in order: each with its fundamental under `slip`. */
export interface Group {
  key: string;
  label: string;
  bearing: string | null;
  fundamental: number;
  lines: Line[];
  canSlip: boolean;
}

export function groups(lines: Line[], slip?: number): Group[] {
  const out = new Map<string, Group>();
  for (const l of lines) {
    const key = lineKey(l);
    let g = out.get(key);
    if (!g) {
      g = {
        key,
        label: l.label,
        bearing: l.bearing ?? null,
        fundamental: slipped(l, slip) / l.harmonic,
        lines: [],
        canSlip: l.slip !== null && l.slip !== undefined,
      };
      out.set(key, g);
    }
    g.lines.push(l);
  }
  return [...out.values()];
}

export interface Explanation {
  label: string;
  bearing: string | null;
  harmonic: number;
  /** Which sideband at the shaft's distance; 0 the line itself. */
  side: number;
  hz: number;
  /** Found minus expected, Hz. */
  off: number;
}

const SHAFT_MULTIPLES = 20;
const FAULT_MULTIPLES = 10;
const SIDES = 2;

/**
 * What lies within `reach` Hz of `hz`: multiples of the shaft's speed, of every group, and the sidebands of the latter
 * at the shaft's distance. Those without a sideband first, low multiples first.
 */
export function explain(hz: number, of: Group[], shaftHz: number | null | undefined, reach: number): Explanation[] {
  const out: Explanation[] = [];
  const add = (label: string, bearing: string | null, harmonic: number, side: number, at: number) => {
    if (at > 0 && Math.abs(hz - at) <= reach) out.push({ label, bearing, harmonic, side, hz: at, off: hz - at });
  };
  if (shaftHz) for (let k = 1; k <= SHAFT_MULTIPLES; k++) add("shaft", null, k, 0, k * shaftHz);
  for (const g of of.filter((g) => g.label !== "shaft")) {
    for (let k = 1; k <= FAULT_MULTIPLES; k++) {
      add(g.label, g.bearing, k, 0, k * g.fundamental);
      if (!shaftHz) continue;
      for (let s = -SIDES; s <= SIDES; s++) if (s !== 0) add(g.label, g.bearing, k, s, k * g.fundamental + s * shaftHz);
    }
  }
  const rank = (e: Explanation) => Math.abs(e.side) * 100 + e.harmonic;
  return out.sort((a, b) => rank(a) - rank(b) || Math.abs(a.off) - Math.abs(b.off));
}

/** Instants at which something of frequency `hz` comes again, from `t` on both ways; none where they would be too many. */
export function periods(t: number, hz: number, from: number, to: number, most: number): number[] {
  if (!(hz > 0) || (to - from) * hz > most) return [];
  const out: number[] = [];
  for (let k = Math.ceil((from - t) * hz); t + k / hz <= to; k++) if (k !== 0) out.push(t + k / hz);
  return out;
}
