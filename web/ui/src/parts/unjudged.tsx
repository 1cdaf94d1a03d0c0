import { get, query as queryString } from "../api/client";
import { useResource } from "../api/resource";
import type { Diagnosis, MachineDetail, PointDetail, QuarantineEntry } from "../api/types";
import { code, t } from "../i18n";
import { FAMILIES } from "../i18n/codes";
import { pointTitle } from "../lib/condition";
import { int, when } from "../lib/format";
import { serverNow } from "../lib/now";
import { href } from "../lib/router";
import { causeOf } from "./said";

const EVERY = 10_000;
const LISTED = 100;

/** Of which family a code is: what is wrong with a sensor, or what is missing for a verdict. */
export const familyOf = (of: string): "sensor" | "refusal" => ((FAMILIES.sensor as readonly string[]).includes(of) ? "sensor" : "refusal");

/** Without the code that says only that the sensor is not believed, where another says why. */
export const precise = (codes: string[]): string[] => {
  const told = codes.filter((c) => c !== "sensor");
  return told.some((c) => familyOf(c) === "sensor") ? told : codes;
};

/** Why something of a record could not be judged, each reason once; a sensor that is not believed is reason enough. */
function reasons(d: Diagnosis): string[] {
  if (!d.sensor.healthy) return d.sensor.codes;
  const of = (v: object): string[] => ("refused" in v ? (v.refused as string[]) : []);
  return [...new Set([...of(d.bearing), ...of(d.zone)])];
}

/** What to do about each of these; nothing for what the catalogue has no advice on. */
export function Advice({ codes }: { codes: string[] }) {
  const all = precise(codes).map((c) => [c, code(`${familyOf(c)}_next`, c)] as const).filter(([c, text]) => text !== c);
  if (all.length === 0) return null;
  return (
    <ul class="todo" data-testid="advice">
      {all.map(([c, text]) => (
        <li key={c}>{text}</li>
      ))}
    </ul>
  );
}

/** The same for everything that a record could not be judged by. */
export const AdviceOn = ({ d }: { d: Diagnosis }) => <Advice codes={reasons(d)} />;

/** Pulses of a tacho and the like need no verdict where something else of the machine has one. */
export const foreign = (d: Diagnosis): boolean => reasons(d).join() === "unit";

const judged = (d: Diagnosis): boolean => d.sensor.healthy && (!("refused" in d.bearing) || !("refused" in d.zone));

/** The sensors whose latest record has no verdict, or only half of one. */
function unjudged(m: MachineDetail): (PointDetail & { diagnosis: Diagnosis })[] {
  const all = m.points.filter((p): p is PointDetail & { diagnosis: Diagnosis } => p.diagnosis !== null && p.diagnosis !== undefined);
  const some = all.some((p) => judged(p.diagnosis));
  return all.filter(({ diagnosis: d }) => reasons(d).length > 0 && !(some && foreign(d)));
}

/** What the machine's state does not rest on, beside that state: a sound machine is only as sound as what was judged. */
export function Unjudged({ m }: { m: MachineDetail }) {
  const points = unjudged(m);
  if (points.length === 0) return null;
  const said = (p: { diagnosis: Diagnosis }) => reasons(p.diagnosis).map((c) => code(familyOf(c), c)).join(t("list.separator"));
  const by = new Map<string, PointDetail[]>();
  for (const p of points) by.set(said(p), [...(by.get(said(p)) ?? []), p]);
  return (
    <ul class="unjudged">
      {[...by].map(([why, of]) => (
        <li key={why}>{t("machine.unjudged", { points: of.map(pointTitle).join(t("list.separator")), why })}</li>
      ))}
    </ul>
  );
}

/** What this machine said that could not be read, with the way to it; nothing where all of it could. */
export function Unread({ site, machine, point }: { site: string; machine: string; point?: string }) {
  const topic = point ? `danxia/v1/${site}/${machine}/${point}/waveform` : `danxia/v1/${site}/${machine}/#`;
  const asked = `quarantine${queryString({ topic, limit: LISTED })}`;
  const found = useResource<{ entries: QuarantineEntry[] }>(asked, (s) => get(asked, s), EVERY);
  const entries = found.data?.entries ?? [];
  if (entries.length === 0) return null;
  const by = new Map<string, QuarantineEntry[]>();
  for (const e of entries) by.set(e.code, [...(by.get(e.code) ?? []), e]);
  return (
    <section class="panel unread" data-testid="in-quarantine" aria-labelledby="unread-title">
      <h2 id="unread-title">{t("machine.unread")}</h2>
      <ul>
        {[...by].map(([of, list]) => (
          <li key={of}>
            <a href={href(["connections", "quarantine"], { code: of })}>{causeOf(of)}</a>{" "}
            <small class="muted">
              {entries.length < LISTED && `×${int(list.length)} · `}
              {when(list[0]!.t, serverNow())}
            </small>
          </li>
        ))}
      </ul>
    </section>
  );
}
