import { useState } from "preact/hooks";
import { get, post, query as queryOf, segments } from "../../api/client";
import { useResource } from "../../api/resource";
import type { Alarm, Journal, MachineDetail, Note, Notes, Overview, SeriesStatistics } from "../../api/types";
import { code, t } from "../../i18n";
import { bands, MOST_TAGS, parseSpan, parseTags, placeOf, tagKey, tagsText, type Band, type Tag } from "../../lib/compare";
import { machineTitle, pointTitle } from "../../lib/condition";
import { dateTime, int, num, span, when } from "../../lib/format";
import { serverNow } from "../../lib/now";
import { href, setQuery, useRoute } from "../../lib/router";
import { Empty, Guarded, ProblemBox } from "../../parts/states";
import { Trend } from "../../parts/trend";
import { useWindow, WindowNote, WindowPicker } from "../../parts/window";

const EVERY = 30_000;
/** Alarms of a point whose past is looked through, the newest first. */
const ALARMS = 6;

const put = (tags: Tag[]) => setQuery({ tags: tagsText(tags) || null });

/** Up to eight series one under the other, over the same time. */
export function Compare() {
  const { query } = useRoute();
  const tags = parseTags(query["tags"]);
  const { range, fixed } = useWindow();
  const selected = parseSpan(query["sel"]);
  return (
    <div class="compare fresh">
      <div class="toolbar">
        <h1>{t("compare.title")}</h1>
        <WindowPicker />
      </div>
      <WindowNote />
      <Picker tags={tags} />
      {tags.length === 0 && <Empty text={t("compare.empty")} />}
      {tags.map((tag) => (
        <Chart
          key={tagKey(tag)}
          tag={tag}
          range={range}
          fixed={fixed}
          remove={() => put(tags.filter((x) => tagKey(x) !== tagKey(tag)))}
        />
      ))}
      {tags.length > 0 && <Statistics tags={tags} range={range} fixed={fixed} selected={selected} />}
    </div>
  );
}

/** Which machine, and which of its points or of what is computed from them. */
function Picker({ tags }: { tags: Tag[] }) {
  const plant = useResource<Overview>("compare overview", (s) => get("overview", s));
  const [machine, setMachine] = useState("");
  const detail = useResource<MachineDetail>(machine || null, (s) => get(`machines/${segments(...machine.split("/"))}`, s));
  const full = tags.length >= MOST_TAGS;
  const add = (key: string) => {
    const [tag] = parseTags(key);
    if (tag) put([...tags, tag]);
  };
  return (
    <form class="toolbar" aria-label={t("compare.add")} onSubmit={(e) => e.preventDefault()}>
      <label for="compare-machine">{t("work.machine")}</label>
      <select id="compare-machine" value={machine} disabled={full} onChange={(e) => setMachine(e.currentTarget.value)}>
        <option value="">{t("work.choose")}</option>
        {plant.data?.areas.map((a) => (
          <optgroup key={a.area ?? ""} label={a.area ?? t("overview.no_area")}>
            {a.machines.map((m) => (
              <option key={`${m.site}/${m.machine}`} value={`${m.site}/${m.machine}`}>
                {machineTitle(m)}
              </option>
            ))}
          </optgroup>
        ))}
      </select>
      <label for="compare-point">{t("machine.point")}</label>
      <select
        id="compare-point"
        value=""
        disabled={full || !detail.data}
        onChange={(e) => {
          if (e.currentTarget.value) add(e.currentTarget.value);
          e.currentTarget.value = "";
        }}
      >
        <option value="">{detail.loading && machine ? t("state.loading") : t("work.choose")}</option>
        {detail.data?.points.flatMap((p) => {
          const one = (tag: Tag, name: string) => (
            <option key={tagKey(tag)} value={tagKey(tag)} disabled={tags.some((x) => tagKey(x) === tagKey(tag))}>
              {name}
            </option>
          );
          return [
            ...(p.kind === "scalar" ? [one({ point: p.id }, pointTitle(p))] : []),
            ...p.indicators.map((i) => one({ point: p.id, indicator: i.name }, `${pointTitle(p)} · ${code("indicator", i.name)}`)),
          ];
        })}
      </select>
      {full && <span class="muted">{t("compare.full", { n: int(MOST_TAGS) })}</span>}
      {plant.problem && <ProblemBox problem={plant.problem} retry={plant.reload} />}
    </form>
  );
}

type Fixed = { from: number; to: number } | undefined;

function Chart(props: { tag: Tag; range: number; fixed: Fixed; remove: () => void }) {
  const { tag, range, fixed } = props;
  const { site, machine, name } = placeOf(tag.point);
  const id = `${site}/${machine}`;
  const detail = useResource<MachineDetail>(`compare ${id}`, (s) => get(`machines/${segments(site, machine)}`, s));
  const seen = useResource<Seen>(
    `${tag.point} ${fixed?.from ?? ""} ${fixed?.to ?? ""} ${range}`,
    (s) => look(id, name, fixed?.from ?? Date.now() - range, fixed?.to ?? Date.now(), s),
    fixed ? undefined : EVERY,
  );
  const p = detail.data?.points.find((x) => x.name === name);
  const indicator = p?.indicators.find((i) => i.name === tag.indicator);
  const title = [detail.data ? machineTitle(detail.data) : machine, p ? pointTitle(p) : name, ...(tag.indicator ? [code("indicator", tag.indicator)] : [])].join(" · ");
  const { query } = useRoute();
  return (
    <section class="panel" aria-label={title} data-testid="compare-chart" data-tag={tagKey(tag)}>
      <div class="toolbar">
        <h2>
          <a href={href(["machine", site, machine], { point: name, series: tag.indicator, range: query["range"] })}>{title}</a>
        </h2>
        <button type="button" class="push" onClick={props.remove} aria-label={t("compare.remove", { name: title })} data-testid="compare-remove">
          ×
        </button>
      </div>
      {detail.problem && <ProblemBox problem={detail.problem} retry={detail.reload} />}
      {detail.data && (
        <Trend
          point={tag.point}
          indicator={tag.indicator ?? null}
          unit={tag.indicator ? (indicator?.unit ?? null) : (p?.unit ?? null)}
          {...(fixed ?? {})}
          range={range}
          periodMs={p?.period_s != null ? p.period_s * 1000 : null}
          {...(tag.indicator || !p ? {} : { limits: p.limits })}
          bands={seen.data?.bands ?? []}
          flags={(seen.data?.notes ?? []).map((n) => Date.parse(n.t))}
          sync="compare"
          height={170}
          label={title}
          onZoom={(a, b) => setQuery({ sel: `${a}~${b}` })}
        />
      )}
      {seen.data && seen.data.notes.length > 0 && (
        <ol class="flags">
          {seen.data.notes.map((n) => (
            <li key={n.number}>
              {n.text} <small class="muted">{[n.by, when(n.t, serverNow())].join(", ")}</small>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

/** What people should know who look at a stretch of time: which alarms of the point held, and what was noted at the machine. */
interface Seen {
  bands: Band[];
  notes: Note[];
}

async function look(machine: string, point: string, from: number, to: number, signal: AbortSignal): Promise<Seen> {
  const of = machine.split("/");
  const [{ alarms }, noted] = await Promise.all([
    get<{ alarms: Alarm[] }>(`alarms${queryOf({ state: "all", machine })}`, signal),
    get<Notes>(`machines/${segments(...of)}/notes?limit=100`, signal),
  ]);
  const own = alarms.filter((a) => a.point === point && a.occurrences > 0).sort((a, b) => Date.parse(b.changed) - Date.parse(a.changed));
  const journals = await Promise.all(own.slice(0, ALARMS).map((a) => get<Journal>(`alarms/${segments(a.id)}/journal?limit=500`, signal)));
  const within = (n: Note) => Date.parse(n.t) >= from && Date.parse(n.t) <= to;
  return {
    // The most urgent last: it is drawn over the others.
    bands: journals.flatMap((j) => bands(j.entries, from, to)).sort((a, b) => b.priority - a.priority),
    notes: noted.notes.filter(within).slice(0, 9).reverse(),
  };
}

/** What the series amount to within what is selected, or within all that is shown, from every value; and as files. */
function Statistics(props: { tags: Tag[]; range: number; fixed: Fixed; selected: [number, number] | undefined }) {
  const { tags, range, fixed, selected } = props;
  const [from, to] = selected ?? (fixed ? [fixed.from, fixed.to] : [undefined, undefined]);
  const key = `statistics ${tagsText(tags)} ${from ?? range} ${to ?? ""}`;
  const answer = useResource<{ statistics: SeriesStatistics[] }>(
    key,
    () => {
      const end = to ?? Date.now();
      const iso = (ms: number) => new Date(ms).toISOString();
      return post("series/query", { ask: "statistics", series: tags, from: iso(from ?? end - range), to: iso(end) });
    },
    to === undefined ? EVERY : undefined,
  );
  return (
    <section class="panel" aria-labelledby="statistics-title">
      <div class="toolbar">
        <h2 id="statistics-title">{t("compare.statistics")}</h2>
        {selected ? (
          <>
            <span data-testid="compare-selected">
              {dateTime(selected[0])} – {dateTime(selected[1])} <small class="muted">{span(selected[1] - selected[0])}</small>
            </span>
            <button type="button" onClick={() => setQuery({ from: selected[0], to: selected[1], sel: null })} data-testid="compare-zoom">
              {t("compare.zoom")}
            </button>
            <button type="button" onClick={() => setQuery({ sel: null })}>
              {t("compare.clear")}
            </button>
          </>
        ) : (
          <span class="muted">{t("compare.how")}</span>
        )}
      </div>
      <Guarded of={answer} every={to === undefined ? EVERY : Infinity}>
        {(data) => (
          <div class="scroll" tabIndex={0} role="region" aria-labelledby="statistics-title">
            <table class="rows">
              <thead>
                <tr>
                  <th scope="col">{t("compare.series")}</th>
                  {(["mean", "time_mean", "min", "max", "standard_deviation", "p05", "p50", "p95", "count", "bad"] as const).map((c) => (
                    <th key={c} scope="col" class="n">
                      {code("statistic", c)}
                    </th>
                  ))}
                  <th scope="col">{t("compare.files")}</th>
                </tr>
              </thead>
              <tbody>
                {data.statistics.map((s) => (
                  <Row key={`${s.point} ${s.indicator ?? ""}`} s={s} from={from} to={to} range={range} />
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Guarded>
    </section>
  );
}

function Row({ s, from, to, range }: { s: SeriesStatistics; from: number | undefined; to: number | undefined; range: number }) {
  const { machine, name } = placeOf(s.point);
  const file = (format: string) => {
    const end = to ?? serverNow();
    const times = { from: Math.round(from ?? end - range), to: Math.round(end) };
    return `/api/v1/export/points${queryOf({ point: s.point, indicators: s.indicator ? "yes" : null, format, ...times })}`;
  };
  return (
    <tr data-testid="compare-row">
      <th scope="row">
        {machine} · {name} {s.indicator && code("indicator", s.indicator)} <small class="muted">{s.unit}</small>
      </th>
      {[s.mean, s.time_mean, s.min?.value, s.max?.value, s.standard_deviation, s.p05, s.p50, s.p95].map((v, i) => (
        <td key={i} class="n">
          {v == null ? "–" : num(v, 4)}
        </td>
      ))}
      <td class="n">{int(s.count)}</td>
      <td class="n">{int(s.bad)}</td>
      <td>
        <a href={file("csv")} download>
          CSV
        </a>{" "}
        <a href={file("parquet")} download>
          Parquet
        </a>
      </td>
    </tr>
  );
}
