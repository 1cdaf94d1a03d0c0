import { useEffect, useMemo } from "preact/hooks";
import type { MachineDetail, WaveformInfo } from "../../api/types";
import { t } from "../../i18n";
import { dateTime, plantZone, quantity, when } from "../../lib/format";
import { registerKeys } from "../../lib/keys";
import { lang } from "../../lib/prefs";
import { serverNow } from "../../lib/now";
import { setQuery, useRoute } from "../../lib/router";
import { Empty } from "../../parts/states";
import { Record } from "./record";

/** The list of records and the one in view: the one the link names, else always the newest. */
export function Records(props: {
  waveforms: WaveformInfo[];
  point: string;
  machine: MachineDetail | undefined;
  more?: () => void;
}) {
  const { waveforms } = props;
  const { query } = useRoute();
  const chosen = query["wf"] ?? waveforms[0]?.id;
  const at = waveforms.findIndex((w) => w.id === chosen);
  const step = (by: number) => {
    const next = waveforms[Math.max(0, Math.min(waveforms.length - 1, at + by))];
    if (next) setQuery({ wf: next.id });
  };
  useEffect(() => registerKeys({ j: () => step(1), k: () => step(-1) }));
  // The same as long as it shows the same: it has hundreds of times to put into words.
  const list = useMemo(
    () => <RecordList {...props} chosen={chosen} at={at} newest={!query["wf"]} base={query["base"]} />,
    [waveforms, chosen, query["wf"], query["base"], props.more === undefined, lang.get(), plantZone.get()],
  );
  if (!chosen) return <Empty text={t("vibration.empty")} />;
  return (
    <div class="records">
      {list}
      <Record key={`${props.point} ${chosen}`} id={chosen} point={props.point} machine={props.machine} waveforms={waveforms} />
    </div>
  );
}

interface ListProps {
  waveforms: WaveformInfo[];
  more?: () => void;
  chosen: string | undefined;
  /** Where the chosen one stands in the list; below 0 where it does not. */
  at: number;
  newest: boolean;
  base: string | undefined;
}

function RecordList(props: ListProps) {
  return (
    <section class="panel record-list" aria-labelledby="records-title">
      <div class="toolbar">
        <h2 id="records-title">{t("vibration.records")}</h2>
        <button type="button" class="push" aria-pressed={props.newest} onClick={() => setQuery({ wf: null })}>
          {t("vibration.newest")}
        </button>
      </div>
      <BaselinePick waveforms={props.waveforms} chosen={props.base} />
      <ol>
        {props.waveforms.map((w) => (
          <li key={w.id} class={w.id === props.base ? "is-baseline" : ""}>
            <button type="button" aria-pressed={w.id === props.chosen} onClick={() => setQuery({ wf: w.id })}>
              <time datetime={w.t0}>{when(w.t0, serverNow())}</time>
              <span class="muted">{w.rpm != null ? quantity(w.rpm, "r/min", 4) : t("vibration.no_speed")}</span>
            </button>
          </li>
        ))}
        {props.at < 0 && !props.newest && <li class="muted elsewhere">{t("vibration.older")}</li>}
      </ol>
      {props.more && (
        <button type="button" class="more" onClick={props.more}>
          {t("bench.more_records")}
        </button>
      )}
    </section>
  );
}

function BaselinePick({ waveforms, chosen }: { waveforms: WaveformInfo[]; chosen: string | undefined }) {
  return (
    <label class="baseline-pick">
      {t("bench.baseline")}{" "}
      <select data-testid="baseline" value={chosen ?? ""} onChange={(e) => setQuery({ base: e.currentTarget.value })}>
        <option value="">{t("bench.no_baseline")}</option>
        {chosen && waveforms.every((w) => w.id !== chosen) && <option value={chosen}>{t("bench.older_record")}</option>}
        {waveforms.map((w) => (
          <option key={w.id} value={w.id}>
            {dateTime(w.t0)} {w.rpm != null ? quantity(w.rpm, "r/min", 4) : ""}
          </option>
        ))}
      </select>
    </label>
  );
}
