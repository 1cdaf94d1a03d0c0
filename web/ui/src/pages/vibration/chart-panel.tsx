import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { t } from "../../i18n";
import { useRoute } from "../../lib/router";
import { csv, fileName, savePicture, saveText } from "../../lib/save";
import { canvasFont, ink } from "../../parts/plot";
import { unzoom, type ZoomKey } from "./state";

/** A curve as it is seen, for a file. */
export interface Seen {
  head: string[];
  columns: () => ArrayLike<number>[];
}

/** The frame of a chart: its name, what it is, the way back from a zoom, and what is seen as files. */
export function ChartPanel(props: {
  id: string;
  title: string;
  about?: string | undefined;
  zoomKey?: ZoomKey;
  /** Names the files. */
  file: string;
  seen?: Seen;
  tools?: ComponentChildren;
  children: ComponentChildren;
}) {
  const { query } = useRoute();
  const panel = useRef<HTMLElement>(null);
  const picture = () => {
    const canvases = [...(panel.current?.querySelectorAll("canvas") ?? [])];
    const look = { ground: ink("panel"), ink: ink("ink"), font: canvasFont() };
    savePicture(canvases.slice(0, 2), `${props.title} · ${props.file}`, look, `${fileName(props.file, props.id)}.png`);
  };
  return (
    <section class="panel" aria-labelledby={`${props.id}-title`} ref={panel}>
      <div class="toolbar">
        <h2 id={`${props.id}-title`}>{props.title}</h2>
        {props.about && <span class="muted about">{props.about}</span>}
        {props.tools}
        <span class="push tools">
          {props.zoomKey && query[props.zoomKey] && (
            <button type="button" onClick={() => unzoom(props.zoomKey!)}>
              {t("vibration.reset_zoom")}
            </button>
          )}
          {props.seen && (
            <button
              type="button"
              class="quiet"
              aria-label={t("bench.save_csv", { name: props.title })}
              onClick={() => saveText(csv(props.seen!.head, props.seen!.columns()), `${fileName(props.file, props.id)}.csv`)}
            >
              CSV
            </button>
          )}
          <button type="button" class="quiet" aria-label={t("bench.save_png", { name: props.title })} onClick={picture}>
            PNG
          </button>
        </span>
      </div>
      {props.children}
    </section>
  );
}

/** Where `n` values with steps of `dx` lie. */
export const places = (n: number, dx: number, x0 = 0): Float64Array => Float64Array.from({ length: n }, (_, i) => x0 + i * dx);
