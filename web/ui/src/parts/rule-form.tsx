import type { ComponentChildren } from "preact";
import type { Rule } from "../api/types";
import { code, t } from "../i18n";
import { blankValue, FORMATS, formatted, typed } from "../lib/rules";

type Value = Rule["values"][number];
type Filter = Rule["filters"][number];

/** One rule, field by field. Whether it can be applied is the server's to say; the trial beside it shows that at once. */
export function RuleForm({ rule, change }: { rule: Rule; change(patch: Partial<Rule>): void }) {
  const values = (next: Value[]) => change({ values: next });
  const filters = (next: Filter[]) => change({ filters: next });
  const timed = rule.format === "json" || rule.format === "csv";
  return (
    <div class="form rule-form">
      <Field label={t("rules.name")}>
        <input value={rule.name} maxLength={128} onInput={(e) => change({ name: e.currentTarget.value })} />
      </Field>
      <Text label={t("rules.topic")} hint={t("rules.topic_hint")} value={rule.topic} set={(topic) => change({ topic })} />
      <Field label={t("rules.format")}>
        <select value={rule.format} onChange={(e) => change(formatted(rule, e.currentTarget.value))}>
          {FORMATS.map((f) => (
            <option key={f} value={f}>
              {code("rule_format", f)}
            </option>
          ))}
        </select>
      </Field>
      {rule.format === "json" && (
        <Text
          label={t("rules.each")}
          hint={t("rules.each_hint")}
          value={rule.each ?? ""}
          set={(each) => change({ each: each === "" ? null : each === "." ? "" : each })}
        />
      )}
      {rule.format === "csv" && (
        <>
          <Field label={t("rules.separator")}>
            <select value={rule.separator ?? ","} onChange={(e) => change({ separator: e.currentTarget.value })}>
              {[",", ";", "\t", " ", "|"].map((s) => (
                <option key={s} value={s}>
                  {s === "\t" ? t("rules.tab") : s === " " ? t("rules.space") : s}
                </option>
              ))}
            </select>
          </Field>
          <Field label={t("rules.skip")}>
            <input type="number" min={0} max={65535} value={rule.skip} onInput={(e) => change({ skip: typed(e.currentTarget.value, rule.skip) })} />
          </Field>
        </>
      )}
      <Text label={t("rules.site")} value={rule.site} set={(site) => change({ site })} />
      <Text label={t("rules.machine")} hint={t("rules.machine_hint")} value={rule.machine} set={(machine) => change({ machine })} />
      {timed && (
        <>
          <Text
            label={t("rules.time_field")}
            hint={t("rules.time_hint")}
            value={rule.time?.field ?? ""}
            set={(field) => change({ time: field === "" ? null : { field, zone_min: rule.time?.zone_min ?? null } })}
          />
          {rule.time && (
            <Field label={t("rules.zone")}>
              <input
                type="number"
                min={-840}
                max={840}
                step={15}
                value={rule.time.zone_min ?? ""}
                onInput={(e) => {
                  const text = e.currentTarget.value;
                  const field = rule.time?.field ?? "";
                  change({ time: { field, zone_min: text === "" ? null : typed(text, 0) } });
                }}
              />
            </Field>
          )}
        </>
      )}
      {rule.format !== "hj212" && <Values values={rule.values} change={values} />}
      {rule.format !== "hj212" && <Filters filters={rule.filters} change={filters} />}
    </div>
  );
}

function Field({ label, hint, children }: { label: string; hint?: string | undefined; children: ComponentChildren }) {
  return (
    <label>
      {label}
      {children}
      {hint && <small class="muted">{hint}</small>}
    </label>
  );
}

function Text(props: { label: string; hint?: string; value: string; set(text: string): void }) {
  return (
    <Field label={props.label} hint={props.hint}>
      <input value={props.value} spellcheck={false} autocomplete="off" onInput={(e) => props.set(e.currentTarget.value)} />
    </Field>
  );
}

function Values({ values, change }: { values: Value[]; change(next: Value[]): void }) {
  const set = (i: number, patch: Partial<Value>) => change(values.map((v, j) => (i === j ? { ...v, ...patch } : v)));
  return (
    <fieldset>
      <legend>{t("rules.values")}</legend>
      <p class="muted">{t("rules.values_hint")}</p>
      {values.map((v, i) => (
        <div key={i} class="line" data-testid="rule-value">
          <Text label={t("rules.field")} value={v.field} set={(field) => set(i, { field })} />
          <Text label={t("rules.point")} value={v.point} set={(point) => set(i, { point })} />
          <Text label={t("rules.unit")} value={v.unit ?? ""} set={(unit) => set(i, { unit: unit || null })} />
          <Field label={t("rules.scale")}>
            <input inputMode="decimal" value={v.scale} onChange={(e) => set(i, { scale: typed(e.currentTarget.value, v.scale) })} />
          </Field>
          <Field label={t("rules.offset")}>
            <input inputMode="decimal" value={v.offset} onChange={(e) => set(i, { offset: typed(e.currentTarget.value, v.offset) })} />
          </Field>
          <label class="check">
            <input type="checkbox" checked={v.optional} onChange={(e) => set(i, { optional: e.currentTarget.checked })} />
            {t("rules.optional")}
          </label>
          <button type="button" aria-label={t("rules.value_remove", { field: v.field })} onClick={() => change(values.filter((_, j) => j !== i))}>
            ×
          </button>
        </div>
      ))}
      <button type="button" onClick={() => change([...values, blankValue()])}>
        {t("rules.value_add")}
      </button>
    </fieldset>
  );
}

function Filters({ filters, change }: { filters: Filter[]; change(next: Filter[]): void }) {
  const set = (i: number, patch: Partial<Filter>) => change(filters.map((f, j) => (i === j ? { ...f, ...patch } : f)));
  return (
    <fieldset>
      <legend>{t("rules.filters")}</legend>
      <p class="muted">{t("rules.filters_hint")}</p>
      {filters.map((f, i) => (
        <div key={i} class="line">
          <Text label={t("rules.field")} value={f.field} set={(field) => set(i, { field })} />
          <Text label={t("rules.equals")} value={f.equals ?? ""} set={(text) => set(i, { equals: text || null })} />
          <button type="button" aria-label={t("rules.filter_remove", { field: f.field })} onClick={() => change(filters.filter((_, j) => j !== i))}>
            ×
          </button>
        </div>
      ))}
      {filters.length < 8 && (
        <button type="button" onClick={() => change([...filters, { field: "", equals: null }])}>
          {t("rules.filter_add")}
        </button>
      )}
    </fieldset>
  );
}
