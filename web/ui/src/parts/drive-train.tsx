import { useMemo } from "preact/hooks";
import type { MachineDetail, PointDetail, Train, TrainStage, TrainUnit } from "../api/types";
import { code, t } from "../i18n";
import { num, quantity } from "../lib/format";
import { layout, spread, type Layout, type PlacedUnit } from "../lib/train-layout";
import { Marker, sensorFailed, zoneOf } from "./train";

/** Room between two markers side by side: a reading in either language. */
const APART = 76;
const TOP_LANE = 34;

/** What a unit is called: its name where it says more than its kind. */
export const unitTitle = (u: TrainUnit): string => (u.name === u.kind ? code("unit", u.kind) : u.name);

function stageText(s: TrainStage): string {
  const teeth = s.gears.map((g) => g.teeth);
  if (s.kind === "gears") return teeth.join(" : ");
  if (s.kind === "ratio") return t("train.ratio", { ratio: num(s.ratio, 4) });
  const [sun, planet, ring] = teeth;
  const values = { sun: sun ?? "", planet: planet ?? "", ring: ring ?? "", planets: s.planets ?? "" };
  return t("train.planetary", { ...values, fixed: code("member", s.fixed ?? "") });
}

/** What is known of a unit, in a few words each. */
export function unitFacts(u: TrainUnit): string[] {
  const of = <T,>(v: T | null | undefined, say: (v: T) => string) => (v == null ? [] : [say(v)]);
  return [
    ...of(u.poles, (n) => t("train.poles", { n })),
    ...of(u.line_hz, (hz) => quantity(hz, "Hz")),
    ...of(u.rotor_bars, (n) => t("train.bars", { n })),
    ...u.stages.map(stageText),
    ...of(u.pulleys_mm, ([a, b]) => `⌀ ${num(a, 4)} → ${num(b, 4)} mm`),
    ...of(u.belt_mm, (mm) => t("train.belt_length", { mm: num(mm, 5) })),
    ...of(u.passing_count, (n) => `${n} ${code("passing", u.passing ?? "")}`),
  ];
}

const isAbove = (p: PointDetail): boolean => p.location.axis === "vertical" || p.location.axis === "axial";

const worst = (points: PointDetail[]): string => {
  const zones = points.filter((p) => !sensorFailed(p)).map(zoneOf);
  return zones.filter((z) => z !== null).sort().at(-1) ?? "none";
};

/**
 * The train of a machine from the driving end to the driven one: units, shafts, gears and bearings, and above and below
 * them what is measured there. Beneath it the same in words.
 */
export function DriveTrain(props: {
  m: MachineDetail;
  train: Train;
  placed: PointDetail[];
  selected: string | undefined;
  select: (point: string) => void;
}) {
  const { m, train, placed } = props;
  const at = useMemo(() => layout(m, train), [m.bearings, train]);
  const lanes = [placed.filter(isAbove), placed.filter((p) => !isAbove(p))];
  const width = Math.max(at.width, ...lanes.map((l) => l.length * APART + 56));
  return (
    <>
      <div class="drive" tabIndex={0} role="region" aria-label={t("machine.train")}>
        <svg viewBox={`0 0 ${width} ${at.height}`} style={{ "--w": `${width}px` }} role="group" aria-label={t("machine.train")}>
          <g aria-hidden="true">
            {at.units.map((u) => (
              <Unit key={u.unit.name} u={u} />
            ))}
            {at.shafts.map((s) => (
              <rect key={s.name} class="shaft" x={s.x1} y={s.y - 4} width={s.x2 - s.x1} height="8" rx="1.5" />
            ))}
            {at.units.filter((u) => u.unit.kind === "coupling").map((u) => (
              <path key={u.unit.name} class="coupling" d={`M${u.x + 3} ${u.top - 20}h9v40h-9zM${u.x + 18} ${u.top - 20}h9v40h-9z`} />
            ))}
            {at.belts.map((b) => (
              <g key={b.x} class="belt">
                <path d={`M${b.x - 9} ${b.y1 - b.r1}h18V${b.y2 + b.r2}h-18z`} />
                <rect class="pulley" x={b.x - 13} y={b.y1 - b.r1} width="26" height={2 * b.r1} rx="2" />
                <rect class="pulley" x={b.x - 13} y={b.y2 - b.r2} width="26" height={2 * b.r2} rx="2" />
              </g>
            ))}
            {at.gears.map((g) => (
              <g key={`${g.x} ${g.y} ${g.teeth}`} class={`gear ${g.member ?? ""}`}>
                <rect x={g.x - (g.member === "ring" ? 12 : 8)} y={g.y - g.r} width={g.member === "ring" ? 24 : 16} height={2 * g.r} rx="2" />
                {!g.member && (
                  <text x={g.x + 12} y={g.y + (g.r > 30 ? g.r - 4 : -8)}>
                    {g.teeth}
                  </text>
                )}
              </g>
            ))}
          </g>
          {at.bearings.map((b) => (
            <g key={b.name} class={`seat z${worst(placed.filter((p) => p.location.bearing === b.name))}`} aria-hidden="true">
              <circle cx={b.x} cy={b.y} r="11" />
              <circle class="bore" cx={b.x} cy={b.y} r="4.5" />
              <text x={b.x} y={b.y + 25} text-anchor="middle">
                {b.name}
              </text>
            </g>
          ))}
          {lanes.map((points, i) => (
            <Lane key={i} {...props} of={at} points={points} y={i === 0 ? TOP_LANE : at.height - 48} width={width} />
          ))}
        </svg>
      </div>
      <Words m={m} train={train} />
    </>
  );
}

/** Markers in a row, each as near to its bearing as its neighbours let it. */
function Lane(props: {
  of: Layout;
  points: PointDetail[];
  y: number;
  width: number;
  selected: string | undefined;
  select: (point: string) => void;
}) {
  const seats = props.points.map((p) => props.of.bearings.find((b) => b.name === p.location.bearing));
  const xs = spread(seats.map((b) => b?.x ?? 0), APART, 44, props.width - 44);
  const up = props.y < 100;
  return (
    <>
      {props.points.map((p, i) => {
        const seat = seats[i];
        const x = xs[i] ?? 0;
        if (!seat) return null;
        const below = { x, y: props.y + (up ? -21 : 30) };
        const from: [number, number] = [seat.x, seat.y + (up ? -11 : 11)];
        return <Marker key={p.name} p={p} x={x} y={props.y} text={below} from={from} selected={props.selected} select={props.select} />;
      })}
    </>
  );
}

function Unit({ u }: { u: PlacedUnit }) {
  const { unit, x, width, top, bottom } = u;
  const middle = x + width / 2;
  return (
    <g class="unit">
      <Outline kind={unit.kind} x={x} w={width} y={top} bottom={bottom} />
      {unit.kind !== "coupling" && (
        <text x={middle} y={bottom + 74} text-anchor="middle">
          {unitTitle(unit)}
        </text>
      )}
    </g>
  );
}

/** The outline that engineers know the unit by, around a shaft at height `y`. */
function Outline({ kind, x, w, y, bottom }: { kind: string; x: number; w: number; y: number; bottom: number }) {
  const middle = x + w / 2;
  switch (kind) {
    case "coupling":
    case "belt":
      return null;
    case "gearbox":
      return <path class="case" d={`M${x} ${y - 56}h${w}V${bottom + 56}h${-w}z`} />;
    case "motor":
    case "generator":
      return (
        <>
          <path class="case" d={`M${x + 26} ${y - 44}h${w - 52}v88h${52 - w}zM${x + 6} ${y - 26}h20v52h-20zM${x + w - 26} ${y - 26}h20v52h-20z`} />
          <path class="detail" d={[-32, -20, 20, 32].map((d) => `M${x + 26} ${y + d}h${w - 52}`).join("")} />
        </>
      );
    case "fan":
      return (
        <>
          <path class="case" d={`M${middle - 34} ${y + 46}V${y - 10}a34 40 0 1 1 34 44h-8v12zM${x + 4} ${y - 20}h20v40h-20zM${x + w - 24} ${y - 20}h20v40h-20z`} />
          <ellipse class="detail" cx={middle} cy={y - 6} rx="25" ry="32" />
        </>
      );
    case "pump":
      return (
        <path
          class="case"
          d={`M${middle + 10} ${y - 36}V${y - 54}h24v34a38 38 0 1 1 -24-16zM${x + 4} ${y - 20}h20v40h-20zM${x + w - 24} ${y - 20}h20v40h-20z`}
        />
      );
    case "compressor":
      return <path class="case" d={`M${x + 10} ${y - 48}l${w - 20} 18v60l${20 - w} 18z`} />;
    case "turbine":
      return <path class="case" d={`M${x + 10} ${y - 28}l${w - 20} -20v96l${20 - w} -20z`} />;
    case "roll":
      return <path class="case" d={`M${x + 30} ${y - 32}h${w - 60}v64h${60 - w}zM${x + 6} ${y - 20}h18v40h-18zM${x + w - 24} ${y - 20}h18v40h-18z`} />;
    default:
      return <path class="case" d={`M${x + 8} ${y - 42}h${w - 16}v84h${16 - w}z`} />;
  }
}

/** Units and shafts in words: what the picture cannot say, and the picture for those who do not see it. */
function Words({ m, train }: { m: MachineDetail; train: Train }) {
  const speed = (shaft: string) => {
    const s = train.shafts.find((x) => x.name === shaft);
    if (!s) return shaft;
    const rpm = m.nominal_rpm == null ? "" : `${s.tolerance > 0 ? "≈ " : ""}${quantity(m.nominal_rpm * Math.abs(s.ratio), "r/min", 4)}`;
    const ratio = s.name === train.measured ? t("train.measured") : `× ${num(Math.abs(s.ratio), 4)}`;
    return [shaft, [rpm, ratio].filter(Boolean).join(", ")].filter(Boolean).join(": ");
  };
  return (
    <div class="train-words">
      <ol aria-label={t("train.units")}>
        {train.units.map((u) => (
          <li key={u.name}>
            <b>{unitTitle(u)}</b> <span class="muted">{unitFacts(u).join(" · ")}</span>
          </li>
        ))}
      </ol>
      <ul aria-label={t("train.shafts")}>
        {train.shafts.map((s) => (
          <li key={s.name}>{speed(s.name)}</li>
        ))}
      </ul>
    </div>
  );
}

/** Where the train may show something at nominal speed. */
export function Tones({ train }: { train: Train }) {
  if (train.tones.length === 0 || train.tones_rpm == null) return null;
  return (
    <details class="tones">
      <summary>{t("train.tones", { speed: quantity(train.tones_rpm, "r/min", 4) })}</summary>
      <table class="terms">
        <thead>
          <tr>
            <th scope="col">{t("train.tone")}</th>
            <th scope="col" class="n">Hz</th>
            <th scope="col" class="n">± Hz</th>
          </tr>
        </thead>
        <tbody>
          {train.tones.map((x) => (
            <tr key={`${x.label} ${x.of} ${x.stage} ${x.hz}`}>
              <th scope="row">
                {code("fault", x.label)}{" "}
                <small class="muted">
                  {code("unit", x.of)}
                  {x.stage > 0 && ` ${x.stage}`}
                </small>
              </th>
              <td class="n">{num(x.hz, 4)}</td>
              <td class="n">{x.sidebands_hz.map((hz) => num(hz, 3)).join(", ")}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
