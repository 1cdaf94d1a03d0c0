import type { ComponentChildren } from "preact";
import { get, query as queryString, segments } from "../../api/client";
import { useResource, type Resource } from "../../api/resource";
import type { Analysis } from "../../api/types";
import { t } from "../../i18n";
import { whyText } from "../../parts/diagnosis";
import { Guarded } from "../../parts/states";
import { Advice } from "../../parts/unjudged";

type Parameters = Record<string, string | number | null | undefined>;

/** One question to a record. `null`: nothing is asked. */
export function useAnalysis(id: string, kind: string | null, parameters: Parameters = {}): Resource<Analysis> {
  const asked = kind === null ? null : `waveforms/${segments(id)}/analysis${queryString({ kind, ...parameters })}`;
  return useResource<Analysis>(asked, (s) => get(asked!, s));
}

export function useWaterfall(point: string, parameters: Parameters): Resource<Analysis> {
  const asked = `waterfall${queryString({ point, ...parameters })}`;
  return useResource<Analysis>(asked, (s) => get(asked, s));
}

export function useOrbit(id: string, other: string | undefined): Resource<Analysis> {
  const asked = other === undefined ? null : `waveforms/${segments(id)}/orbit${queryString({ with: other })}`;
  return useResource<Analysis>(asked, (s) => get(asked!, s));
}

/** Why something is not shown, and what to do about it. */
export function Refused({ codes }: { codes: string[] }) {
  return (
    <div class="state empty" data-testid="refused" data-codes={codes.join(" ")}>
      <p>{t("bench.refused", { codes: whyText(codes) })}</p>
      <Advice codes={codes} />
    </div>
  );
}

/** What came of a question: it, or why it is not there. */
export function Answered({ of, children }: { of: Resource<Analysis>; children: (a: Analysis) => ComponentChildren }) {
  return (
    <Guarded of={of} every={Infinity}>
      {(a) => (a.refused.length > 0 ? <Refused codes={a.refused} /> : children(a))}
    </Guarded>
  );
}
