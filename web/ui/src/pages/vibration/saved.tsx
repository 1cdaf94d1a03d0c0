import { useRef, useState } from "preact/hooks";
import { segments } from "../../api/client";
import { t } from "../../i18n";
import { copy } from "../../lib/copy";
import { keepViews, savedViews, withView } from "../../lib/views";

const FORMATS = [["wav", "WAV"], ["csv", "CSV"], ["uff", "UFF 58"], ["sidecar", "JSON"]] as const;

/** The record as the server writes it. */
export function Files({ id }: { id: string }) {
  return (
    <p class="files">
      <span class="muted">{t("bench.export")}</span>
      {FORMATS.map(([format, name]) => (
        <a key={format} href={`/api/v1/waveforms/${segments(id)}/export?format=${format}`} download data-testid={`export-${format}`}>
          {name}
        </a>
      ))}
    </p>
  );
}

/** What is seen as a link, and links under names, kept in this browser. */
export function Saved() {
  const [views, setViews] = useState(savedViews);
  const [name, setName] = useState("");
  const [said, setSaid] = useState("");
  const box = useRef<HTMLInputElement>(null);
  const change = (next: typeof views) => (keepViews(next), setViews(next));
  const copyLink = async () => {
    if (box.current) box.current.value = location.href;
    setSaid(t((await copy(location.href, box.current)) ? "bench.copied" : "bench.copy_by_hand"));
  };
  return (
    <div class="saved">
      <button type="button" data-testid="copy-link" onClick={() => void copyLink()}>
        {t("bench.copy_link")}
      </button>
      <span role="status" class="muted">
        {said}
      </span>
      <input ref={box} class={said ? "" : "sr"} tabIndex={said ? 0 : -1} readOnly aria-label={t("bench.link")} />
      <details class="as-table">
        <summary>{t("bench.saved_views", { n: views.length })}</summary>
        <form
          class="toolbar"
          onSubmit={(e) => {
            e.preventDefault();
            change(withView(views, name, location.hash));
            setName("");
          }}
        >
          <label>
            {t("bench.view_name")} <input data-testid="view-name" value={name} maxLength={80} onInput={(e) => setName(e.currentTarget.value)} />
          </label>
          <button type="submit" disabled={!name.trim()}>
            {t("bench.save_view")}
          </button>
        </form>
        <ul>
          {views.map((v) => (
            <li key={v.name} data-testid="saved-view">
              <a href={v.link}>{v.name}</a>{" "}
              <button type="button" class="quiet" aria-label={t("bench.forget_view", { name: v.name })} onClick={() => change(views.filter((o) => o !== v))}>
                ×
              </button>
            </li>
          ))}
        </ul>
      </details>
    </div>
  );
}
