import { get, query as queryString } from "../../api/client";
import { useResource } from "../../api/resource";
import type { PointDetail, WaveformInfo } from "../../api/types";
import type { Subject } from "./record";

/** Records of two sensors that begin further apart were not taken together, ms. */
const TOGETHER_MS = 1000;
const LOOKED_AT = 10;

/** The other sensors of the machine that take records. */
export function otherPoints({ machine, point }: Subject): PointDetail[] {
  return machine?.points.filter((p) => p.kind === "waveform" && `${machine.site}/${machine.machine}/${p.name}` !== point) ?? [];
}

/** The sensor that is most likely at right angles to the one in view: the other radial one at the same bearing. */
export function acrossFrom(subject: Subject): PointDetail | undefined {
  const others = otherPoints(subject);
  const own = subject.machine?.points.find((p) => subject.point.endsWith(`/${p.name}`));
  const across = (p: PointDetail) => p.location.bearing === own?.location.bearing && p.location.axis !== own?.location.axis && p.location.axis !== "axial" && p.location.axis !== null;
  return others.find((p) => own && across(p)) ?? others.find((p) => p.unit === own?.unit) ?? others[0];
}

/** The record of another sensor that was taken together with the one in view: `known` once that has been looked for. */
export function useTogether({ w, machine }: Subject, name: string | undefined): { id: string | undefined; known: boolean } {
  const at = Date.parse(w.t0);
  const span = { from: at - TOGETHER_MS, to: at + TOGETHER_MS + 1 };
  const point = machine && name ? `${machine.site}/${machine.machine}/${name}` : undefined;
  const asked = point ? `waveforms${queryString({ point, ...span, limit: LOOKED_AT })}` : null;
  const list = useResource<WaveformInfo[]>(asked, (s) => get(asked!, s));
  const apart = (i: WaveformInfo) => Math.abs(Date.parse(i.t0) - at);
  const nearest = list.data?.slice().sort((a, b) => apart(a) - apart(b))[0];
  return { id: nearest?.id, known: list.data !== undefined || list.problem !== undefined };
}
