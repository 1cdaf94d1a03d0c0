import type { MachineDetail, Train, TrainUnit } from "../api/types";

/** Where everything of a train stands in its picture, in the picture's own units. */
export interface Layout {
  width: number;
  height: number;
  units: PlacedUnit[];
  shafts: PlacedShaft[];
  gears: PlacedGear[];
  belts: PlacedBelt[];
  bearings: PlacedBearing[];
}

export interface PlacedUnit {
  unit: TrainUnit;
  x: number;
  width: number;
  /** Middle of its first and of its last shaft. */
  top: number;
  bottom: number;
}

export interface PlacedShaft {
  name: string;
  x1: number;
  x2: number;
  y: number;
}

/** A gear seen from the side: `r` above and below its shaft. */
export interface PlacedGear {
  x: number;
  y: number;
  r: number;
  teeth: number;
  member?: "sun" | "planet" | "ring";
}

export interface PlacedBelt {
  x: number;
  y1: number;
  y2: number;
  r1: number;
  r2: number;
}

export interface PlacedBearing {
  name: string;
  x: number;
  y: number;
}

/** Room above the first shaft and below the last one, for what is measured there. */
const ABOVE = 128;
const BELOW = 154;
const STEP = 66;
const GAP = 26;
const MARGIN = 24;
const COLUMN = 62;
const WIDTHS: Record<string, number> = { motor: 128, generator: 128, coupling: 30, belt: 56, roll: 150 };

const stages = (u: TrainUnit): number => u.stages.reduce((n, s) => n + Math.max(1, s.kind === "gears" ? s.gears.length - 1 : 1), 0);

const widthOf = (u: TrainUnit): number => (u.kind === "gearbox" ? 64 + COLUMN * stages(u) : (WIDTHS[u.kind] ?? 124));

const isJoint = (u: TrainUnit): boolean => u.kind === "coupling" || u.kind === "belt";

/** On which level each shaft lies: gears and belts lead one down, everything else stays. */
function levels(train: Train): Map<string, number> {
  const at = new Map<string, number>();
  const tie = (from: string, to: string, down: number) => {
    const [a, b] = [at.get(from), at.get(to)];
    if (a === undefined && b === undefined) at.set(from, 0);
    if (b === undefined) at.set(to, (at.get(from) ?? 0) + down);
    else if (a === undefined) at.set(from, b - down);
  };
  for (const u of train.units) {
    const [first, second] = u.shafts;
    if (u.kind === "gearbox") {
      for (const s of u.stages) {
        if (s.kind === "gears") {
          s.gears.slice(1).forEach((g, i) => tie(s.gears[i]?.shaft ?? "", g.shaft ?? "", 1));
        } else {
          const [a, b] = stageShafts(s);
          if (a && b) tie(a, b, 0);
        }
      }
    } else if (first && second) tie(first, second, u.kind === "belt" ? 1 : 0);
    else if (first && !at.has(first)) at.set(first, 0);
  }
  const least = Math.min(0, ...at.values());
  return new Map([...at].map(([name, level]) => [name, level - least]));
}

/** The two shafts of a planetary stage, or of one of which only the ratio is known. */
function stageShafts(s: TrainUnit["stages"][number]): string[] {
  if (s.kind === "ratio") return s.shafts;
  return [s.gears[0]?.shaft, s.carrier, s.gears[2]?.shaft].filter((n): n is string => n != null);
}

/** Bearings of one shaft from left to right: the drive end is where the coupling is. */
export function inOrder(names: string[], drives: boolean): string[] {
  const end = (n: string) => (/^(NDE|ODE)$/i.test(n) ? -1 : /^(DE|IDE)$/i.test(n) ? 1 : 0);
  return [...names].sort((a, b) => (end(a) - end(b)) * (drives ? 1 : -1) || a.localeCompare(b, "en", { numeric: true }));
}

/** Moves `xs` apart until no two are closer than `least`, as little as it takes, beginning at `from`. */
export function spread(xs: number[], least: number, from: number, to: number): number[] {
  const order = xs.map((x, i) => ({ x, i })).sort((a, b) => a.x - b.x || a.i - b.i);
  let before = from - least;
  for (const o of order) before = o.x = Math.max(o.x, before + least);
  let after = to + least;
  for (const o of order.reverse()) after = o.x = Math.min(o.x, after - least);
  const over = from - (order.at(-1)?.x ?? from);
  const out: number[] = [];
  for (const o of order) out[o.i] = o.x + Math.max(0, over);
  return out;
}

export function layout(m: MachineDetail, train: Train): Layout {
  const level = levels(train);
  const y = (shaft: string) => ABOVE + (level.get(shaft) ?? 0) * STEP;
  const out: Layout = { width: 0, height: 0, units: [], shafts: [], gears: [], belts: [], bearings: [] };
  const spans = new Map<string, [number, number]>();
  const reach = (shaft: string, a: number, b: number) => {
    const [low, high] = spans.get(shaft) ?? [a, b];
    spans.set(shaft, [Math.min(low, a), Math.max(high, b)]);
  };
  let x = MARGIN;
  for (const unit of train.units) {
    const width = widthOf(unit);
    const ys = unit.shafts.map(y);
    out.units.push({ unit, x, width, top: Math.min(...ys), bottom: Math.max(...ys) });
    const middle = x + width / 2;
    const [first, second] = unit.shafts;
    if (unit.kind === "gearbox") placeStages(unit, x, width, y, reach, out);
    else if (first && second) {
      const over = unit.kind === "belt" ? 16 : 0;
      reach(first, Math.min(x, middle), middle + over);
      reach(second, middle - over, x + width);
      const [r1, r2] = radii(unit.pulleys_mm ?? [1, 1], 30);
      if (unit.kind === "belt") out.belts.push({ x: middle, y1: y(first), y2: y(second), r1, r2 });
    } else if (first) reach(first, x - 8, x + width + 8);
    x += width + GAP;
  }
  out.shafts = [...spans].map(([name, [x1, x2]]) => ({ name, x1, x2, y: y(name) }));
  out.bearings = placeBearings(m, train, out, y);
  out.width = Math.max(x - GAP + MARGIN, 420);
  out.height = Math.max(...out.units.map((u) => u.bottom)) + BELOW;
  return out;
}

/** Two sizes in their proportion, the larger one `most`. */
const radii = ([a, b]: [number, number], most: number): [number, number] => {
  const k = most / Math.max(a, b);
  return [Math.max(7, a * k), Math.max(7, b * k)];
};

function placeStages(
  unit: TrainUnit,
  x: number,
  width: number,
  y: (shaft: string) => number,
  reach: (shaft: string, a: number, b: number) => void,
  out: Layout,
) {
  let column = x + 32 + COLUMN / 2;
  for (const s of unit.stages) {
    if (s.kind === "gears") {
      for (let i = 1; i < s.gears.length; i++, column += COLUMN) {
        const [a, b] = [s.gears[i - 1], s.gears[i]];
        if (!a?.shaft || !b?.shaft) continue;
        const apart = Math.abs(y(a.shaft) - y(b.shaft)) || STEP;
        const r = (apart * a.teeth) / (a.teeth + b.teeth);
        out.gears.push({ x: column, y: y(a.shaft), r, teeth: a.teeth }, { x: column, y: y(b.shaft), r: apart - r, teeth: b.teeth });
        for (const g of [a, b]) reach(g.shaft ?? "", x, x + width);
      }
      continue;
    }
    const [a, b] = stageShafts(s);
    if (a) reach(a, x, column);
    if (b) reach(b, column, x + width);
    if (s.kind === "planetary") {
      const at = y(a ?? b ?? "");
      const [sun, planet, ring] = s.gears.map((g) => g.teeth);
      const k = 46 / ((ring ?? 1) / 2);
      const radius = (teeth: number | undefined) => ((teeth ?? 1) / 2) * k;
      out.gears.push({ x: column, y: at, r: radius(ring), teeth: ring ?? 0, member: "ring" });
      out.gears.push({ x: column, y: at - radius(sun) - radius(planet), r: radius(planet), teeth: planet ?? 0, member: "planet" });
      out.gears.push({ x: column, y: at, r: radius(sun), teeth: sun ?? 0, member: "sun" });
    }
    column += COLUMN;
  }
}

function placeBearings(m: MachineDetail, train: Train, of: Layout, y: (shaft: string) => number): PlacedBearing[] {
  const on = new Map<string, string[]>();
  for (const b of m.bearings) {
    const shaft = b.shaft ?? train.measured;
    on.set(shaft, [...(on.get(shaft) ?? []), b.name]);
  }
  return [...on].flatMap(([shaft, names]) => {
    const hosts = of.units.filter((u) => u.unit.shafts.includes(shaft));
    const host = hosts.find((u) => !isJoint(u.unit)) ?? hosts[0];
    const span = of.shafts.find((s) => s.name === shaft);
    if (!host || !span) return [];
    const low = Math.max(host.x, span.x1) + 15;
    const high = Math.min(host.x + host.width, span.x2) - 15;
    const drives = host === of.units[0];
    return inOrder(names, drives).map((name, i) => {
      const share = names.length === 1 ? 0.5 : i / (names.length - 1);
      return { name, x: low + share * (high - low), y: y(shaft) };
    });
  });
}
