import { useMemo } from "preact/hooks";
import type uPlot from "uplot";
import { get, query as params } from "../api/client";
import { useResource } from "../api/resource";
import type { Ledger as Answer, LedgerLine, LedgerTotal } from "../api/types";
import { code, t } from "../i18n";
import { clockShort, day, int } from "../lib/format";
import { serverNow } from "../lib/now";
import { lang, theme } from "../lib/prefs";
import { setQuery, useRoute } from "../lib/router";
import { useStore } from "../lib/store";
import { Crumbs } from "../parts/crumbs";
import { axis, ink, Plot } from "../parts/plot";
import { Empty, Guarded } from "../parts/states";

const EVERY = 5_000;
const HOUR = 3_600_000;
const SPANS = { "1": HOUR, "6": 6 * HOUR, "24": 24 * HOUR, "168": 168 * HOUR } as const;
export const PARTS = ["committed", "duplicates", "quarantined", "refused"] as const;
const SHOWN = ["received", ...PARTS] as const;
type Shown = (typeof SHOWN)[number];
/** How each is drawn: by the width and the dashes of its line, and only then by its colour. */
const LINES: Record<Shown, { ink: string; width: number; dash?: number[] }> = {
  received: { ink: "ink-3", width: 4 },
  committed: { ink: "ink", width: 1.4 },
  duplicates: { ink: "ink-2", width: 1.4, dash: [2, 3] },
  quarantined: { ink: "fault", width: 1.8 },
  refused: { ink: "ink", width: 1.4, dash: [8, 4] },
};
/** What was not stored is a small part of everything, and has a scale of its own. */
const CHARTS: [name: string, height: number, shown: Shown[]][] = [
  ["ledger.by_minute", 200, ["received", "committed"]],
  ["ledger.not_stored", 140, ["duplicates", "quarantined", "refused"]],
];

/** Whether every message of a total is accounted for. */
export const addsUp = (l: LedgerTotal, released = 0): boolean => l.received + released === PARTS.reduce((s, k) => s + l[k], 0);

export function Ledger() {
  const { query } = useRoute();
  const hours = (query["hours"] ?? "24") in SPANS ? (query["hours"] as keyof typeof SPANS | undefined) ?? "24" : "24";
  const source = query["source"];
  const ledger = useResource<Answer>("ledger", (s) => get("ledger", s), EVERY);
  const key = `ledger ${hours} ${source ?? ""}`;
  const from = () => Math.floor(serverNow() - SPANS[hours]);
  const history = useResource<{ lines: LedgerLine[] }>(key, (s) => get(`ledger/history${params({ from: from(), source })}`, s), EVERY);
  return (
    <div class="ledger-page">
      <Crumbs here={t("ledger.title")} />
      <p class="muted">{t("ledger.about")}</p>
      <section class="panel" aria-label={t("ledger.by_minute")}>
        <div class="toolbar">
          <h2>{source ? t("ledger.minute_of", { source }) : t("ledger.by_minute")}</h2>
          <div class="segmented" role="group" aria-label={t("ledger.span")}>
            {Object.keys(SPANS).map((h) => (
              <button key={h} type="button" aria-pressed={h === hours} onClick={() => setQuery({ hours: h })}>
                {h === "168" ? t("ledger.days", { n: 7 }) : t("ledger.hours", { n: h })}
              </button>
            ))}
          </div>
          {source && (
            <button type="button" class="link" onClick={() => setQuery({ source: null })}>
              {t("ledger.all_sources")}
            </button>
          )}
          <a class="button push" href={`/api/v1/ledger/statement${params({ from: from() })}`} download="danxia-ledger.json" data-testid="statement">
            {t("ledger.statement")}
          </a>
        </div>
        <Guarded of={history} every={EVERY}>
          {(data) => (data.lines.length === 0 ? <Empty text={t("ledger.nothing")} /> : <Minutes span={SPANS[hours]} lines={data.lines} />)}
        </Guarded>
      </section>
      <section class="panel" aria-label={t("ledger.since")}>
        <h2>{t("ledger.since")}</h2>
        <Guarded of={ledger} every={EVERY}>
          {(data) => <Sources ledger={data} />}
        </Guarded>
      </section>
    </div>
  );
}

function Sources({ ledger }: { ledger: Answer }) {
  const rows = [...ledger.sources.map((s) => ({ ...s, key: s.source })), { ...ledger.total, source: t("ledger.all"), key: "" }];
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={t("ledger.since")}>
      <table class="rows cards named" data-testid="ledger-sources">
        <thead>
          <tr>
            <th scope="col">{t("ledger.source")}</th>
            {SHOWN.map((k) => (
              <th key={k} scope="col" class="n">
                {code("ledger", k)}
              </th>
            ))}
            <th scope="col">{t("ledger.check")}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((r) => (
            <tr key={r.key} class={r.key ? "" : "sum"} data-fits={addsUp(r)}>
              <th scope="row">
                {r.key ? (
                  <button type="button" class="link" onClick={() => setQuery({ source: r.key })}>
                    {r.source}
                  </button>
                ) : (
                  r.source
                )}
              </th>
              {SHOWN.map((k) => (
                <td key={k} class="n" data-name={code("ledger", k)}>
                  {int(r[k])}
                </td>
              ))}
              <td data-name={t("ledger.check")}>
                <Check fits={addsUp(r)} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Check({ fits }: { fits: boolean }) {
  return fits ? <span title={t("ledger.adds_up")}>✓</span> : <strong class="verdict abnormal">{t("ledger.wrong")}</strong>;
}

function Minutes({ lines, span }: { lines: LedgerLine[]; span: number }) {
  const look = [useStore(theme), useStore(lang), span].join();
  const sum = useMemo(() => total(lines), [lines]);
  const data = useMemo(() => columns(lines), [lines]);
  const time = (s: number) => (span > SPANS["24"] ? `${day(s * 1_000)} ${clockShort(s * 1_000)}` : clockShort(s * 1_000));
  const options = (shown: Shown[]) => ({
    scales: {
      // The period that was asked for, also where little of it has a line.
      x: { time: true, range: (): [number, number] => [(serverNow() - span) / 1_000, serverNow() / 1_000] },
      y: { range: (_: uPlot, _min: number, max: number): [number, number] => [0, Math.max(1, max * 1.1)] },
    },
    legend: { show: true, live: false, markers: { dash: (u: uPlot, i: number) => (u.series[i]?.dash ? "dashed" : "solid") } },
    axes: [axis({ space: span > SPANS["24"] ? 100 : 60, values: (_: uPlot, splits: number[]) => splits.map(time) }), axis()],
    series: [
      {},
      ...shown.map((k) => {
        const { ink: colour, ...line } = LINES[k];
        return { label: code("ledger", k), stroke: ink(colour), ...line };
      }),
    ],
  });
  const part = (shown: Shown[]) => [data[0], ...shown.map((k) => data[SHOWN.indexOf(k) + 1])] as unknown as uPlot.AlignedData;
  return (
    <>
      {CHARTS.map(([name, height, shown], i) => (
        <>
          {i > 0 && <h3>{t(name)}</h3>}
          <Plot look={look} options={() => options(shown)} data={part(shown)} height={height} label={t(name)} testid={`ledger-chart-${i}`} />
        </>
      ))}
      <p data-testid="ledger-period" data-fits={addsUp(sum, sum.released)}>
        {t("ledger.period", {
          received: int(sum.received),
          released: int(sum.released),
          committed: int(sum.committed),
          duplicates: int(sum.duplicates),
          quarantined: int(sum.quarantined),
          refused: int(sum.refused),
        })}{" "}
        <Check fits={addsUp(sum, sum.released)} /> {sum.gaps > 0 && <span class="doubt">{t("ledger.gaps", { n: int(sum.gaps) })}</span>}
      </p>
    </>
  );
}

export function total(lines: LedgerLine[]): LedgerTotal & { released: number; gaps: number } {
  const sum = { received: 0, committed: 0, duplicates: 0, quarantined: 0, refused: 0, released: 0, gaps: 0 };
  for (const l of lines) for (const k of Object.keys(sum) as (keyof typeof sum)[]) sum[k] += l[k];
  return sum;
}

/** Messages a minute, also where an hour is one line; a stretch without a line had none. */
export function columns(lines: LedgerLine[]): uPlot.AlignedData {
  const x: number[] = [];
  const ys: number[][] = SHOWN.map(() => []);
  const push = (t: number, value: (k: (typeof SHOWN)[number]) => number) => {
    x.push(t);
    SHOWN.forEach((k, i) => ys[i]!.push(value(k)));
  };
  let due: number | undefined;
  for (const l of lines) {
    const begins = l.t_ms / 1_000;
    if (due !== undefined && begins > due) {
      push(due, () => 0);
      if (begins - 60 > due) push(begins - 60, () => 0);
    }
    push(begins, (k) => (l[k] * 60) / l.width_s);
    due = begins + l.width_s;
  }
  return [x, ...ys] as unknown as uPlot.AlignedData;
}
