import type { MachineDetail, PointDetail, ZoneLetter } from "../api/types";
import { code, t } from "../i18n";
import { pointTitle, usable } from "../lib/condition";
import { quantity } from "../lib/format";
import { DriveTrain } from "./drive-train";

/** Where a bearing stands on the drawn shaft, by its name or its place in the list. */
export function bearingPlaces(names: string[]): Map<string, number> {
  const [LEFT, RIGHT] = [210, 510];
  const out = new Map<string, number>();
  const rest = names.filter((n) => {
    const known = /^(NDE|ODE)$/i.test(n) ? LEFT : /^(DE|IDE)$/i.test(n) ? RIGHT : undefined;
    if (known !== undefined) out.set(n, known);
    return known === undefined;
  });
  const taken = out.size > 0;
  rest.forEach((n, i) => {
    const share = rest.length === 1 ? 0.5 : i / (rest.length - 1);
    out.set(n, taken ? 290 + share * 140 : LEFT + share * (RIGHT - LEFT));
  });
  return out;
}

export const zoneOf = (p: PointDetail): ZoneLetter | null => (p.zone && "zone" in p.zone ? p.zone.zone : null);

/** A failed sensor gives no verdict, whatever its zone says. */
export const sensorFailed = (p: PointDetail): boolean => p.diagnosis?.sensor.healthy === false;

/** What a point reads right now, in a few characters. */
export function pointReading(p: PointDetail): string {
  if (p.kind === "waveform") {
    const v = p.indicators.find((i) => i.name === "velocity_rms") ?? p.indicators[0];
    if (!v && p.diagnosis) return "–";
    return usable(v?.last) && typeof v.last.value === "number" ? quantity(v.last.value, v.unit) : t("value.none");
  }
  if (!usable(p.last)) return t("value.none");
  return typeof p.last.value === "number" ? quantity(p.last.value, p.unit) : String(p.last.value);
}

/** Where a point stands beside its bearing at `x`, and on which side its reading is written. */
function spotAt(p: PointDetail, x: number): { x: number; y: number; side: "start" | "end" } {
  const outward = x < MIDDLE ? -1 : 1;
  switch (p.location.axis) {
    case "vertical":
      return { x, y: 60, side: "start" };
    case "horizontal":
      return { x: x - 42, y: 192, side: "end" };
    case "axial":
      return { x: x + outward * 52, y: 90, side: outward < 0 ? "end" : "start" };
    default:
      return { x: x + 42, y: 192, side: "start" };
  }
}

const MIDDLE = 360;

/** The machine with its points: its train where one is stated, else the machine as one body on one shaft. */
export function Train(props: { m: MachineDetail; selected: string | undefined; select: (point: string) => void }) {
  const { m } = props;
  const names = m.bearings.map((b) => b.name);
  const placed = m.points.filter((p) => p.location.bearing && names.includes(p.location.bearing));
  const loose = m.points.filter((p) => !placed.includes(p));
  const train = m.train && !m.train.error ? m.train : null;
  return (
    <div class="train">
      {train ? <DriveTrain {...props} train={train} placed={placed} /> : <OneBody {...props} placed={placed} />}
      {m.train?.error && <p class="muted">{t("train.impossible", { error: m.train.error })}</p>}
      {loose.length > 0 && (
        <ul class="loose">
          {loose.map((p) => (
            <li key={p.name}>
              <button
                type="button"
                aria-pressed={props.selected === p.name}
                class={spotClass(p)}
                onClick={() => props.select(p.name)}
              >
                <span class="muted">{pointTitle(p)}</span> <b>{pointReading(p)}</b>
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

/**
 * A schematic of the machine: its body, shaft and bearings, and each point where it sits. Only what was stated is
 * drawn.
 */
function OneBody(props: {
  m: MachineDetail;
  placed: PointDetail[];
  selected: string | undefined;
  select: (point: string) => void;
}) {
  const { m, placed } = props;
  const places = bearingPlaces(m.bearings.map((b) => b.name));
  return (
    <svg viewBox="40 36 640 216" role="group" aria-label={t("machine.train")}>
      <path class="ground" d="M90 214h540" />
      <path class="shaft" d="M150 128h450v10H150z" />
      <Body kind={m.class} />
      <path class="coupling" d="M590 112h10v42h-10zM604 112h10v42h-10z" />
      {m.bearings.map((b) => (
        <g key={b.name} class="bearing" transform={`translate(${places.get(b.name) ?? 360} 0)`}>
          <path class="housing" d="M-19 108h38v50l9 56h-56l9-56z" />
          <circle cx="0" cy="133" r="14" />
          <circle cx="0" cy="133" r="6.5" />
          <text x="0" y="231" text-anchor="middle">
            {b.name}
          </text>
          {b.designation && (
            <text class="muted" x="0" y="246" text-anchor="middle">
              {b.designation}
            </text>
          )}
        </g>
      ))}
      {placed.map((p, i) => {
        const x0 = places.get(p.location.bearing ?? "") ?? MIDDLE;
        const twins = placed.slice(0, i).filter((o) => sameSpot(o, p)).length;
        const spot = spotAt(p, x0);
        return <Marker key={p.name} p={p} {...spot} y={spot.y - twins * 27} from={[x0, 133]} {...props} />;
      })}
    </svg>
  );
}

const sameSpot = (a: PointDetail, b: PointDetail) =>
  a.location.bearing === b.location.bearing && (a.location.axis ?? "radial") === (b.location.axis ?? "radial");

function spotClass(p: PointDetail): string {
  if (sensorFailed(p)) return "spot failed";
  if (p.kind === "scalar") return usable(p.last) ? "spot plain" : "spot none";
  return `spot z${zoneOf(p) ?? "none"}`;
}

/** A point: a disc with its zone, a line to where it sits, and its reading beside it or at `text`. */
export function Marker(props: {
  p: PointDetail;
  x: number;
  y: number;
  side?: "start" | "end";
  text?: { x: number; y: number };
  from: [number, number];
  selected: string | undefined;
  select: (point: string) => void;
}) {
  const { p, x, y, side, text, from } = props;
  const judged = p.kind === "waveform";
  const zone = zoneOf(p);
  const failed = sensorFailed(p);
  const state = failed ? t("machine.sensor_failed") : zone ? code("zone", zone) : t("zone.none");
  const label = [`${pointTitle(p)}: ${pointReading(p)}`, judged && state].filter(Boolean).join(", ");
  const pick = () => props.select(p.name);
  return (
    <g class={`${spotClass(p)} ${props.selected === p.name ? "picked" : ""}`}>
      <path class="lead" d={`M${from[0]} ${from[1]}L${x} ${y}`} />
      <g
        class="hit"
        role="button"
        tabIndex={0}
        aria-label={label}
        aria-pressed={props.selected === p.name}
        onClick={pick}
        onKeyDown={(e) => {
          if (e.key === "Enter" || e.key === " ") (e.preventDefault(), pick());
        }}
      >
        <circle class="spot-ring" cx={x} cy={y} r="15" />
        <circle class="spot-disc" cx={x} cy={y} r={judged ? 11.5 : 6} />
      </g>
      {judged && (
        <text class="letter" x={x} y={y + 4.5} text-anchor="middle" aria-hidden="true">
          {failed ? "!" : (zone ?? "–")}
        </text>
      )}
      <text
        class="reading"
        x={text?.x ?? x + (side === "end" ? -1 : 1) * (judged ? 18 : 12)}
        y={text?.y ?? y + 4}
        text-anchor={text ? "middle" : side}
        aria-hidden="true"
      >
        {pointReading(p)}
      </text>
    </g>
  );
}

/** The outline that engineers know the class by. */
function Body({ kind }: { kind: string }) {
  switch (kind) {
    case "motor":
    case "turbine":
      return (
        <g class="body">
          <path d="M262 84h196v98H262z" />
          <path class="detail" d="M262 98h196M262 112h196M262 154h196M262 168h196" />
          <path d="M330 66h60v18h-60zM286 182h34v32h-34zM400 182h34v32h-34z" />
        </g>
      );
    case "fan":
      return (
        <g class="body">
          <path d="M318 190V120a62 62 0 1 1 62 74H318zM318 190H262v-34h56" />
          <circle class="detail" cx="368" cy="133" r="42" />
          <path class="detail" d="M368 133q8-26 30-30M368 133q26 8 30 30M368 133q-8 26-30 30M368 133q-26-8-30-30" />
          <path d="M322 194h92v20h-92z" />
        </g>
      );
    case "pump":
      return (
        <g class="body">
          <circle cx="360" cy="136" r="58" />
          <path d="M396 92V56h34v70M322 194h76v20h-76z" />
          <path class="detail" d="M360 136q4-24 28-32M360 136q24 6 28 30M360 136q-12 24-32 22M360 136q-22-10-18-34" />
        </g>
      );
    case "gearbox":
      return (
        <g class="body">
          <path d="M268 70h184v126H268z" />
          <circle class="detail" cx="326" cy="133" r="44" />
          <circle class="detail" cx="404" cy="133" r="30" />
          <path d="M290 196h32v18h-32zM398 196h32v18h-32z" />
        </g>
      );
    case "compressor":
      return (
        <g class="body">
          <path d="M264 78l196 24v62l-196 24z" />
          <path class="detail" d="M304 84v98M344 89v88M384 94v78M424 99v68" />
          <path d="M290 184h34v30h-34zM404 172h34v42h-34z" />
        </g>
      );
    default:
      return (
        <g class="body">
          <path d="M268 80h184v104H268zM288 184h34v30h-34zM398 184h34v30h-34z" />
        </g>
      );
  }
}
