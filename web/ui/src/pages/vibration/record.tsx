import { useEffect, useMemo } from "preact/hooks";
import { get, request, segments } from "../../api/client";
import { useResource, type Resource } from "../../api/resource";
import type { MachineDetail, Spectra, WaveformDetail, WaveformInfo } from "../../api/types";
import { t } from "../../i18n";
import { dateTime, int, num, quantity } from "../../lib/format";
import { setQuery, useRoute } from "../../lib/router";
import { Guarded } from "../../parts/states";
import { Verdict, ZoneLine } from "../../parts/diagnosis";
import { AdviceOn } from "../../parts/unjudged";
import { baseOf } from "./baseline";
import { Controls } from "./controls";
import { drawnKeys, Legend, useGroups } from "./legend";
import { Files, Saved } from "./saved";
import { bench, cursorFromLink, VIEWS, type Bench } from "./state";
import { useBenchKeys } from "./keys";
import { View } from "./views";
import type { Group } from "../../lib/marks";

/** Everything that a view may draw of. */
export interface Subject {
  w: WaveformDetail;
  s: Spectra;
  b: Bench;
  /** The lines, grouped, under the chosen slip. */
  groups: Group[];
  /** Keys of the groups that are drawn. */
  drawn: Set<string>;
  samples: Resource<Float32Array>;
  baseline: Spectra | undefined;
  machine: MachineDetail | undefined;
  waveforms: WaveformInfo[];
  point: string;
  /** Names files. */
  file: string;
}

type Props = { id: string; point: string; machine: MachineDetail | undefined; waveforms: WaveformInfo[] };

export function Record(props: Props) {
  const { query } = useRoute();
  // The same as long as it says the same: a cursor or a window that moves must not have everything made anew.
  const meant = JSON.stringify(bench(query));
  const b = useMemo(() => bench(query), [meant]);
  const path = `waveforms/${segments(props.id)}`;
  const header = useResource<WaveformDetail>(`header ${props.id}`, (s) => get(path, s));
  const spectra = useResource<Spectra>(`spectra ${props.id}`, (s) => get(`${path}/spectra`, s));
  const base = b.baseline && b.baseline !== props.id ? b.baseline : null;
  const baseline = useResource<Spectra>(base && `spectra ${base}`, (s) => get(`waveforms/${segments(base!)}/spectra`, s));
  const samples = useResource<Float32Array>(`samples ${props.id}`, async (signal) => {
    const answer = await request(`${path}/samples`, { signal });
    return new Float32Array(await answer.arrayBuffer());
  });
  useEffect(() => cursorFromLink(query), [query]);
  return (
    <div class="record">
      <Guarded of={header} every={Infinity}>
        {(w) => (
          <Guarded of={spectra} every={Infinity}>
            {(s) => <Workbench {...props} w={w} s={s} b={b} samples={samples} baseline={base ? baseline.data : undefined} />}
          </Guarded>
        )}
      </Guarded>
    </div>
  );
}

function Workbench(props: Props & { w: WaveformDetail; s: Spectra; b: Bench; samples: Resource<Float32Array>; baseline: Spectra | undefined }) {
  const { w, s, b } = props;
  const groups = useGroups(s, b.slip);
  const drawn = useMemo(() => drawnKeys(s, groups, b.faults), [s, groups, b.faults]);
  const file = `${props.point}_${w.t0}`;
  const subject: Subject = { ...props, groups, drawn, file };
  useBenchKeys(subject);
  return (
    <>
      <RecordFacts w={w} />
      <Compared subject={subject} />
      <div class="verdict-row">
        <section class="panel" aria-label={t("diagnosis.title")}>
          <h2>{t("diagnosis.title")}</h2>
          {w.diagnosis ? (
            <>
              <Verdict d={w.diagnosis} />
              <ZoneLine d={w.diagnosis} />
              <AdviceOn d={w.diagnosis} />
            </>
          ) : (
            <p class="muted">{t("diagnosis.not_yet")}</p>
          )}
          <Files id={w.id} />
          <Saved />
        </section>
        <Legend subject={subject} />
      </div>
      <Views b={b} />
      <Controls subject={subject} />
      <View subject={subject} />
    </>
  );
}

/** The views that draw it. */
const COMPARING: Subject["b"]["view"][] = ["spectra", "waveform", "peak_hold", "cepstrum", "orders"];

/** Which curve is which, where another record is drawn beneath. */
function Compared({ subject }: { subject: Subject }) {
  const base = baseOf(subject);
  if (!base || !COMPARING.includes(subject.b.view)) return null;
  const of = subject.waveforms.find((w) => w.id === base);
  return (
    <p class="compared" data-testid="compared">
      <span class="swatch own" aria-hidden="true" /> {t("bench.this_record")} <span class="swatch other" aria-hidden="true" />{" "}
      {of ? t("bench.compared_with", { time: dateTime(of.t0) }) : t("bench.older_record")}{" "}
      <button type="button" class="quiet" onClick={() => setQuery({ base: null })}>
        {t("bench.compare_no_more")}
      </button>
    </p>
  );
}

function Views({ b }: { b: Bench }) {
  return (
    <div class="segmented views" role="group" aria-label={t("bench.view")}>
      {VIEWS.map((v) => (
        <button key={v} type="button" aria-pressed={b.view === v} data-testid={`view-${v}`} onClick={() => setQuery({ view: v === "spectra" ? null : v })}>
          {t(VIEW_NAMES[v])}
        </button>
      ))}
    </div>
  );
}

const VIEW_NAMES: { [v in (typeof VIEWS)[number]]: string } = {
  spectra: "bench.spectra",
  waveform: "bench.waveform",
  waterfall: "bench.waterfall",
  spectrogram: "bench.spectrogram",
  kurtogram: "bench.kurtogram",
  peak_hold: "bench.peak_hold",
  cepstrum: "bench.cepstrum",
  orders: "bench.orders",
  average: "bench.average",
  run_up: "bench.run_up",
  orbit: "bench.orbit",
};

function RecordFacts({ w }: { w: WaveformDetail }) {
  const facts: (string | false | null | undefined)[] = [
    dateTime(w.t0),
    `${int(w.n)} × ${num(1e6 / w.fs, 4)} µs = ${quantity(w.duration_s, "s", 4)}`,
    `fs ${quantity(w.fs, "Hz", 6)}`,
    w.rpm != null ? quantity(w.rpm, "r/min", 5) : t("vibration.no_speed"),
    w.meta.load != null && `${t("vibration.load")} ${quantity(w.meta.load, "%")}`,
    w.meta.state,
    w.meta.bias_v != null && `${t("vibration.bias")} ${quantity(w.meta.bias_v, "V")}`,
    w.meta.serial && `#${w.meta.serial}`,
    w.meta.sync && `${t("vibration.sync")} ${w.meta.sync}`,
  ];
  return <p class="record-facts muted">{facts.filter(Boolean).join(" · ")}</p>;
}
