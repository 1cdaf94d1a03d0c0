import { useMemo } from "preact/hooks";
import type { Analysis } from "../../api/types";
import { t } from "../../i18n";
import { num } from "../../lib/format";
import type { Field } from "../../lib/heat";
import { setQuery } from "../../lib/router";
import { HeatMap } from "../../parts/heat-map";
import { Answered, useAnalysis } from "./asking";
import { BandEnvelope } from "./band-envelope";
import { ChartPanel } from "./chart-panel";
import type { Subject } from "./record";
import { bandText } from "./spectrogram";

type Kurtogram = NonNullable<Analysis["kurtogram"]>;

/** Kurtosis by centre and width of the band; the band that is drawn or picked is demodulated beneath. */
export function KurtogramView({ subject }: { subject: Subject }) {
  const answer = useAnalysis(subject.w.id, "kurtogram");
  return (
    <>
      <Answered of={answer}>{(a) => a.kurtogram && <KurtogramMap subject={subject} k={a.kurtogram} />}</Answered>
      <BandEnvelope subject={subject} />
    </>
  );
}

/** Levels as rows of one width: the narrowest bands set the columns. */
export function fieldOf(k: Kurtogram): Field {
  const columns = Math.max(1, ...k.levels.map((l) => l.kurtosis.length));
  const top = Math.max(0, ...k.levels.map((l) => l.kurtosis.length * l.width_hz));
  const values = new Float32Array(columns * k.levels.length);
  const dx = top / columns;
  k.levels.forEach((l, row) => {
    for (let c = 0; c < columns; c++) {
      const band = Math.min(l.kurtosis.length - 1, Math.floor(((c + 0.5) * dx) / l.width_hz));
      values[row * columns + c] = l.kurtosis[band] ?? 0;
    }
  });
  return { x0: dx / 2, dx, columns, y0: 0, dy: 1, rows: k.levels.length, values };
}

/** The band of the level at a place. */
export function bandAt(k: Kurtogram, hz: number, level: number): [number, number] | undefined {
  const width = k.levels[level]?.width_hz;
  if (!width) return undefined;
  const i = Math.floor(hz / width);
  return [i * width, (i + 1) * width];
}

function KurtogramMap({ subject, k }: { subject: Subject; k: Kurtogram }) {
  const { b, w } = subject;
  const field = useMemo(() => fieldOf(k), [k]);
  const choose = (band: [number, number] | undefined) => band && setQuery({ band: bandText(Math.max(0, band[0]), Math.min(w.fs / 2, band[1])) });
  const bands = useMemo(
    () =>
      k.levels
        .flatMap((l) => l.kurtosis.map((v, i) => ({ low: i * l.width_hz, high: (i + 1) * l.width_hz, v })))
        .sort((a, c) => c.v - a.v)
        .slice(0, 12),
    [k],
  );
  return (
    <ChartPanel
      id="kurtogram"
      title={t("bench.kurtogram")}
      about={t("bench.kurtogram_about")}
      file={subject.file}
      seen={{
        head: ["low (Hz)", "high (Hz)", "kurtosis"],
        columns: () => {
          const all = k.levels.flatMap((l) => l.kurtosis.map((v, i) => [i * l.width_hz, (i + 1) * l.width_hz, v] as const));
          return [0, 1, 2].map((c) => all.map((r) => r[c]!));
        },
      }}
      tools={
        <button type="button" data-testid="best-band" onClick={() => choose(k.best)}>
          {t("bench.best_band", { low: num(k.best[0], 5), high: num(k.best[1], 5), kurtosis: num(k.kurtosis) })}
        </button>
      }
    >
      <HeatMap
        field={field}
        xLabel="Hz"
        yLabel={t("bench.width")}
        valueLabel={t("bench.kurtosis")}
        label={t("bench.map_label", { name: t("bench.kurtogram") })}
        height={320}
        testid="kurtogram-map"
        rowName={(row) => num(k.levels[row]?.width_hz, 4)}
        region={b.band && [[b.band[0], -0.5], [b.band[1], k.levels.length - 0.5]]}
        onPick={(x, y) => choose(bandAt(k, x, Math.round(y)))}
        onRegion={(x) => choose(x)}
      />
      <details class="as-table">
        <summary>{t("bench.highest_cells")}</summary>
        <table class="terms">
          <thead>
            <tr>
              <th scope="col" class="n">{t("bench.band")}</th>
              <th scope="col" class="n">{t("bench.kurtosis")}</th>
            </tr>
          </thead>
          <tbody>
            {bands.map((r) => (
              <tr key={`${r.low}-${r.high}`}>
                <td class="n">
                  <button type="button" class="link" onClick={() => choose([r.low, r.high])}>
                    {num(r.low, 5)} – {num(r.high, 5)} Hz
                  </button>
                </td>
                <td class="n">{num(r.v, 4)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </ChartPanel>
  );
}
