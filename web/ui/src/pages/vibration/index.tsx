import "../../styles/bench.css";
import { get, query as queryString, segments } from "../../api/client";
import { useResource } from "../../api/resource";
import type { MachineDetail, WaveformInfo } from "../../api/types";
import { useEffect, useState } from "preact/hooks";
import { t, title } from "../../i18n";
import { machineTitle } from "../../lib/condition";
import { href } from "../../lib/router";
import { Guarded } from "../../parts/states";
import { Unread } from "../../parts/unjudged";
import { Records } from "./records";
import { forgetZooms } from "./state";

const EVERY = 10_000;
/** Records that are listed at first, and how many more each time. */
const PAGE = 60;
const MOST = 960;

export function Vibration(props: { site: string; machine: string; point: string }) {
  const id = `${props.site}/${props.machine}/${props.point}`;
  const [listed, setListed] = useState(PAGE);
  useEffect(() => (forgetZooms(), setListed(PAGE)), [id]);
  const list = useResource<WaveformInfo[]>(
    `waveforms ${id}`,
    (s) => get(`waveforms${queryString({ point: id, limit: listed })}`, s),
    EVERY,
  );
  useEffect(() => {
    if (listed > PAGE) list.reload();
  }, [listed]);
  const machine = useResource<MachineDetail>(`machine ${props.site}/${props.machine}`, (s) =>
    get(`machines/${segments(props.site, props.machine)}`, s),
  );
  return (
    <div class="vibration">
      <Heading {...props} detail={machine.data} />
      <Unread {...props} />
      <Guarded of={list} every={EVERY}>
        {(waveforms) => (
          <Records
            waveforms={waveforms}
            point={id}
            machine={machine.data}
            {...(waveforms.length >= listed && listed < MOST ? { more: () => setListed(listed + PAGE) } : {})}
          />
        )}
      </Guarded>
    </div>
  );
}

type Place = { site: string; machine: string; point: string };

function Heading({ site, machine, point, detail }: Place & { detail: MachineDetail | undefined }) {
  const points = detail?.points.filter((p) => p.kind === "waveform") ?? [];
  return (
    <header class="machine-head">
      <nav class="crumbs" aria-label={t("machine.crumbs")}>
        <a href={href(["overview"])}>{t("nav.overview")}</a>
        <a href={href(["machine", site, machine], { point })}>{detail ? machineTitle(detail) : machine}</a>
      </nav>
      <h1>
        {t("nav.vibration")}{" "}
        <label>
          <span class="sr">{t("machine.point")}</span>
          <select
            value={point}
            onChange={(e) => (location.hash = href(["vibration", site, machine, ...e.currentTarget.value.split("/")]))}
          >
            {points.every((p) => p.name !== point) && <option value={point}>{point}</option>}
            {points.map((p) => (
              <option key={p.name} value={p.name}>
                {title(p.title, p.name)}
              </option>
            ))}
          </select>
        </label>
      </h1>
    </header>
  );
}
