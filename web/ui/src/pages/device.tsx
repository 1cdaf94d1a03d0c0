import { useEffect, useState } from "preact/hooks";
import { Problem, post, segments } from "../api/client";
import type { Device as Data, DeviceCertificate, DeviceCredentials, IssuedCertificate, Status } from "../api/types";
import { code, t } from "../i18n";
import { dateTime, int, when } from "../lib/format";
import { serverNow } from "../lib/now";
import { differs, draftOf, patternsOf, type OwnDraft } from "../lib/own-patterns";
import { href } from "../lib/router";
import { Checklist } from "../parts/checklist";
import { Configuration, IssuedFiles, Password } from "../parts/credentials";
import { Dialog } from "../parts/dialog";
import { ProblemBox } from "../parts/states";
import { OwnFields, Patterns } from "../parts/rights";

/** Days below which a certificate is to be renewed; `danxia doctor` warns at the same number. */
const SOON = 30;

type Question = { what: "revoke" | "rotate" | "enable" } | { what: "certificate"; serial: string };

/** One device: what it may do, what it comes with, how far it has come. */
export function Device(props: { device: Data; status: Status | undefined; password: string | undefined; reload: () => void; made: (password: string) => void }) {
  const { device } = props;
  const [asking, ask] = useState<Question | undefined>(undefined);
  const [issued, setIssued] = useState<IssuedCertificate | undefined>(undefined);
  const [problem, setProblem] = useState<Problem | undefined>(undefined);
  const path = `devices/${segments(device.name)}`;

  const attempt = async (work: () => Promise<void>) => {
    setProblem(undefined);
    try {
      await work();
    } catch (e) {
      setProblem(e instanceof Problem ? e : new Problem(0, String(e), "", "", ""));
    }
    props.reload();
  };
  const answered = (q: Question) =>
    attempt(async () => {
      ask(undefined);
      if (q.what === "revoke") await post(`${path}/revoke`, {});
      else if (q.what === "certificate") await post(`${path}/certificates/${segments(q.serial)}/revoke`, {});
      else {
        const made = await post<DeviceCredentials>(q.what === "rotate" ? `${path}/password` : `${path}/enable`, {});
        if (made.password) props.made(made.password);
      }
    });

  return (
    <div class="device">
      <p>
        <a href={href(["devices"])}>← {t("devices.title")}</a>
      </p>
      <h1>{device.name}</h1>
      <div class="columns">
        <div class="main-column">
          {problem && <ProblemBox problem={problem} />}
          {props.password && <section class="panel"><Password device={device.name} password={props.password} /></section>}
          {device.revoked === null && <Configuration device={device} status={props.status} password={props.password} />}
          {/* Begun anew by what changes how it may come in: it asks no more once everything is reached. */}
          <Checklist key={`${device.revoked} ${props.password} ${JSON.stringify(device.own)}`} device={device.name} />
        </div>
        <div class="side-column">
          <Facts device={device} />
          {device.role !== "unrestricted" && <Own device={device} path={path} reload={props.reload} />}
          <section class="panel" aria-labelledby="certificates-title">
            <h2 id="certificates-title">{t("devices.certificates")}</h2>
            {issued && <IssuedFiles issued={issued} />}
            <Certificates all={device.certificates} revoke={(serial) => ask({ what: "certificate", serial })} />
            {device.revoked === null && (
              <button type="button" data-testid="issue" onClick={() => void attempt(async () => setIssued(await post(`${path}/certificates`, {})))}>
                {t("devices.issue")}
              </button>
            )}
          </section>
          <section class="panel buttons">
            {device.revoked === null ? (
              <>
                <button type="button" data-testid="rotate" onClick={() => ask({ what: "rotate" })}>
                  {t("devices.rotate")}
                </button>
                <button type="button" data-testid="revoke" onClick={() => ask({ what: "revoke" })}>
                  {t("devices.revoke")}
                </button>
              </>
            ) : (
              <button type="button" data-testid="enable" onClick={() => ask({ what: "enable" })}>
                {t("devices.enable")}
              </button>
            )}
          </section>
        </div>
      </div>
      {asking && <Confirm question={asking} device={device.name} no={() => ask(undefined)} yes={() => void answered(asking)} />}
    </div>
  );
}

function Facts({ device }: { device: Data }) {
  return (
    <section class="panel" aria-labelledby="facts-title">
      <h2 id="facts-title">{code("role", device.role)}</h2>
      <p>{code("role_may", device.role)}</p>
      {device.own.publish.length + device.own.subscribe.length > 0 && <p>{t("devices.own_beside")}</p>}
      <Patterns publish={device.publish} except={device.except} subscribe={device.subscribe} monitor={device.monitor} />
      <table class="terms">
        <tbody>
          <Row name={t("devices.site")} value={device.site || "–"} />
          {device.group && <Row name={t("devices.group")} value={device.group} />}
          {device.note && <Row name={t("devices.note")} value={device.note} />}
          <Row name={t("devices.created")} value={dateTime(device.created)} />
          {device.revoked && <Row name={t("devices.revoked")} value={dateTime(device.revoked)} />}
          <Row name={t("devices.last_seen")} value={device.last_seen ? when(device.last_seen, serverNow()) : "–"} />
        </tbody>
      </table>
    </section>
  );
}

/** The patterns that it has beside its role, to be changed. What is typed stays while the device is asked for again. */
function Own({ device, path, reload }: { device: Data; path: string; reload: () => void }) {
  const [draft, setDraft] = useState<OwnDraft | undefined>(undefined);
  const [problem, setProblem] = useState<Problem | undefined>(undefined);
  const [busy, setBusy] = useState(false);
  const [saved, setSaved] = useState(false);
  useEffect(() => {
    if (saved && draft && !differs(draft, device.own)) setDraft(undefined);
  });
  const edit = (p: Partial<OwnDraft>) => {
    setSaved(false);
    setDraft({ ...shown, ...p });
  };
  const shown = draft ?? draftOf(device.own);
  const dirty = differs(shown, device.own);
  const save = async (e: Event) => {
    e.preventDefault();
    setBusy(true);
    setProblem(undefined);
    try {
      // Only the kind that was edited: the other is somebody else's, who may be changing it.
      const all = patternsOf(shown);
      const changed = (kind: "publish" | "subscribe") => (all[kind].join("\n") === device.own[kind].join("\n") ? null : all[kind]);
      const now = await post<Data>(`${path}/own`, { publish: changed("publish"), subscribe: changed("subscribe") });
      // Shown until the device has been asked for again; from then on what others change is seen.
      setDraft(draftOf(now.own));
      setSaved(true);
      reload();
    } catch (x) {
      setProblem(x instanceof Problem ? x : new Problem(0, String(x), "", "", ""));
    }
    setBusy(false);
  };
  const discard = () => {
    setDraft(undefined);
    setProblem(undefined);
  };
  return (
    <section class="panel" aria-labelledby="own-title">
      <h2 id="own-title">{t("devices.own")}</h2>
      {problem && !problem.fault && <ProblemBox problem={problem} />}
      <form class="form" data-testid="own" onSubmit={(e) => void save(e)}>
        <OwnFields draft={shown} set={edit} problem={problem} />
        <p class="buttons">
          <button type="submit" disabled={!dirty || busy} data-testid="own-save">
            {t("devices.own_save")}
          </button>
          <button type="button" disabled={!dirty || busy} onClick={discard}>
            {t("rules.discard")}
          </button>
        </p>
      </form>
    </section>
  );
}

function Row({ name, value }: { name: string; value: string }) {
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>{value}</td>
    </tr>
  );
}

function Certificates({ all, revoke }: { all: DeviceCertificate[]; revoke: (serial: string) => void }) {
  if (all.length === 0) return <p class="muted">{t("devices.no_certificates")}</p>;
  return (
    <ul class="certificates">
      {[...all].reverse().map((c) => (
        <li key={c.serial} class={c.revoked ? "gone" : ""}>
          <code>{c.serial}</code>
          <span class={!c.revoked && c.days_left < SOON ? "verdict abnormal" : "muted"}>{left(c)}</span>
          {!c.revoked && c.days_left >= 0 && (
            <button type="button" class="link" onClick={() => revoke(c.serial)}>
              {t("devices.revoke_certificate")}
            </button>
          )}
        </li>
      ))}
    </ul>
  );
}

/** How long a certificate is still good, in words. */
export function left(c: DeviceCertificate): string {
  if (c.revoked) return t("devices.certificate_revoked", { time: dateTime(c.revoked) });
  if (c.days_left < 0) return t("devices.certificate_expired", { time: dateTime(c.expires) });
  return t("devices.days_left", { n: int(c.days_left) });
}

function Confirm(props: { question: Question; device: string; no: () => void; yes: () => void }) {
  const { what } = props.question;
  return (
    <Dialog title={code("confirm", what)} onClose={props.no} testid="confirm">
      <p>
        <strong>{props.device}</strong>
      </p>
      <p>{code("confirm_means", what)}</p>
      <p class="buttons">
        <button type="button" class="primary" data-testid="confirm-yes" onClick={props.yes}>
          {code("confirm", what)}
        </button>
        <button type="button" onClick={props.no}>
          {t("devices.cancel")}
        </button>
      </p>
    </Dialog>
  );
}
