import type { EvidenceTerm, FaultVerdict } from "../api/types";
import { code, t } from "../i18n";
import { num } from "../lib/format";

/** Every term of a score: what was weighed, between which bounds it counts, what it came to, and what is missing. */
export function FaultEvidence({ v }: { v: FaultVerdict }) {
  const groups: [string, EvidenceTerm[]][] = [
    [t("assessment.for"), v.terms.filter((e) => !e.against)],
    [t("assessment.against"), v.terms.filter((e) => e.against)],
  ];
  return (
    <table class="terms evidence-terms">
      <thead>
        <tr>
          <th scope="col">{t("assessment.quantity")}</th>
          <th scope="col" class="n">{t("assessment.value")}</th>
          <th scope="col" class="n">{t("assessment.weighs")}</th>
        </tr>
      </thead>
      {groups
        .filter(([, terms]) => terms.length > 0)
        .map(([name, terms]) => (
          <tbody key={name}>
            <tr>
              <th scope="rowgroup" colSpan={3} class="group">
                {name}
              </th>
            </tr>
            {terms.map((e) => (
              <Row key={e.quantity} e={e} />
            ))}
          </tbody>
        ))}
    </table>
  );
}

function Row({ e }: { e: EvidenceTerm }) {
  return (
    <tr class={e.contribution > 0 ? (e.against ? "takes" : "adds") : "idle"}>
      <th scope="row">
        {code("term", e.quantity)}
        <small class="muted">
          {e.missing
            ? t("assessment.missing", { why: code("refusal", e.missing) })
            : t("assessment.counts", { lo: num(e.lo), hi: num(e.hi) })}
        </small>
      </th>
      <td class="n">{e.missing ? "–" : num(e.value)}</td>
      <td class="n">
        {e.contribution > 0 ? `${e.against ? "−" : "+"}${num(e.contribution, 2)}` : "0"}
        <span class="muted"> / {num(e.weight, 2)}</span>
      </td>
    </tr>
  );
}
