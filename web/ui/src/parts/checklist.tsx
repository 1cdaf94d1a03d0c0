import { get, segments } from "../api/client";
import { useState } from "preact/hooks";
import { useResource } from "../api/resource";
import type { Checklist as Answer, ChecklistStep } from "../api/types";
import { code, t } from "../i18n";
import { bytes, when } from "../lib/format";
import { serverNow } from "../lib/now";
import { Said } from "./said";
import { Guarded } from "./states";

const EVERY = 1_000;

/**
 * How far a device has come on its way to a first value: asked every second while it is looked at, and no more once
 * every step is done. `reached` is told which value came first: `site/machine/point = value`.
 */
export function Checklist({ device, reached: told }: { device: string; reached?: (seen: string) => void }) {
  const [done, finish] = useState(false);
  const list = useResource<Answer>(
    `checklist ${device}`,
    async (s) => {
      const answer = await get<Answer>(`devices/${segments(device)}/checklist`, s);
      finish(reached(answer));
      const value = answer.steps.find((s) => s.step === "value" && s.state === "ok");
      if (value?.seen) told?.(value.seen);
      return answer;
    },
    done ? undefined : EVERY,
  );
  return (
    <section class="panel" aria-labelledby="checklist-title">
      <h2 id="checklist-title">{t("devices.checklist")}</h2>
      <Guarded of={list} every={done ? Infinity : EVERY}>
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

/** Whether there is nothing left to wait for. */
const reached = (list: Answer): boolean => list.steps.every((s) => s.state === "ok");

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
        {s.error && <p class="verdict abnormal">{inWords(s) ?? s.error}</p>}
        {s.error && inWords(s) && s.error !== inWords(s) && <Said text={s.error} />}
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

/** The reason in the page's language: of a log-in or a denial, or of a message in quarantine. */
function inWords(s: ChecklistStep): string | undefined {
  for (const family of ["check_error", "cause"]) {
    const known = s.code && code(family, s.code);
    if (known && known !== s.code) return known;
  }
  return undefined;
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
