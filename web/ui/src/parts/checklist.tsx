import { get, segments } from "../api/client";
import { useResource } from "../api/resource";
import type { Checklist as Answer, ChecklistStep } from "../api/types";
import { code, t } from "../i18n";
import { bytes, when } from "../lib/format";
import { serverNow } from "../lib/now";
import { Guarded } from "./states";

const EVERY = 1_000;

/** How far a device has come on its way to a first value, asked every second while it is looked at. */
export function Checklist({ device }: { device: string }) {
  const list = useResource<Answer>(`checklist ${device}`, (s) => get(`devices/${segments(device)}/checklist`, s), EVERY);
  return (
    <section class="panel" aria-labelledby="checklist-title">
      <h2 id="checklist-title">{t("devices.checklist")}</h2>
      <Guarded of={list} every={EVERY}>
        {(data) => (
          <ol class="checklist" data-testid="checklist">
            {data.steps.map((s) => (
              <Step key={s.step} s={s} />
            ))}
          </ol>
        )}
      </Guarded>
    </section>
  );
}

function Step({ s }: { s: ChecklistStep }) {
  return (
    <li class={`check-${s.state}`} data-testid={`check-${s.step}`} data-state={s.state}>
      <Sign state={s.state} />
      <div>
        <strong>{code("check", s.step)}</strong> <span class="muted">{code("check_state", s.state)}</span>
        {s.at && <small class="muted"> · {when(s.at, serverNow())}</small>}
        {s.seen && (
          <div>
            <code>{s.seen}</code>
          </div>
        )}
        {s.state === "waiting" && <p class="muted">{code("check_waiting", s.step)}</p>}
        {s.error && <p class="verdict abnormal">{inWords(s)}</p>}
        {s.message && (
          <details open>
            <summary>
              {t(s.message.head_encoding === "hex" ? "quarantine.payload_hex" : "quarantine.payload")} · <code>{s.message.topic}</code> ·{" "}
              {bytes(s.message.size)}
            </summary>
            <pre tabIndex={0}>{s.message.head.slice(0, 2000) || t("quarantine.payload_empty")}</pre>
          </details>
        )}
      </div>
    </li>
  );
}

/** Reasons that the page knows are in its language; those of a message come as the server told them. */
function inWords(s: ChecklistStep): string {
  const known = s.code && code("check_error", s.code);
  return known && known !== s.code ? known : (s.error ?? "");
}

/** Shape and not colour tells the states apart. */
function Sign({ state }: { state: string }) {
  return (
    <svg class="sign" viewBox="0 0 20 20" aria-hidden="true">
      {state === "ok" && <path d="M4 10.5 8.5 15 16 5.5" />}
      {state === "failed" && <path d="M5 5l10 10M15 5 5 15" />}
      {state === "waiting" && <circle cx="10" cy="10" r="5.5" />}
    </svg>
  );
}
