import { useRef } from "preact/hooks";
import { Crumbs } from "../parts/crumbs";
import { get } from "../api/client";
import { useResource } from "../api/resource";
import type { Client, Connections as Answer, Ledger, LedgerTotal, QuarantineGroup, Status } from "../api/types";
import { code, t } from "../i18n";
import { bytes, int, num, when } from "../lib/format";
import { serverNow } from "../lib/now";
import { publishCommand } from "../lib/connect";
import { href, setQuery, useRoute } from "../lib/router";
import { causeOf, Remedy, Said } from "../parts/said";
import { Influx } from "../parts/influx";
import { Empty, Guarded } from "../parts/states";
import { lastError } from "../lib/told";

const EVERY = 2_000;

export function Connections({ status }: { status: Status | undefined }) {
  const connections = useResource<Answer>("connections", (s) => get("connections", s), EVERY);
  const groups = useResource<QuarantineGroup[]>("quarantine", (s) => get("quarantine/groups", s), EVERY * 2);
  const ledger = useResource<Ledger>("ledger", (s) => get("ledger", s), EVERY);
  return (
    <div class="connections">
      <Crumbs here={t("nav.connections")} />
      <div class="columns">
        <div class="main-column">
          <section class="panel" aria-labelledby="clients-title">
            <Guarded of={connections} every={EVERY}>
              {(data) => <Clients data={data} />}
            </Guarded>
          </section>
          <section class="panel" aria-labelledby="quarantine-title">
            <h2 id="quarantine-title">{t("quarantine.title")}</h2>
            <p class="muted">
              {t("quarantine.about")}{" "}
              <a href={href(["connections", "quarantine"])} data-testid="to-quarantine">
                {t("quarantine.look")}
              </a>{" "}
              ·{" "}
              <a href={href(["connections", "discovery"])} data-testid="to-discovery">
                {t("discovery.title")}
              </a>{" "}
              ·{" "}
              <a href={href(["rules"])} data-testid="to-rules">
                {t("rules.link")}
              </a>
            </p>
            <Guarded of={groups} every={EVERY * 2}>
              {(data) => <Quarantine groups={data} />}
            </Guarded>
          </section>
        </div>
        <div class="side-column">
          <Connect status={status} />
          <section class="panel" aria-labelledby="ledger-title">
            <h2 id="ledger-title">{t("ledger.title")}</h2>
            <Guarded of={ledger} every={EVERY}>
              {(data) => <LedgerView ledger={data} />}
            </Guarded>
            <p>
              <a class="button" href={href(["connections", "ledger"])} data-testid="to-ledger">
                {t("ledger.look")}
              </a>
            </p>
          </section>
          <Influx />
        </div>
      </div>
    </div>
  );
}

function Clients({ data }: { data: Answer }) {
  const { query } = useRoute();
  const left = query["left"] === "1";
  const gone = data.clients.filter((c) => !c.connected).length;
  const clients = data.clients
    .filter((c) => left || c.connected)
    .sort((a, b) => Number(b.connected) - Number(a.connected) || b.rate_msgs_s - a.rate_msgs_s || a.client_id.localeCompare(b.client_id));
  const refusals = Object.entries(data.refused).filter(([, n]) => n > 0);
  return (
    <>
      <div class="toolbar">
        <h2 id="clients-title">{t("clients.title")}</h2>
        <span class="muted">
          {t("clients.totals", {
            n: int(data.totals.connected),
            rate: num(data.totals.rate_msgs_s),
            bytes: bytes(data.totals.rate_bytes_s),
          })}
        </span>
        {gone > 0 && (
          <label class="check push">
            <input type="checkbox" checked={left} onChange={(e) => setQuery({ left: e.currentTarget.checked ? 1 : null })} />
            {t("clients.show_left", { n: int(gone) })}
          </label>
        )}
      </div>
      {clients.length === 0 ? (
        <Empty text={t("clients.empty")} />
      ) : (
        <div class="scroll" tabIndex={0} role="region" aria-labelledby="clients-title">
          <table class="rows cards">
            <thead>
              <tr>
                <th scope="col">{t("clients.client")}</th>
                <th scope="col">{t("clients.identity")}</th>
                <th scope="col">{t("clients.since")}</th>
                <th scope="col" class="n">{t("clients.rate")}</th>
                <th scope="col" class="n">{t("clients.volume")}</th>
                <th scope="col" class="n">{t("clients.messages")}</th>
                <th scope="col">{t("clients.last_topic")}</th>
              </tr>
            </thead>
            <tbody>
              {clients.map((c) => (
                <ClientRow key={`${c.client_id} ${c.address}`} c={c} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {refusals.length > 0 && (
        <p class="refusals">
          <strong>{t("clients.refused")}</strong>{" "}
          {refusals.map(([reason, n]) => (
            <span key={reason} class="chip" data-testid="turned-away" data-reason={reason} title={reason}>
              {code("turned_away", reason)} <b>×{int(n)}</b>
            </span>
          ))}
        </p>
      )}
    </>
  );
}

function ClientRow({ c }: { c: Client }) {
  return (
    <tr class={c.connected ? "" : "gone"} data-testid="connection-row" data-client={c.client_id}>
      <th scope="row">
        {c.client_id}
        <small class="muted">
          {c.address} · MQTT {c.protocol}
        </small>
        {c.last_error && !saysDenial(c) && <LastError text={c.last_error} />}
        <Denied c={c} />
      </th>
      <td>
        {c.identity === "anonymous" ? t("clients.anonymous") : c.identity}
        {c.subscriptions > 0 && <small class="muted">{t("clients.subscriptions", { n: int(c.subscriptions) })}</small>}
      </td>
      <td>
        {c.connected ? when(c.since, serverNow()) : <b>{t("clients.left", { time: when(c.since, serverNow()) })}</b>}
      </td>
      <td class="n" data-name={t("clients.rate")}>{num(c.rate_msgs_s)}</td>
      <td class="n" data-name={t("clients.volume")}>{bytes(c.rate_bytes_s)}/s</td>
      <td class="n" data-name={t("clients.messages")}>{int(c.messages)}</td>
      <td class="topic">{c.last_topic ? <code>{breakable(c.last_topic)}</code> : <span class="muted">–</span>}</td>
    </tr>
  );
}

/** What went wrong last may be the denial itself, which has a line of its own. */
const saysDenial = (c: Client): boolean =>
  !!c.last_denial && [c.last_denial.why, `${c.last_denial.why}: ${c.last_denial.topic}`].includes(c.last_error ?? "");

/** A refusal of the door has words here; how a connection was lost is told by whoever noticed. */
function LastError({ text }: { text: string }) {
  const last = lastError(text, (known) => code("turned_away", known) !== known);
  if ("sentence" in last) return <Said text={last.sentence} summary={t("clients.last_error")} />;
  return (
    <small class="doubt" data-testid="last-error">
      {t("clients.last_refusal", { why: code("turned_away", last.code) })} {last.topic && <code>{breakable(last.topic)}</code>}
    </small>
  );
}

/** How often it was refused for want of rights, and what last; how often it was slowed down. */
function Denied({ c }: { c: Client }) {
  return (
    <>
      {c.last_denial && (
        <small class="doubt" data-testid="denied">
          {t("clients.denied", { n: int(c.denials), why: code("denial", c.last_denial.why) })}{" "}
          <code>{breakable(c.last_denial.topic)}</code>
        </small>
      )}
      {c.throttled > 0 && <small class="muted">{t("clients.throttled", { n: int(c.throttled) })}</small>}
    </>
  );
}

/** A topic may wrap after its slashes rather than within its words. */
const breakable = (topic: string): preact.ComponentChildren =>
  topic.split("/").map((part, i) => (
    <>
      {i > 0 && "/"}
      {i > 0 && <wbr />}
      {part}
    </>
  ));

function Quarantine({ groups }: { groups: QuarantineGroup[] }) {
  if (groups.length === 0) return <p class="muted">{t("quarantine.empty")}</p>;
  return (
    <ul class="groups">
      {groups.map((g) => (
        <li key={g.code} data-testid="quarantine-group" data-code={g.code}>
          <h3>
            {causeOf(g.code)} <b>×{int(g.count)}</b>{" "}
            <small class="muted">{t("quarantine.last", { time: when(g.last, serverNow()) })}</small>
          </h3>
          <Remedy of={g.code} />
          <Said text={g.example.reason} />
          <p class="muted from">
            {g.example.source} → <code>{g.example.topic}</code> · {bytes(g.example.size)}
          </p>
          <details>
            <summary>{t(g.example.head_encoding === "hex" ? "quarantine.payload_hex" : "quarantine.payload")}</summary>
            <pre tabIndex={0}>{g.example.head.slice(0, 2000) || t("quarantine.payload_empty")}</pre>
          </details>
        </li>
      ))}
    </ul>
  );
}

const PARTS = ["committed", "duplicates", "quarantined", "refused"] as const;

/** The ledger as the sum it is; a sum that does not add up is said, not hidden. */
function LedgerView({ ledger }: { ledger: Ledger }) {
  const sum = PARTS.reduce((s, k) => s + ledger.total[k], 0);
  const fits = sum === ledger.total.received;
  return (
    <>
      <table class="ledger">
        <tbody>
          {PARTS.map((k, i) => (
            <tr key={k}>
              <th scope="row">{code("ledger", k)}</th>
              <td class="sign">{i > 0 ? "+" : ""}</td>
              <td class="n">{int(ledger.total[k])}</td>
            </tr>
          ))}
          <tr class="sum" data-testid="ledger-total" data-received={ledger.total.received} data-fits={fits}>
            <th scope="row">{code("ledger", "received")}</th>
            <td class="sign">=</td>
            <td class="n">{int(ledger.total.received)}</td>
          </tr>
        </tbody>
      </table>
      <p class={fits ? "muted" : "verdict abnormal"}>
        {fits ? t("ledger.adds_up") : t("ledger.does_not", { missing: int(ledger.total.received - sum) })}
      </p>
      {ledger.sources.length > 0 && <LedgerSources sources={ledger.sources} />}
    </>
  );
}

function LedgerSources({ sources }: { sources: (LedgerTotal & { source: string })[] }) {
  const columns = ["received", ...PARTS] as const;
  return (
    <details class="as-table">
      <summary>{t("ledger.by_source", { n: int(sources.length) })}</summary>
      <div class="scroll" tabIndex={0} role="region" aria-label={t("ledger.title")}>
        <table class="terms">
          <thead>
            <tr>
              <th scope="col">{t("ledger.source")}</th>
              {columns.map((k) => (
                <th key={k} scope="col" class="n">
                  {code("ledger", k)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {sources.map((s) => (
              <tr key={s.source}>
                <th scope="row">{s.source}</th>
                {columns.map((k) => (
                  <td key={k} class="n">
                    {int(s[k])}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

/** A line to paste into a shell: the shortest way to a first value. */
function Connect({ status }: { status: Status | undefined }) {
  const line = status ? publishCommand(status.mqtt.address, location.hostname, status.anonymous) : "";
  const box = useRef<HTMLTextAreaElement>(null);
  return (
    <section class="panel connect" aria-labelledby="connect-title">
      <h2 id="connect-title">{t("connect.title")}</h2>
      {status ? (
        <>
          <p>
            {status.mqtt.address ? <>MQTT 3.1.1 / 5 <code>{status.mqtt.address}</code></> : t("connect.shut")}
            {status.mqtt.tls_address && (
              <>
                {" "}· TLS <code>{status.mqtt.tls_address}</code>
              </>
            )}
          </p>
          {status.mqtt.address && (
            <>
              <label for="publish-line">{t("connect.paste")}</label>
              <textarea
                id="publish-line"
                ref={box}
                readOnly
                rows={5}
                spellcheck={false}
                value={line}
                data-testid="publish-line"
                onFocus={() => box.current?.select()}
                onClick={() => box.current?.select()}
              />
              <p class="muted">{t(status.anonymous ? "connect.after" : "connect.after_identity")}</p>
            </>
          )}
          <p class="buttons">
            <a class="button" href={href(["devices"])} data-testid="to-devices">
              {t("devices.title")}
            </a>
            <a class="button" href={href(["devices"], { new: 1 })}>
              {t("devices.add")}
            </a>
          </p>
        </>
      ) : (
        <p class="muted">{t("state.loading")}</p>
      )}
    </section>
  );
}
