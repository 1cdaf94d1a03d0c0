import { t, title } from "../../i18n";
import { setQuery, useRoute } from "../../lib/router";
import type { Subject } from "./record";
import { otherPoints, useTogether } from "./together";

/** A number above 0 that stands in the link. */
function Field({ name, label }: { name: string; label: string }) {
  const { query } = useRoute();
  return (
    <label>
      {label}{" "}
      <input
        type="number"
        min="0"
        max="10000"
        step="any"
        inputMode="decimal"
        value={query[name] ?? ""}
        onChange={(e) => setQuery({ [name]: Number(e.currentTarget.value) > 0 ? e.currentTarget.value : null })}
      />
    </label>
  );
}

/** Which sensor is the tacho, and how often it fires in a turn. `without` names the choice of none. */
export function TachoChoice({ subject, chosen, without }: { subject: Subject; chosen: string | undefined; without: string }) {
  return (
    <>
      <label>
        {t("bench.tacho")}{" "}
        <select value={chosen ?? ""} onChange={(e) => setQuery({ tacho: e.currentTarget.value })}>
          <option value="">{without}</option>
          {otherPoints(subject).map((p) => (
            <option key={p.name} value={p.name}>
              {title(p.title, p.name)}
            </option>
          ))}
        </select>
      </label>
      {chosen && <Field name="pulses" label={t("bench.pulses")} />}
    </>
  );
}

/** What turns are counted by: a tacho that was taken together with the record, or the record itself. */
export function Reference({ subject, ratio }: { subject: Subject; ratio: boolean }) {
  const { query } = useRoute();
  return (
    <div class="toolbar controls" role="group" aria-label={t("bench.reference")}>
      <TachoChoice subject={subject} chosen={query["tacho"]} without={t("bench.no_tacho")} />
      <Field name="min_hz" label={t("bench.from_hz")} />
      <Field name="max_hz" label={t("bench.to_hz")} />
      {ratio && <Field name="ratio" label={t("bench.ratio")} />}
    </div>
  );
}

/** What is asked with; undefined while the tacho's record is looked for, null where there is none. */
export function useReference(subject: Subject): Record<string, string | undefined> | null | undefined {
  const { query } = useRoute();
  const tacho = useTogether(subject, query["tacho"]);
  if (query["tacho"] && !tacho.id) return tacho.known ? null : undefined;
  const both = query["min_hz"] && query["max_hz"];
  return {
    tacho: tacho.id,
    pulses: tacho.id ? query["pulses"] : undefined,
    min_hz: both ? query["min_hz"] : undefined,
    max_hz: both ? query["max_hz"] : undefined,
  };
}
