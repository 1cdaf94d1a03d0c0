import { t } from "../i18n";

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
