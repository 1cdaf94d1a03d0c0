import { reachable, splitAddress } from "./connect";

/** What a configuration is written for. What is secret is in here only while it is shown. */
export interface Target {
  /** `host:port` as the server gives it, plain and over TLS. */
  address: string;
  tlsAddress: string | null;
  /** The name under which the page was reached: the broker's too, where it listens everywhere. */
  pageHost: string;
  device: string;
  site: string;
  group: string | null;
  role: string;
  /** Filters of its own, filled in, that it may publish to beside its role. */
  own: string[];
  /** Undefined when it is not known any more. */
  password: string | undefined;
}

export type Security = "plain" | "tls" | "certificate";

/** In the place of a password that was shown once and is gone. */
export const PASSWORD = "PASSWORD";

const SAMPLE = { values: { bearing_temp: { v: 61.2, u: "°C" } } };

interface Way {
  host: string;
  port: string;
}

function way(t: Target, security: Security): Way {
  const { host, port } = splitAddress(security === "plain" ? t.address : (t.tlsAddress ?? t.address));
  return { host: reachable(host, t.pageHost), port };
}

const publishes = (t: Target): boolean => t.role !== "reader" && t.role !== "monitor";

/** A topic to which the device may publish a first value, or a filter that it may read. */
export function topicOf(t: Target): string {
  switch (t.role) {
    case "reader":
      return `danxia/v1/${t.site}/+/telemetry/#`;
    case "monitor":
      return "$SYS/#";
    case "gateway":
      return `danxia/v1/${t.site}/pump1/telemetry`;
    default:
      return `danxia/v1/${t.site || "plant1"}/${t.device}/telemetry`;
  }
}

/** One word of a POSIX shell. */
export const shell = (s: string): string => (/^[\w@%+=:,./-]+$/.test(s) ? s : `'${s.replace(/'/g, `'\\''`)}'`);

/** A topic of its own to which it may publish; where a filter leaves a level open, any name will do. */
export const ownTopic = (t: Target): string | undefined => t.own[0]?.replace(/\/#$/, "/1").replace(/(^|\/)\+(?=\/|$)/g, "$11");

export function mosquitto(t: Target, security: Security): string {
  const words = mosquittoWords(t, security, publishes(t) ? "mosquitto_pub" : "mosquitto_sub");
  words.push("-t", topicOf(t));
  if (publishes(t)) words.push("-m", JSON.stringify(SAMPLE));
  else words.push("-v");
  return words.map(shell).join(" ");
}

/** Publishes the file `message` as it is, for what mapping rules make values of: only the plant knows how that looks. */
export function mosquittoOwn(t: Target, security: Security): string | undefined {
  const topic = ownTopic(t);
  if (topic === undefined) return undefined;
  return [...mosquittoWords(t, security, "mosquitto_pub"), "-t", topic, "-f", "message"].map(shell).join(" ");
}

function mosquittoWords(t: Target, security: Security, program: string): string[] {
  const { host, port } = way(t, security);
  const words = [program, "-h", host, "-p", port, "-i", t.device];
  if (security !== "plain") words.push("--cafile", "ca.crt");
  if (security === "certificate") words.push("--cert", `${t.device}.crt`, "--key", `${t.device}.key`);
  else words.push("-u", t.device, "-P", t.password ?? PASSWORD);
  words.push("-q", "1");
  return words;
}

/** A flow for Node-RED's import: every ten seconds a value, or everything that the device may read. */
export function nodeRed(t: Target, security: Security): string {
  const { host, port } = way(t, security);
  const broker: Record<string, unknown> = {
    id: "danxia-broker", type: "mqtt-broker", name: "Danxia", broker: host, port, clientid: t.device, autoConnect: true,
    usetls: security !== "plain", protocolVersion: "5", keepalive: "60", cleansession: true,
    credentials: security === "certificate" ? {} : { user: t.device, password: t.password ?? PASSWORD },
  };
  const flow: Record<string, unknown>[] = [{ id: "danxia-tab", type: "tab", label: "Danxia" }, broker];
  if (security !== "plain") {
    broker["tls"] = "danxia-tls";
    const own = security === "certificate" ? { cert: `${t.device}.crt`, key: `${t.device}.key` } : { cert: "", key: "" };
    flow.push({ id: "danxia-tls", type: "tls-config", name: "Danxia", ...own, ca: "ca.crt", verifyservercert: true, servername: host });
  }
  const on = { z: "danxia-tab", broker: "danxia-broker" };
  if (publishes(t)) {
    flow.push(
      { id: "danxia-value", type: "inject", z: "danxia-tab", name: "10 s", props: [{ p: "payload" }], repeat: "10", once: true, onceDelay: "1", payload: JSON.stringify(SAMPLE), payloadType: "json", x: 140, y: 80, wires: [["danxia-out"]] },
      { id: "danxia-out", type: "mqtt out", ...on, name: "", topic: topicOf(t), qos: "1", retain: "false", x: 380, y: 80, wires: [] },
    );
  } else {
    flow.push(
      { id: "danxia-in", type: "mqtt in", ...on, name: "", topic: topicOf(t), qos: "1", datatype: "auto-detect", x: 140, y: 80, wires: [["danxia-debug"]] },
      { id: "danxia-debug", type: "debug", z: "danxia-tab", name: "", active: true, complete: "true", x: 380, y: 80, wires: [] },
    );
  }
  return JSON.stringify(flow, null, 1);
}

export function paho(t: Target, security: Security): string {
  const { host, port } = way(t, security);
  const s = JSON.stringify;
  const lines = [
    "import json",
    "import paho.mqtt.client as mqtt  # pip install paho-mqtt",
    "",
    `client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=${s(t.device)}, protocol=mqtt.MQTTv5)`,
  ];
  if (security === "plain" || security === "tls") lines.push(`client.username_pw_set(${s(t.device)}, ${s(t.password ?? PASSWORD)})`);
  if (security === "tls") lines.push('client.tls_set(ca_certs="ca.crt")');
  if (security === "certificate")
    lines.push(`client.tls_set(ca_certs="ca.crt", certfile=${s(`${t.device}.crt`)}, keyfile=${s(`${t.device}.key`)})`);
  if (publishes(t)) {
    lines.push(
      `client.connect(${s(host)}, ${port})`,
      "client.loop_start()",
      `sent = client.publish(${s(topicOf(t))}, json.dumps({"values": {"bearing_temp": {"v": 61.2, "u": "°C"}}}), qos=1)`,
      "sent.wait_for_publish(10)  # acknowledged: on disk",
    );
  } else {
    lines.push(
      "client.on_message = lambda client, data, m: print(m.topic, m.payload)",
      `client.on_connect = lambda client, data, flags, reason, properties: client.subscribe(${s(topicOf(t))}, qos=1)`,
      `client.connect(${s(host)}, ${port})`,
      "client.loop_forever()",
    );
  }
  return lines.join("\n");
}

/** What a Sparkplug gateway asks for, as [key, value]; the keys are of the family `sparkplug`. */
export function sparkplug(t: Target, security: Security): [string, string][] {
  const { host, port } = way(t, security);
  const uri = host.includes(":") ? `[${host}]` : host;
  const rows: [string, string][] = [
    ["server", `${security === "plain" ? "tcp" : "ssl"}://${uri}:${port}`],
    ["client_id", t.device],
    ["group_id", t.group ?? t.site],
    ["edge_node_id", t.device],
  ];
  if (security === "certificate") rows.push(["certificate", `${t.device}.crt`], ["key", `${t.device}.key`]);
  else rows.push(["username", t.device], ["password", t.password ?? PASSWORD]);
  if (security !== "plain") rows.push(["authority", "ca.crt"]);
  rows.push(["qos", "1"]);
  return rows;
}

/** The patterns of a role with its names put in; what needs a name that is not there is left out, or keeps its place. */
export function filled(patterns: string[], names: { device: string; site: string; group: string }): string[] {
  const out: string[] = [];
  for (const pattern of patterns) {
    let missing = false;
    const text = pattern.replace(/\{(device|site|group)(\?)?\}/g, (all, name: "device" | "site" | "group", optional?: string) => {
      if (names[name]) return names[name];
      if (optional) missing = true;
      return all;
    });
    if (!missing) out.push(text);
  }
  return out;
}
