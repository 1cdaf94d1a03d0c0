import { useMemo } from "preact/hooks";
import uPlot from "uplot";
import type { AlarmPerformance } from "../../api/types";
import { t } from "../../i18n";
import { clockShort, dateTime, day, int, num, plantZone, span } from "../../lib/format";
import { lang, theme } from "../../lib/prefs";
import { useStore } from "../../lib/store";
import { axis, canvasFont, drawUnits, hatch, ink, Plot, plantDate } from "../../parts/plot";
import { percent } from "./state";

/** More than so many in a slot begin a flood. */
const FLOOD = 10;

/** Annunciations by ten minutes, the floods shaded behind them. */
export function RateChart({ of }: { of: AlarmPerformance }) {
  const { rate } = of;
  const look = [useStore(theme), useStore(lang), useStore(plantZone), of.from, of.to].join("\n");
  const data = useMemo(() => {
    const x = rate.slots.map((_, i) => (rate.first_slot_ms + i * rate.slot_ms) / 1_000);
    return [x, rate.slots] as uPlot.AlignedData;
  }, [of]);
  return (
    <figure class="trend">
      <Plot look={look} height={190} label={t("performance.rate")} testid="rate-chart" data={data} options={() => options(of)} />
      <figcaption class="readout">
        {t("performance.rate_said", {
          mean: num(rate.mean, 2),
          most: int(rate.most_in_ten_minutes),
          floods: int(rate.floods_in_all),
          share: percent(rate.flood_share),
        })}
      </figcaption>
      <details class="as-table" data-testid="rate-table">
        <summary>{t("chart.as_table")}</summary>
        <div class="three">
          <Floods of={of} />
          <Days of={of} />
          <Histogram of={of} />
        </div>
      </details>
    </figure>
  );
}

function Floods({ of }: { of: AlarmPerformance }) {
  const { floods, floods_in_all } = of.rate;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={t("performance.floods")}>
      <table>
        <caption>{t("performance.floods")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("performance.began")}</th>
            <th scope="col">{t("alarms.duration")}</th>
            <th scope="col" class="n">{t("performance.annunciations")}</th>
            <th scope="col" class="n">{t("performance.worst_slot")}</th>
          </tr>
        </thead>
        <tbody>
          {floods.map((f) => (
            <tr key={f.from}>
              <td>{dateTime(f.from)}</td>
              <td>
                {span(Date.parse(f.to) - Date.parse(f.from))} {f.open && t("performance.goes_on")}
              </td>
              <td class="n">{int(f.annunciations)}</td>
              <td class="n">{int(f.most_in_slot)}</td>
            </tr>
          ))}
          {floods.length === 0 && (
            <tr>
              <td colSpan={4}>{t("performance.no_flood")}</td>
            </tr>
          )}
        </tbody>
      </table>
      {floods_in_all > floods.length && <p class="muted">{t("alarms.more", { n: int(floods_in_all - floods.length) })}</p>}
    </div>
  );
}

function Days({ of }: { of: AlarmPerformance }) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={t("performance.by_day")}>
      <table>
        <caption>{t("performance.by_day")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("trend.from")}</th>
            <th scope="col" class="n">{t("performance.annunciations")}</th>
          </tr>
        </thead>
        <tbody>
          {of.rate.days.map((d) => (
            <tr key={d.from}>
              <td>
                {dateTime(d.from)} {!d.whole && t("performance.part")}
              </td>
              <td class="n">{int(d.annunciations)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Histogram({ of }: { of: AlarmPerformance }) {
  const { bins, histogram } = of.rate;
  const name = (i: number) => {
    const [from, next] = [bins[i]!, bins[i + 1]];
    if (next === undefined) return `≥ ${int(from)}`;
    return next - from === 1 ? int(from) : `${int(from)}–${int(next - 1)}`;
  };
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={t("performance.histogram")}>
      <table>
        <caption>{t("performance.histogram")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("performance.in_slot")}</th>
            <th scope="col" class="n">{t("performance.slots")}</th>
          </tr>
        </thead>
        <tbody>
          {bins.map((b, i) => (
            <tr key={b}>
              <td>{name(i)}</td>
              <td class="n">{int(histogram[i])}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function options(of: AlarmPerformance): Omit<uPlot.Options, "width" | "height"> {
  const [from, to] = [Date.parse(of.from) / 1_000, Date.parse(of.to) / 1_000];
  return {
    tzDate: plantDate(),
    legend: { show: false },
    padding: [18, 16, 0, 4],
    cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
    scales: {
      x: { time: true, range: () => [from, to] },
      y: { range: (_, __, high) => [0, Math.max(FLOOD + 2, (high ?? 0) * 1.1)] },
    },
    series: [
      {},
      { stroke: ink("trace"), fill: ink("trace-band"), width: 1, paths: uPlot.paths.stepped!({ align: 1 }), points: { show: false } },
    ],
    axes: [
      axis({
        space: 90,
        size: 44,
        values: (_, splits, __, ___, step) =>
          splits.map((s, i) => {
            if (step >= 86_400) return day(s * 1_000);
            const text = clockShort(s * 1_000);
            const newDay = i === 0 || day(s * 1_000) !== day(splits[i - 1]! * 1_000);
            return newDay ? `${text}\n${day(s * 1_000)}` : text;
          }),
      }),
      axis({ size: 44, space: 26 }),
    ],
    hooks: {
      drawClear: [(u) => shadeFloods(u, of)],
      draw: [(u) => (drawBound(u), drawUnits(u, "", t("performance.per_slot")))],
    },
  };
}

function shadeFloods(u: uPlot, of: AlarmPerformance): void {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const f of of.rate.floods) {
    const [left, right] = [f.from, f.to].map((i) => u.valToPos(Date.parse(i) / 1_000, "x", true)) as [number, number];
    const width = Math.max(2 * devicePixelRatio, right - left);
    ctx.fillStyle = ink("zone-d");
    ctx.fillRect(left, bbox.top, width, bbox.height);
    ctx.fillStyle = hatch(ctx);
    ctx.fillRect(left, bbox.top, width, bbox.height);
    // A short one in a long period is told by a mark above the curve.
    ctx.fillStyle = ink("p1");
    const mark = Math.max(6 * devicePixelRatio, width);
    ctx.fillRect((left + right - mark) / 2, bbox.top, mark, 5 * devicePixelRatio);
    if (width > 60 * devicePixelRatio) {
      ctx.font = canvasFont();
      ctx.fillStyle = ink("ink");
      ctx.textBaseline = "top";
      ctx.fillText(t("performance.flood"), left + 4 * devicePixelRatio, bbox.top + 8 * devicePixelRatio);
    }
  }
  ctx.restore();
}

function drawBound(u: uPlot): void {
  const { ctx, bbox } = u;
  const y = u.valToPos(FLOOD, "y", true);
  ctx.save();
  ctx.strokeStyle = ink("p1");
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.font = canvasFont();
  ctx.fillStyle = ink("ink-2");
  ctx.textBaseline = "bottom";
  ctx.textAlign = "right";
  ctx.fillText(t("performance.flood_above", { n: FLOOD }), bbox.left + bbox.width - 4 * devicePixelRatio, y - devicePixelRatio);
  ctx.restore();
}
