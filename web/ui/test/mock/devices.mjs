// Made-up devices: one of each kind that the page has to show.
const ago = (s) => new Date(Date.now() - s * 1000).toISOString();
const certificate = (serial, days_left, revoked = null) => ({
  serial, fingerprint: "0".repeat(64), issued: ago(86_400), expires: ago(-days_left * 86_400), revoked, days_left,
});
const device = (name, role, patch = {}) => ({
  name, role, site: "steel", group: null, note: "", created: ago(9e5), revoked: null, password: true, certificates: [],
  publish: [`danxia/v1/steel/${name}/#`], except: [`danxia/v1/steel/${name}/alarm/#`], subscribe: [`danxia/v1/steel/${name}/command/#`], monitor: false, own: { publish: [], subscribe: [] }, connected: false,
  last_seen: null, ...patch,
});
export const DEVICES = [
  device("press-1", "device", { connected: true, last_seen: ago(1), note: "hall 3", certificates: [certificate("4a6b01d2e3f4", 12), certificate("4a6b01d2e3f5", 700, ago(500))] }),
  device("三号风机", "device", { last_seen: ago(4000) }),
  device("edge-7", "sparkplug-node", { group: "steel", publish: ["spBv1.0/steel/NBIRTH/edge-7", "spBv1.0/steel/DDATA/edge-7/#"], subscribe: ["spBv1.0/steel/NCMD/edge-7/#"] }),
  device("scada", "reader", { publish: [], subscribe: ["danxia/v1/steel/+/telemetry/#"], connected: true, last_seen: ago(2) }),
  device("gw-7", "device", { publish: ["danxia/v1/steel/gw-7/#", "mill/gw-7/#"], own: { publish: ["mill/{device}/#"], subscribe: [] } }),
  device("old-plc", "unrestricted", { site: "", publish: ["#"], subscribe: ["#"], revoked: ago(70_000) }),
];
export const ROLES = [
  { name: "device", about: "", publish: ["danxia/v1/{site}/{device}/#"], except: ["danxia/v1/{site}/{device}/indicator/#", "danxia/v1/{site}/{device}/alarm/#"], subscribe: ["danxia/v1/{site}/{device}/command/#"], monitor: false },
  { name: "sparkplug-node", about: "", publish: ["spBv1.0/{group}/NBIRTH/{device}"], except: [], subscribe: ["spBv1.0/{group}/NCMD/{device}/#"], monitor: false },
  { name: "reader", about: "", publish: [], except: [], subscribe: ["danxia/v1/{site}/+/telemetry/#", "spBv1.0/{group?}/#"], monitor: false },
  { name: "monitor", about: "", publish: [], except: [], subscribe: [], monitor: true },
];
export const checklist = (name) => ({
  device: name,
  now: ago(0),
  steps: [
    { step: "tcp", state: "ok", at: ago(60), seen: "10.0.0.17:50312", error: null, message: null },
    { step: "identity", state: "ok", at: ago(60), seen: `${name}-client`, error: null, message: null },
    { step: "rights", state: "ok", at: ago(59), seen: "", error: null, message: null },
    { step: "topic", state: "ok", at: null, seen: `danxia/v1/steel/${name}/telemetry`, error: null, message: null },
    {
      step: "parse", state: "failed", at: ago(3), seen: null, code: "json_syntax",
      error: "expected a value at line 1, column 12, found x: correct the message where the position points",
      message: { t: ago(3), source: name, topic: `danxia/v1/steel/${name}/telemetry`, size: 14, head: '{"values":{x}}', head_encoding: "utf-8", code: "json_syntax", reason: "" },
    },
    { step: "value", state: "waiting", at: null, seen: null, error: null, message: null },
  ],
});
