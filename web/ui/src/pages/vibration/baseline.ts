import { useMemo } from "preact/hooks";
import { get, request, segments } from "../../api/client";
import { useResource } from "../../api/resource";
import type { AnalysisCurve, WaveformDetail } from "../../api/types";
import { aligned, type Even } from "../../lib/aligned";
import { useAnalysis } from "./asking";
import type { Subject } from "./record";

/** The record that is drawn beneath, where there is one. */
export const baseOf = ({ b, w }: Subject): string | null => (b.baseline && b.baseline !== w.id ? b.baseline : null);

/** A curve of the baseline at the places of the own one. */
export function useBaseCurve(subject: Subject, kind: string, own: AnalysisCurve | undefined, parameters: Record<string, string | number | null | undefined> = {}): (number | null)[] | undefined {
  const base = baseOf(subject);
  const answer = useAnalysis(base ?? "", base && own ? kind : null, parameters);
  const found = answer.data?.curves.find((c) => c.name === own?.name);
  return useMemo(
    () => (found && own ? aligned({ y: found.values, x0: found.x0, step: found.dx }, { x0: own.x0, step: own.dx, n: own.values.length }) : undefined),
    [found, own],
  );
}

/** The samples of the baseline as they were taken, in their unit; only asked for where they are drawn. */
export function useBaseSamples(subject: Subject, wanted: boolean): (Even & { unit: string }) | undefined {
  const base = wanted ? baseOf(subject) : null;
  const header = useResource<WaveformDetail>(base && `header ${base}`, (s) => get(`waveforms/${segments(base!)}`, s));
  const samples = useResource<Float32Array>(base && `samples ${base}`, async (signal) => {
    const answer = await request(`waveforms/${segments(base!)}/samples`, { signal });
    return new Float32Array(await answer.arrayBuffer());
  });
  const [w, y] = [header.data, samples.data];
  return useMemo(() => (w && y ? { y, x0: 0, step: 1 / w.fs, unit: w.unit } : undefined), [w, y]);
}
