import { useState } from "preact/hooks";
import type { Alarm } from "../api/types";
import { code, t } from "../i18n";
import { isWaiting } from "../lib/condition";
import { useBarrier } from "../lib/me";
import { Barred } from "./allowed";
import { Dialog } from "./dialog";

/** What is done to an alarm: the last part of the path, and the body. */
export type Act = (a: Alarm, verb: string, body: object) => void;
/** Which form is open. */
export type Form = "shelve" | "out-of-service" | "work-order";

/** Whether it is about the platform itself, where nobody goes with a spanner. */
const isOurs = (a: Alarm): boolean => a.condition.startsWith("system.");

/** Minutes for which an alarm is usually put aside; the last is the most that is allowed. */
const MINUTES = [15, 30, 60, 240, 480, 1440];

/** Everything that can be done to this alarm now. */
export function AlarmActions(props: { a: Alarm; act: Act; open: (form: Form) => void; busy: boolean }) {
  const { a, act, open, busy } = props;
  const bars = { operate: useBarrier("alarm.acknowledge"), configure: useBarrier("alarm.out_of_service") };
  const button = (verb: string, label: string, onClick: () => void, primary = false) => (
    <button
      type="button"
      class={primary ? "primary" : undefined}
      disabled={busy}
      onClick={onClick}
      data-testid={`evidence-${verb}`}
    >
      {label}
    </button>
  );
  if (bars.operate) return <Barred why={bars.operate} act="alarm.acknowledge" />;
  return (
    <>
      {isWaiting(a) && button("ack", t("alarms.acknowledge"), () => act(a, "acknowledge", {}), true)}
      {a.state === "latched" && button("reset", t("alarms.reset"), () => act(a, "reset", {}), true)}
      {a.shelved
        ? button("unshelve", t("alarms.unshelve"), () => act(a, "unshelve", {}))
        : !a.inhibited && button("shelve", t("alarms.shelve"), () => open("shelve"))}
      {bars.configure
        ? null
        : a.out_of_service
        ? button("in-service", t("alarms.in_service"), () => act(a, "in-service", {}))
        : button("out-of-service", t("alarms.out_of_service"), () => open("out-of-service"))}
      {!isOurs(a) && button("work-order", t("work.new"), () => open("work-order"))}
    </>
  );
}

/** Asks for what shelving, or taking out of service, needs. */
export function InhibitDialog(props: { a: Alarm; form: Exclude<Form, "work-order">; act: Act; close: () => void }) {
  const { a, form, act, close } = props;
  const [minutes, setMinutes] = useState(60);
  const [reason, setReason] = useState("");
  const [approved, setApproved] = useState("");
  const shelve = form === "shelve";
  const submit = (e: Event) => {
    e.preventDefault();
    act(a, form, shelve ? { minutes, reason } : { reason, approved_by: approved });
    close();
  };
  return (
    <Dialog title={t(shelve ? "alarms.shelve_title" : "alarms.out_title")} onClose={close} testid="inhibit">
      <form onSubmit={submit}>
        <p class="muted">{t(shelve ? "alarms.shelve_what" : "alarms.out_what")}</p>
        {shelve && (
          <label>
            {t("alarms.for")}
            <select value={minutes} onChange={(e) => setMinutes(Number(e.currentTarget.value))} data-testid="inhibit-for">
              {MINUTES.map((m) => (
                <option key={m} value={m}>
                  {m < 60 ? t("alarms.minutes", { n: String(m) }) : t("alarms.hours", { n: String(m / 60) })}
                </option>
              ))}
            </select>
          </label>
        )}
        <label>
          {t("alarms.reason")}
          <input
            required
            maxLength={200}
            value={reason}
            onInput={(e) => setReason(e.currentTarget.value)}
            data-testid="inhibit-reason"
          />
        </label>
        {!shelve && (
          <label>
            {t("alarms.approved_by")}
            <input
              required
              maxLength={64}
              value={approved}
              onInput={(e) => setApproved(e.currentTarget.value)}
              data-testid="inhibit-approved"
            />
          </label>
        )}
        <div class="buttons">
          <button type="submit" class="primary" disabled={!reason.trim() || (!shelve && !approved.trim())}>
            {t(shelve ? "alarms.shelve" : "alarms.out_of_service")}
          </button>
          <button type="button" onClick={close}>
            {t("dialog.cancel")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** What keeps the alarm from people, in words; nothing where nothing does. */
export function inhibitedText(a: Alarm, at: (t: string) => string): string {
  if (a.out_of_service) return `${code("inhibited", "out_of_service")} · ${a.out_of_service.by}: ${a.out_of_service.reason}`;
  if (a.suppressed) return `${code("inhibited", "suppressed")} · ${a.suppressed}`;
  if (a.shelved) {
    const until = t("alarms.until", { time: at(a.shelved.until) });
    return `${code("inhibited", "shelved")} ${until} · ${a.shelved.by}: ${a.shelved.reason}`;
  }
  return "";
}
