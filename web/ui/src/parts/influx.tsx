import { get } from "../api/client";
import { useResource } from "../api/resource";
import type { Influx as Shipping } from "../api/types";
import { code, t } from "../i18n";
import { int, span, when } from "../lib/format";
import { serverNow } from "../lib/now";
import { Guarded } from "./states";

const EVERY = 5_000;

/** How far what is shipped to InfluxDB has come. */
export function Influx() {
  const influx = useResource<{ influx: Shipping | null }>(
    "influx",
    async (s) => ({ influx: await get<Shipping | null>("influx", s) }),
    EVERY,
  );
  return (
    <section class="panel" aria-labelledby="influx-title">
      <h2 id="influx-title">{t("influx.title")}</h2>
      <Guarded of={influx} every={EVERY}>
        {(data) => (data.influx ? <State s={data.influx} /> : <p class="muted">{t("influx.none")}</p>)}
      </Guarded>
    </section>
  );
}

function State({ s }: { s: Shipping }) {
  const rows: [string, string][] = [
    ["influx.lag", span(s.lag_s * 1000)],
    ["influx.owed", int(s.owed_points)],
    ["influx.points", int(s.points)],
    ["influx.last", s.last_taken ? when(s.last_taken, serverNow()) : t("influx.never")],
  ];
  if (s.refused > 0) rows.push(["influx.refused", int(s.refused)]);
  if (s.expired > 0) rows.push(["influx.expired", int(s.expired)]);
  const well = s.phase === "live" || s.phase === "starting";
  const abnormal = s.phase === "refused" || s.lag_s > s.lag_alarm_s;
  return (
    <>
      <p class={abnormal ? "verdict abnormal" : well ? "muted" : "verdict"} data-testid="influx-phase" data-phase={s.phase}>
        {code("influx_phase", s.phase)}
      </p>
      <table class="ledger">
        <tbody>
          {rows.map(([key, value]) => (
            <tr key={key}>
              <th scope="row">{t(key)}</th>
              <td class="n">{value}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="muted">{t("influx.to", { url: s.url, org: s.org, bucket: s.bucket })}</p>
      {s.error && <p class="muted" lang="en">{s.error}</p>}
    </>
  );
}
