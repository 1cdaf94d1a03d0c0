import { describe, expect, test } from "vitest";
import { filled, mosquitto, mosquittoOwn, nodeRed, ownTopic, paho, shell, sparkplug, topicOf, type Target } from "../../src/lib/device-config";

const target = (patch: Partial<Target> = {}): Target => ({
  address: "0.0.0.0:1883",
  tlsAddress: "10.0.0.5:8883",
  pageHost: "plant.example",
  device: "三号风机",
  site: "s",
  group: null,
  role: "device",
  own: [],
  password: "k7mf-92qd",
  ...patch,
});

test("words of a shell are quoted where they must be", () => {
  for (const [text, expected] of [
    ["a-b/c.d", "a-b/c.d"],
    ["a b", "'a b'"],
    ["it's", "'it'\\''s'"],
    ["$(rm -rf)", "'$(rm -rf)'"],
    ["三", "'三'"],
    ["", "''"],
  ] as const)
    expect(shell(text)).toBe(expected);
});

describe("mosquitto", () => {
  test("publishes a first value as the device may", () => {
    expect(mosquitto(target(), "plain")).toBe(
      `mosquitto_pub -h plant.example -p 1883 -i '三号风机' -u '三号风机' -P k7mf-92qd -q 1 -t 'danxia/v1/s/三号风机/telemetry' -m '{"values":{"bearing_temp":{"v":61.2,"u":"°C"}}}'`,
    );
  });
  test("goes over TLS with a password, or with a certificate and without one", () => {
    expect(mosquitto(target(), "tls")).toContain("-h 10.0.0.5 -p 8883 -i '三号风机' --cafile ca.crt -u");
    const own = mosquitto(target({ device: "m" }), "certificate");
    expect(own).toContain("--cert m.crt --key m.key");
    expect(own).not.toContain("-P");
  });
  test("reads where the role may not publish, and says PASSWORD where it is gone", () => {
    const line = mosquitto(target({ role: "reader", device: "scada", password: undefined }), "plain");
    expect(line).toMatch(/^mosquitto_sub .*-P PASSWORD -q 1 -t 'danxia\/v1\/s\/\+\/telemetry\/#' -v$/);
  });
});

describe("Node-RED", () => {
  const flow = (t: Target, s: "plain" | "tls" | "certificate") => JSON.parse(nodeRed(t, s)) as Record<string, unknown>[];
  test("is a flow whose wires and brokers lead somewhere", () => {
    for (const role of ["device", "reader"])
      for (const security of ["plain", "tls", "certificate"] as const) {
        const nodes = flow(target({ role }), security);
        const ids = new Set(nodes.map((n) => n["id"]));
        expect(ids.size).toBe(nodes.length);
        for (const n of nodes) {
          for (const key of ["z", "broker", "tls"]) if (n["type"] !== "mqtt-broker" || key === "tls") if (n[key]) expect(ids).toContain(n[key]);
          for (const wire of ((n["wires"] as string[][]) ?? []).flat()) expect(ids).toContain(wire);
        }
      }
  });
  test("carries the password only where one is used", () => {
    expect(nodeRed(target(), "plain")).toContain("k7mf-92qd");
    expect(nodeRed(target(), "certificate")).not.toContain("k7mf-92qd");
  });
});

test("Python strings are quoted, and a reader subscribes", () => {
  const text = paho(target({ password: 'a"b\\c' }), "plain");
  expect(text).toContain('username_pw_set("三号风机", "a\\"b\\\\c")');
  expect(text).toContain("wait_for_publish");
  expect(paho(target({ role: "reader" }), "tls")).toContain("client.subscribe(");
});

test("a Sparkplug gateway gets its group, its node and its server", () => {
  const rows = Object.fromEntries(sparkplug(target({ role: "sparkplug-node", device: "e1", group: "G" }), "tls"));
  expect(rows).toMatchObject({ server: "ssl://10.0.0.5:8883", group_id: "G", edge_node_id: "e1", authority: "ca.crt" });
  const v6 = Object.fromEntries(sparkplug(target({ address: "[::1]:1883" }), "plain"));
  expect(v6["server"]).toBe("tcp://[::1]:1883");
  expect(Object.fromEntries(sparkplug(target(), "certificate"))["password"]).toBeUndefined();
});

test("patterns are filled in; an optional name that is missing leaves its pattern out", () => {
  const names = { device: "m", site: "s", group: "" };
  expect(filled(["danxia/v1/{site}/{device}/#", "spBv1.0/{group?}/#", "spBv1.0/{group}/x"], names)).toEqual([
    "danxia/v1/s/m/#",
    "spBv1.0/{group}/x",
  ]);
  expect(filled(["{device}"], { ...names, device: "{site}" })).toEqual(["{site}"]);
});

test("topics follow the role", () => {
  expect(topicOf(target({ role: "gateway" }))).toBe("danxia/v1/s/pump1/telemetry");
  expect(topicOf(target({ role: "unrestricted", site: "", device: "x" }))).toBe("danxia/v1/plant1/x/telemetry");
});

test("a topic of its own is one that its pattern lets it publish to", () => {
  for (const [pattern, expected] of [
    ["mill/#", "mill/1"],
    ["mill/+/data", "mill/1/data"],
    ["mill/+", "mill/1"],
    ["mill/+/+/#", "mill/1/1/1"],
    ["/+", "/1"],
    ["mill/x", "mill/x"],
  ] as const)
    expect(ownTopic(target({ own: [pattern, "other"] }))).toBe(expected);
  expect(ownTopic(target())).toBeUndefined();
});

test("what goes under a topic of its own is published as it is, whatever the role", () => {
  expect(mosquittoOwn(target(), "plain")).toBeUndefined();
  for (const role of ["device", "reader", "monitor"])
    expect(mosquittoOwn(target({ role, device: "gw", own: ["a b/#"] }), "plain")).toBe(
      "mosquitto_pub -h plant.example -p 1883 -i gw -u gw -P k7mf-92qd -q 1 -t 'a b/1' -f message",
    );
});
