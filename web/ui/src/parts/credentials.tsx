import { useEffect, useState } from "preact/hooks";
import type { Device, IssuedCertificate, Status } from "../api/types";
import { code, t } from "../i18n";
import { filled, mosquitto, mosquittoOwn, nodeRed, paho, sparkplug, type Security, type Target } from "../lib/device-config";
import { dateTime } from "../lib/format";
import { href } from "../lib/router";
import { Copyable } from "./copyable";

/** A password that was just made. It is shown until the page is left, and cannot be shown again. */
export function Password({ device, password }: { device: string; password: string }) {
  return (
    <div class="credentials" data-testid="credentials">
      <p>
        <strong>{t("devices.once")}</strong>
      </p>
      <Copyable label={t("devices.username")} text={device} testid="username" />
      <Copyable label={t("devices.password")} text={password} testid="password" />
    </div>
  );
}

/** A certificate that was just issued, as files to put on the device. */
export function IssuedFiles({ issued }: { issued: IssuedCertificate }) {
  return (
    <div class="credentials" data-testid="issued">
      <p>
        <strong>{t("devices.once_key")}</strong> {t("devices.valid_until", { time: dateTime(issued.expires) })}
      </p>
      <p class="buttons">
        <Download name={`${issued.device}.crt`} text={issued.certificate} />
        <Download name={`${issued.device}.key`} text={issued.key} />
        <Download name="ca.crt" text={issued.authority} />
      </p>
      <p class="muted">{t("devices.pkcs12")}</p>
      <code class="line">
        openssl pkcs12 -export -in {issued.device}.crt -inkey {issued.device}.key -certfile ca.crt -out {issued.device}.p12
      </code>
    </div>
  );
}

function Download({ name, text }: { name: string; text: string }) {
  const [url, setUrl] = useState("");
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([text], { type: "application/x-pem-file" }));
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [text]);
  return (
    <a class="button" href={url} download={name}>
      {t("devices.download", { name })}
    </a>
  );
}

const WAYS = ["mosquitto", "nodered", "sparkplug", "python"] as const;
const SECURITY: Security[] = ["plain", "tls", "certificate"];

/** What to paste where, for this device and this broker. */
export function Configuration(props: { device: Device; status: Status | undefined; password: string | undefined }) {
  const { device, status } = props;
  const [way, setWay] = useState<(typeof WAYS)[number]>(device.role === "sparkplug-node" ? "sparkplug" : "mosquitto");
  const [wanted, setSecurity] = useState<Security | undefined>(undefined);
  if (!status) return <p class="muted">{t("state.loading")}</p>;
  const tls = status.mqtt.tls_address ?? null;
  const possible = SECURITY.filter((s) => (s === "plain" ? status.mqtt.address && device.password : tls && (s === "certificate" || device.password)));
  const security = wanted && possible.includes(wanted) ? wanted : possible[0];
  const target: Target = {
    address: status.mqtt.address,
    tlsAddress: tls,
    pageHost: location.hostname,
    device: device.name,
    site: device.site,
    group: device.group,
    role: device.role,
    own: filled(device.own.publish, { device: device.name, site: device.site, group: device.group ?? "" }),
    password: props.password,
  };
  return (
    <section class="panel" aria-labelledby="configuration-title">
      <h2 id="configuration-title">{t("devices.configuration")}</h2>
      <div class="toolbar">
        <Choice label={t("devices.program")} family="program" all={WAYS} chosen={way} choose={setWay} />
        {security && possible.length > 1 && (
          <Choice label={t("devices.security")} family="security" all={possible} chosen={security} choose={setSecurity} />
        )}
      </div>
      {!security ? (
        <p class="muted">{t("devices.needs_tls")}</p>
      ) : (
        <>
          {way === "mosquitto" && <Copyable label={t("connect.paste")} text={mosquitto(target, security)} rows={5} testid="config-mosquitto" />}
          {way === "mosquitto" && <OwnLine line={mosquittoOwn(target, security)} />}
          {way === "nodered" && <Copyable label={t("devices.import_flow")} text={nodeRed(target, security)} rows={9} testid="config-nodered" />}
          {way === "python" && <Copyable label={t("devices.save_python")} text={paho(target, security)} rows={11} testid="config-python" />}
          {way === "sparkplug" && <Sparkplug target={target} security={security} />}
          {security !== "certificate" && props.password === undefined && <p class="muted">{t("devices.put_password")}</p>}
          {security !== "plain" && (
            <p>
              <a href="/api/v1/ca.crt" download="ca.crt">
                {t("devices.download", { name: "ca.crt" })}
              </a>
            </p>
          )}
        </>
      )}
    </section>
  );
}

/** How a first message gets under a topic of its own, and what makes values of it. */
function OwnLine({ line }: { line: string | undefined }) {
  if (line === undefined) return null;
  return (
    <>
      <Copyable label={t("devices.own_line")} text={line} rows={4} testid="config-own" />
      <p>
        <a class="button" href={href(["rules"])}>{t("devices.own_rules")}</a>
      </p>
    </>
  );
}

function Choice<T extends string>(props: {
  label: string;
  family: "program" | "security";
  all: readonly T[];
  chosen: T;
  choose: (t: T) => void;
}) {
  return (
    <div class="segmented" role="group" aria-label={props.label}>
      {props.all.map((x) => (
        <button key={x} type="button" aria-pressed={x === props.chosen} onClick={() => props.choose(x)}>
          {props.family === "program" ? code("program", x) : code("security", x)}
        </button>
      ))}
    </div>
  );
}

function Sparkplug({ target, security }: { target: Target; security: Security }) {
  if (target.role !== "sparkplug-node") return <p class="muted">{t("devices.not_sparkplug")}</p>;
  return (
    <table class="terms" data-testid="config-sparkplug">
      <tbody>
        {sparkplug(target, security).map(([key, value]) => (
          <tr key={key}>
            <th scope="row">{code("sparkplug", key)}</th>
            <td>
              <code>{value}</code>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
