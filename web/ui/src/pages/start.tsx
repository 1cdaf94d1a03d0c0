import { useState } from "preact/hooks";
import { get, post, Problem } from "../api/client";
import { useResource } from "../api/resource";
import type { DeviceCredentials, Devices, Status } from "../api/types";
import { code, t } from "../i18n";
import { me, useBarrier } from "../lib/me";
import { go, href, useRoute } from "../lib/router";
import { useStore } from "../lib/store";
import { Barred } from "../parts/allowed";
import { Checklist } from "../parts/checklist";
import { Copyable } from "../parts/copyable";
import { Configuration, Password } from "../parts/credentials";
import { Guarded, ProblemBox } from "../parts/states";

const EVERY = 2_000;
/** How a machine may speak, and which role is for that. */
const SPEAKS = { mqtt: "device", sparkplug: "sparkplug-node", gateway: "gateway" } as const;
type Speaks = keyof typeof SPEAKS;

/** From an empty plant to a first value: who administers, what speaks, and what arrives. */
export function Start({ status }: { status: Status | undefined }) {
  const who = useStore(me);
  const { query } = useRoute();
  const device = query["device"];
  const [made, setMade] = useState<DeviceCredentials>();
  const bar = useBarrier("device.add");
  return (
    <div class="start fresh" data-testid="start">
      <h1>{t("start.title")}</h1>
      <ol class="start-steps">
        <Step n={1} title={t("start.who")} done={who?.open === false} testid="start-who">
          {who?.open ? (
            <p>
              {t("start.open")} <a href={href(["admin"])}>{t("start.make_administrator")}</a>
            </p>
          ) : (
            <p>{t("start.administered")}</p>
          )}
        </Step>
        <Step n={2} title={t("start.machine")} done={device !== undefined} testid="start-machine">
          {bar !== undefined ? (
            <Barred why={bar} act="device.add" />
          ) : device === undefined ? (
            <NewDevice
              made={(m) => {
                setMade(m);
                go(["start"], { device: m.device.name });
              }}
            />
          ) : (
            <p>
              {t("start.device", { name: device })} <a href={href(["start"])}>{t("start.another")}</a>
            </p>
          )}
          {device === undefined && (
            <details>
              <summary>{t("start.no_machine")}</summary>
              <p>{t("start.demo")}</p>
              <Copyable label={t("connect.paste")} text="danxia demo" testid="start-demo" />
            </details>
          )}
        </Step>
        <Step n={3} title={t("start.value")} done={false} testid="start-value">
          {device === undefined ? (
            <p class="muted">{t("start.after_device")}</p>
          ) : (
            <Follow name={device} made={made?.device.name === device ? made : undefined} status={status} />
          )}
        </Step>
      </ol>
    </div>
  );
}

function Step(props: { n: number; title: string; done: boolean; testid: string; children: preact.ComponentChildren }) {
  return (
    <li class={`panel ${props.done ? "is-done" : ""}`} data-testid={props.testid} data-done={props.done}>
      <h2>
        <span class="number" aria-hidden="true">
          {props.done ? "✓" : props.n}
        </span>
        {props.title}
        {props.done && <span class="sr">{code("check_state", "ok")}</span>}
      </h2>
      {props.children}
    </li>
  );
}

function NewDevice({ made }: { made: (m: DeviceCredentials) => void }) {
  const [speaks, setSpeaks] = useState<Speaks>("mqtt");
  const [name, setName] = useState("");
  const [site, setSite] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const submit = async (e: Event) => {
    e.preventDefault();
    setBusy(true);
    setProblem(undefined);
    try {
      made(await post<DeviceCredentials>("devices", { name, site, role: SPEAKS[speaks] }));
    } catch (x) {
      setProblem(x instanceof Problem ? x : new Problem(0, String(x), "", "", ""));
      setBusy(false);
    }
  };
  return (
    <form onSubmit={(e) => void submit(e)}>
      <fieldset>
        <legend>{t("start.speaks")}</legend>
        {(Object.keys(SPEAKS) as Speaks[]).map((s) => (
          <label key={s} class="check">
            <input type="radio" name="speaks" checked={speaks === s} onChange={() => setSpeaks(s)} data-testid={`speaks-${s}`} />
            <span>
              {code("speaks", s)} <small class="muted">{code("speaks_what", s)}</small>
            </span>
          </label>
        ))}
      </fieldset>
      <div class="pair">
        <label>
          {t("devices.name")}
          <input type="text" required autocomplete="off" spellcheck={false} value={name} onInput={(e) => setName(e.currentTarget.value)} aria-describedby="start-name-hint" data-testid="start-name" />
          <small id="start-name-hint" class="muted">
            {t("devices.name_hint")}
          </small>
        </label>
        <label>
          {t("devices.site")}
          <input type="text" required autocomplete="off" spellcheck={false} value={site} onInput={(e) => setSite(e.currentTarget.value)} aria-describedby="start-site-hint" data-testid="start-site" />
          <small id="start-site-hint" class="muted">
            {t("devices.site_hint")}
          </small>
        </label>
      </div>
      {problem && <ProblemBox problem={problem} />}
      <button type="submit" class="primary" disabled={busy} data-testid="start-create">
        {t("start.create")}
      </button>
    </form>
  );
}

/** The device's lines to paste, how far it has come, and the way to its first value. */
function Follow({ name, made, status }: { name: string; made: DeviceCredentials | undefined; status: Status | undefined }) {
  const [seen, setSeen] = useState<string>();
  const devices = useResource<Devices>(`devices ${name}`, (s) => get("devices", s), EVERY);
  return (
    <Guarded of={devices} every={EVERY}>
      {(data) => {
        const device = data.devices.find((d) => d.name === name);
        if (!device) return <p>{t("devices.nobody", { name })}</p>;
        const password = made?.password ?? undefined;
        return (
          <>
            {password && <Password device={name} password={password} />}
            <Configuration device={device} status={status} password={password} />
            <Checklist device={name} reached={setSeen} />
            <Arrived seen={seen} />
          </>
        );
      }}
    </Guarded>
  );
}

/** Once there is a value, the way to the machine that it belongs to. */
function Arrived({ seen }: { seen: string | undefined }) {
  // `site/machine/point = value`, as the checklist says it.
  const [site, machine] = seen?.split(" = ")[0]?.split("/") ?? [];
  if (!site || !machine) return null;
  return (
    <p class="arrived" role="status" data-testid="arrived">
      <strong>{t("start.arrived")}</strong>{" "}
      <a class="button primary" href={href(["machine", site, machine])}>
        {t("start.to_machine", { machine: `${site}/${machine}` })}
      </a>
    </p>
  );
}
