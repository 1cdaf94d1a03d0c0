import type { Problem } from "../api/client";
import { t } from "../i18n";
import { faultIn, type OwnDraft } from "../lib/own-patterns";

/** What may be said and heard, as the topic filters they are. */
export function Patterns(props: { publish: string[]; except: string[]; subscribe: string[]; monitor: boolean }) {
  const subscribe = props.monitor ? [...props.subscribe, "$SYS/#"] : props.subscribe;
  return (
    <dl class="patterns" data-testid="patterns">
      <dt>{t("devices.may_publish")}</dt>
      <dd>{props.publish.length === 0 ? t("devices.nothing") : props.publish.map((p) => <code key={p}>{p}</code>)}</dd>
      {props.except.length > 0 && (
        <>
          <dt>{t("devices.except")}</dt>
          <dd>{props.except.map((p) => <code key={p}>{p}</code>)}</dd>
        </>
      )}
      <dt>{t("devices.may_subscribe")}</dt>
      <dd>{subscribe.length === 0 ? t("devices.nothing") : subscribe.map((p) => <code key={p}>{p}</code>)}</dd>
    </dl>
  );
}

/** The patterns that a device has beside its role, one a line; what the server says of one stands beside its field. */
export function OwnFields(props: { draft: OwnDraft; set: (patch: Partial<OwnDraft>) => void; problem: Problem | undefined }) {
  const { draft, set, problem } = props;
  return (
    <div class="own">
      <small id="own-about" class="muted">
        {t("devices.own_about")}
      </small>
      <Lines
        id="own-publish"
        label={t("devices.own_publish")}
        hint={t("devices.own_publish_hint")}
        value={draft.publish}
        set={(publish) => set({ publish })}
        fault={faultIn("publish", problem)}
      />
      <Lines
        id="own-subscribe"
        label={t("devices.own_subscribe")}
        hint={t("devices.own_subscribe_hint")}
        value={draft.subscribe}
        set={(subscribe) => set({ subscribe })}
        fault={faultIn("subscribe", problem)}
      />
    </div>
  );
}

function Lines(props: { id: string; label: string; hint: string; value: string; set: (v: string) => void; fault: string | undefined }) {
  const { id, fault } = props;
  return (
    <>
      <label for={id}>{props.label}</label>
      <textarea
        id={id}
        rows={2}
        autocomplete="off"
        spellcheck={false}
        value={props.value}
        aria-invalid={fault !== undefined}
        aria-describedby={`own-about ${id}-hint${fault === undefined ? "" : ` ${id}-fault`}`}
        onInput={(e) => props.set(e.currentTarget.value)}
      />
      <small id={`${id}-hint`} class="muted">
        {props.hint}
      </small>
      {fault !== undefined && (
        <p id={`${id}-fault`} class="verdict abnormal" role="alert" data-testid={`${id}-fault`}>
          {fault}
        </p>
      )}
    </>
  );
}
