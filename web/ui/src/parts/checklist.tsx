import { get, post, Problem, segments } from "../api/client";
import { useState } from "preact/hooks";
import { useResource } from "../api/resource";
import type { Adopted, Checklist as Answer, ChecklistStep, Discovery } from "../api/types";
import { code, t } from "../i18n";
import { bytes, when } from "../lib/format";
import { serverNow } from "../lib/now";
import { href } from "../lib/router";
import { Allowed } from "./allowed";
import { Said } from "./said";
import { Guarded, ProblemBox } from "./states";

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
              <Step key={s.step} s={s} device={device} />
            ))}
          </ol>
        )}
      </Guarded>
    </section>
  );
}

/** Whether there is nothing left to wait for. */
const reached = (list: Answer): boolean => list.steps.every((s) => s.state === "ok");

/** What this device says and nobody knows, taken into the plant at once: what it has said is read again. */
function Adopt({ device }: { device: string }) {
  const found = useResource<Discovery>(`adopt ${device}`, (s) => get("discovery", s), EVERY);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const machines = found.data?.machines.filter((m) => m.points.some((p) => p.source === device)) ?? [];
  const adopt = async (machine: string) => {
    setBusy(true);
    setProblem(undefined);
    try {
      await post<Adopted>("discovery/adopt", { machines: [{ machine }] });
      found.reload();
    } catch (e) {
      setProblem(e instanceof Problem ? e : new Problem(0, String(e), "", "", ""));
    }
    setBusy(false);
  };
  return (
    <Allowed act="discovery.adopt">
      <p class="buttons">
        {machines.map((m) => (
          <button key={m.machine} type="button" class="primary" disabled={busy} onClick={() => void adopt(m.machine)} data-testid="check-adopt">
            {busy ? t("check.adopting") : t("check.adopt", { machine: m.machine })}
          </button>
        ))}
        {found.data && machines.length === 0 && <span class="muted">{t("check.nothing_new")}</span>}
        <a href={href(["connections", "discovery"])}>{t("discovery.title")}</a>
      </p>
      {problem && <ProblemBox problem={problem} />}
    </Allowed>
  );
}

function Step({ s, device }: { s: ChecklistStep; device: string }) {
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
        {(s.code === "unknown_point" || s.code === "unknown_machine") && <Adopt device={device} />}
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
