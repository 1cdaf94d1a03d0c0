import { useState } from "preact/hooks";
import type { ModelCard } from "../api/types";
import { code, t } from "../i18n";
import { DIAGNOSED } from "../i18n/codes";
import { int, when } from "../lib/format";
import { serverNow } from "../lib/now";
import type { Say } from "./assessment";
import { Dialog } from "./dialog";

/** What the diagnosis of this machine has been worth so far, and what people do to it. */
export function Card(props: { card: ModelCard; busy: boolean; say: Say; maintained: () => void }) {
  const { card, busy, say } = props;
  const [asking, setAsking] = useState<"maintained" | "found">();
  const facts: [string, number][] = [
    [t("card.baseline_days"), card.baseline_days],
    [t("card.reported"), card.reported_a_month],
    [t("card.confirmed"), card.confirmed],
    [t("card.dismissed"), card.dismissed],
    [t("card.missed"), card.missed],
  ];
  return (
    <details class="model-card" data-testid="model-card">
      <summary>{t("card.title")}</summary>
      <dl class="facts">
        {facts.map(([name, n]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{int(n)}</dd>
          </div>
        ))}
        {card.reset && (
          <div>
            <dt>{t("card.reset")}</dt>
            <dd>
              {when(card.reset, serverNow())} <small class="muted">{card.reset_by}</small>
            </dd>
          </div>
        )}
      </dl>
      {card.judged.length > 0 && (
        <ul class="judged">
          {card.judged.map((j, i) => (
            <li key={`${j.t} ${j.fault}`}>
              {code("fault", j.fault)} <b>{code("judgement", j.judgement)}</b>{" "}
              <small class="muted">
                {j.by}, {when(j.t, serverNow())}
              </small>
              {card.judged.findIndex((k) => k.fault === j.fault) === i && (
                <button type="button" class="link" disabled={busy} onClick={() => say(j.fault, "withdrawn")}>
                  {t("assessment.withdraw")}
                </button>
              )}
            </li>
          ))}
        </ul>
      )}
      <p class="buttons">
        <button type="button" disabled={busy} onClick={() => setAsking("found")} data-testid="found">
          {t("card.found")}
        </button>
        <button type="button" disabled={busy} onClick={() => setAsking("maintained")} data-testid="maintained">
          {t("card.maintained")}
        </button>
      </p>
      {asking === "maintained" && (
        <Dialog title={t("card.maintained")} onClose={() => setAsking(undefined)} testid="maintained-dialog">
          <p>{t("card.maintained_means")}</p>
          <p class="buttons">
            <button
              type="button"
              class="primary"
              data-testid="maintained-yes"
              onClick={() => {
                setAsking(undefined);
                props.maintained();
              }}
            >
              {t("card.maintained_yes")}
            </button>
            <button type="button" onClick={() => setAsking(undefined)}>
              {t("devices.cancel")}
            </button>
          </p>
        </Dialog>
      )}
      {asking === "found" && (
        <Found
          close={() => setAsking(undefined)}
          found={(fault) => {
            setAsking(undefined);
            say(fault, "found");
          }}
        />
      )}
    </details>
  );
}

function Found({ close, found }: { close: () => void; found: (fault: string) => void }) {
  const all = DIAGNOSED;
  const [fault, setFault] = useState<string>(all[0]);
  return (
    <Dialog title={t("card.found")} onClose={close} testid="found-dialog">
      <p>{t("card.found_means")}</p>
      <label>
        {t("card.which")}{" "}
        <select value={fault} onChange={(e) => setFault(e.currentTarget.value)}>
          {all.map((f) => (
            <option key={f} value={f}>
              {code("fault", f)}
            </option>
          ))}
        </select>
      </label>
      <p class="buttons">
        <button type="button" class="primary" onClick={() => found(fault)} data-testid="found-yes">
          {t("card.found_yes")}
        </button>
        <button type="button" onClick={close}>
          {t("devices.cancel")}
        </button>
      </p>
    </Dialog>
  );
}
