import { t } from "../i18n";
import { dateTime, span } from "../lib/format";
import { setQuery, useRoute } from "../lib/router";

const RANGES: [key: string, ms: number][] = [
  ["15m", 900_000],
  ["1h", 3_600_000],
  ["8h", 28_800_000],
  ["24h", 86_400_000],
  ["7d", 604_800_000],
  ["30d", 2_592_000_000],
];

/** The window of a trend as the address says it: a length that ends now, or two times that stay. */
export function useWindow(): { range: number; fixed: { from: number; to: number } | undefined } {
  const { query } = useRoute();
  const range = RANGES.find(([k]) => k === query["range"])?.[1] ?? 3_600_000;
  const [from, to] = [Number(query["from"]), Number(query["to"])];
  return { range, fixed: from > 0 && to > from ? { from, to } : undefined };
}

/** Chooses it, and moves it by half its length. */
export function WindowPicker() {
  const { range, fixed } = useWindow();
  const [a, b] = fixed ? [fixed.from, fixed.to] : [Date.now() - range, Date.now()];
  const pan = (share: number) => setQuery({ from: Math.round(a + (b - a) * share), to: Math.round(b + (b - a) * share) });
  return (
    <div class="segmented push" role="group" aria-label={t("trend.window")}>
      <button type="button" aria-label={t("trend.earlier")} onClick={() => pan(-0.5)}>
        ‹
      </button>
      {RANGES.map(([k, size]) => (
        <button
          key={k}
          type="button"
          aria-pressed={!fixed && size === range}
          onClick={() => setQuery({ range: k, from: null, to: null })}
        >
          {span(size)}
        </button>
      ))}
      <button type="button" aria-label={t("trend.later")} disabled={!fixed} onClick={() => pan(0.5)}>
        ›
      </button>
    </div>
  );
}

/** Where the window stays, and the way back; nothing while it moves on. */
export function WindowNote() {
  const { fixed } = useWindow();
  if (!fixed) return null;
  return (
    <p class="muted window-note">
      {dateTime(fixed.from)} – {dateTime(fixed.to)}{" "}
      <button type="button" class="link" onClick={() => setQuery({ from: null, to: null })}>
        {t("trend.back_to_now")}
      </button>
    </p>
  );
}
