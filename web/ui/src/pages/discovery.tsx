import { useState } from "preact/hooks";
import { get, post, type Problem } from "../api/client";
import { useResource } from "../api/resource";
import type { Adopted, Discovery as Answer, NewMachine, NewPoint, Overview } from "../api/types";
import { t, title } from "../i18n";
import { int, num, when } from "../lib/format";
import { useBarrier } from "../lib/me";
import { serverNow } from "../lib/now";
import { lang } from "../lib/prefs";
import { Allowed } from "../parts/allowed";
import { Crumbs } from "../parts/crumbs";
import { Empty, Guarded, ProblemBox } from "../parts/states";
import { asProblem } from "./quarantine";

const EVERY = 3_000;

export function Discovery() {
  const found = useResource<Answer>("discovery", (s) => get("discovery", s), EVERY);
  const plant = useResource<Overview>("overview", (s) => get("overview", s));
  const known = (plant.data?.areas ?? []).flatMap((a) => a.machines.map((m) => `${m.site}/${m.machine}`)).sort();
  const [done, setDone] = useState<Adopted>();
  const [problem, setProblem] = useState<Problem>();
  const act = async (work: () => Promise<unknown>) => {
    setProblem(undefined);
    try {
      await work();
      found.reload();
      plant.reload();
    } catch (e) {
      setProblem(asProblem(e));
    }
  };
  const adopt = (machines: object[]) => act(async () => setDone(await post<Adopted>("discovery/adopt", { machines })));
  const ignore = (names: string[], ignored: boolean) =>
    act(() => post("discovery/ignore", { names, ignored }));
  return (
    <div class="discovery">
      <Crumbs here={t("discovery.title")} />
      <p class="muted">{t("discovery.about")}</p>
      <Allowed act="discovery.adopt">{null}</Allowed>
      <div aria-live="polite">
        {problem && <ProblemBox problem={problem} />}
        {done && (
          <p class="panel" data-testid="adopted">
            {t("discovery.adopted", {
              machines: int(done.machines),
              points: int(done.points),
              stored: int(done.replay.committed + done.replay.duplicates),
            })}
          </p>
        )}
      </div>
      <datalist id="known-machines">
        {known.map((m) => (
          <option key={m} value={m} />
        ))}
      </datalist>
      <Guarded of={found} every={EVERY}>
        {(data) => (
          <>
            {data.machines.length === 0 && <Empty text={t("discovery.empty")} />}
            {data.machines.map((m) => (
              <Machine key={m.machine} m={m} adopt={adopt} ignore={ignore} />
            ))}
            {data.left_out > 0 && <p class="doubt">{t("discovery.left_out", { n: int(data.left_out) })}</p>}
            {data.ignored.length > 0 && (
              <details class="as-table">
                <summary>{t("discovery.ignored", { n: int(data.ignored.length) })}</summary>
                <ul>
                  {data.ignored.map((name) => (
                    <li key={name}>
                      <code>{name}</code>{" "}
                      <Allowed act="discovery.ignore" quiet>
                        <button type="button" class="link" onClick={() => void ignore([name], false)}>
                          {t("discovery.offer")}
                        </button>
                      </Allowed>
                    </li>
                  ))}
                </ul>
              </details>
            )}
          </>
        )}
      </Guarded>
    </div>
  );
}

function Machine(props: {
  m: NewMachine;
  adopt: (machines: object[]) => Promise<void>;
  ignore: (names: string[], ignored: boolean) => Promise<void>;
}) {
  const { m } = props;
  const points = m.points.filter((p) => p.name !== null);
  const [left, leave] = useState<ReadonlySet<string>>(new Set());
  const [units, setUnits] = useState<Record<string, string>>({});
  const [name, setName] = useState("");
  const [area, setArea] = useState("");
  const [like, setLike] = useState("");
  const [busy, setBusy] = useState(false);
  const chosen = points.filter((p) => !left.has(p.name ?? ""));
  const adopt = async () => {
    setBusy(true);
    const people = lang.get() === "zh-CN" ? { zh: name || null, en: null } : { zh: null, en: name || null };
    await props.adopt([
      {
        machine: m.machine,
        edition: m.edition,
        // What somebody else has named by now keeps its name and place: the fields are not shown any more.
        title: m.known ? { zh: null, en: null } : people,
        area: m.known ? null : area || null,
        like: like || null,
        points: chosen.map((p) => ({ name: p.name, unit: units[p.name ?? ""] || null })),
      },
    ]);
    setBusy(false);
  };
  return (
    <section class="panel" aria-label={m.machine} data-testid="new-machine" data-machine={m.machine}>
      <div class="toolbar">
        <h2>{title(m.title, m.machine)}</h2>
        {title(m.title, m.machine) !== m.machine && <code>{m.machine}</code>}
        <span class="chip">{t(m.known ? "discovery.points_new" : m.described ? "discovery.described" : "discovery.machine_new")}</span>
      </div>
      <Allowed act="discovery.adopt" quiet>
        <div class="toolbar fields">
          {/* A machine of the plant has its name and its place. */}
          {!m.known && (
            <>
              <label>
                {t("discovery.name")} <input value={name} maxLength={200} onInput={(e) => setName(e.currentTarget.value)} />
              </label>
              <label>
                {t("discovery.area")} <input value={area} maxLength={100} onInput={(e) => setArea(e.currentTarget.value)} />
              </label>
            </>
          )}
          <label>
            {t("discovery.like")} <input value={like} list="known-machines" onInput={(e) => setLike(e.currentTarget.value)} />
          </label>
          <button type="button" class="primary" disabled={busy} onClick={() => void adopt()} data-testid="adopt">
            {t("discovery.adopt", { n: int(chosen.length) })}
          </button>
          <button type="button" disabled={busy} onClick={() => void props.ignore([m.machine], true)}>
            {t("discovery.ignore_machine")}
          </button>
        </div>
      </Allowed>
      {points.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label={m.machine}>
          <table class="rows cards named">
            <thead>
              <tr>
                <th scope="col">{t("discovery.point")}</th>
                <th scope="col" class="n">{t("discovery.value")}</th>
                <th scope="col">{t("discovery.unit")}</th>
                <th scope="col">{t("discovery.heard")}</th>
                <th scope="col" class="n">{t("discovery.count")}</th>
                <th scope="col">{t("discovery.source")}</th>
                <th scope="col" />
              </tr>
            </thead>
            <tbody>
              {points.map((p) => (
                <Row
                  key={p.name}
                  p={p}
                  chosen={!left.has(p.name ?? "")}
                  choose={(yes) => leave((l) => new Set(yes ? [...l].filter((x) => x !== p.name) : [...l, p.name ?? ""]))}
                  unit={units[p.name ?? ""] ?? ""}
                  setUnit={(u) => setUnits({ ...units, [p.name ?? ""]: u })}
                  ignore={() => void props.ignore([`${m.machine}/${p.name}`], true)}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function Row(props: {
  p: NewPoint;
  chosen: boolean;
  choose: (yes: boolean) => void;
  unit: string;
  setUnit: (unit: string) => void;
  ignore: () => void;
}) {
  const { p } = props;
  const barred = useBarrier("discovery.adopt") !== undefined;
  const value = typeof p.value === "number" ? num(p.value) : p.value === null ? "–" : String(p.value);
  return (
    <tr data-testid="new-point" data-point={p.name}>
      <th scope="row">
        <label class="check">
          <input type="checkbox" disabled={barred} checked={props.chosen} onChange={(e) => props.choose(e.currentTarget.checked)} />
          {p.name}
        </label>
      </th>
      <td class="n" data-name={t("discovery.value")}>
        {p.kind === "waveform" ? t("discovery.waveform") : value}
      </td>
      <td data-name={t("discovery.unit")}>
        <input
          aria-label={t("discovery.unit_of", { point: p.name ?? "" })}
          size={8}
          disabled={barred}
          placeholder={p.unit ?? "–"}
          value={props.unit}
          onInput={(e) => props.setUnit(e.currentTarget.value)}
        />
        {!p.unit_known && <small class="doubt">{t("discovery.unit_unknown")}</small>}
      </td>
      <td data-name={t("discovery.heard")}>
        {when(p.last, serverNow())}
        <small class="muted">{t("discovery.since", { time: when(p.first, serverNow()) })}</small>
      </td>
      <td class="n" data-name={t("discovery.count")}>{int(p.count)}</td>
      <td data-name={t("discovery.source")}>{p.source}</td>
      <td>
        <Allowed act="discovery.ignore" quiet>
          <button type="button" class="link" onClick={props.ignore}>
            {t("discovery.ignore")}
          </button>
        </Allowed>
      </td>
    </tr>
  );
}
