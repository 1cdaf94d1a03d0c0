// Serves dist/ and a made-up /api/v1 under the same Content-Security-Policy as the real server, to look at the page with.
//   node test/mock/server.mjs [--port 5180] [--empty] [--broken]
import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import * as assessed from "./assessment.mjs";
import * as analysis from "./analysis.mjs";
import * as devices from "./devices.mjs";
import * as plant from "./plant.mjs";
import * as study from "./study.mjs";
import * as work from "./work.mjs";
import * as waiting from "./waiting.mjs";

const args = process.argv.slice(2);
const flag = (name) => args.includes(`--${name}`);
const value = (name, otherwise) => (flag(name) ? args[args.indexOf(`--${name}`) + 1] : otherwise);
const port = Number(value("port", "5180"));
const DIST = join(import.meta.dirname, "../../dist");
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const alarms = flag("empty") ? [] : plant.makeAlarms();
const streams = new Set();
/** How full the disk is: --disk near, shedding or stopped. */
const level = value("disk", "normal");
let seq = 1000;

const json = (res, body, status = 200) => {
  res.writeHead(status, { "content-type": status < 400 ? "application/json" : "application/problem+json" });
  res.end(JSON.stringify(body));
};
const KINDS = { 404: "not_found", 405: "method_not_allowed", 503: "unreadable" };
const problem = (res, status, title, detail, next) =>
  json(res, { type: `/problems/${KINDS[status]}`, title, status, detail, next, request_id: "018f-mock" }, status);

const status = () => ({
  version: "0.1.0", boot: "b1", demo: true, anonymous: true, loopback_only: true, now: new Date().toISOString(),
  plant_time_zone: "Asia/Shanghai", started: new Date(plant.started).toISOString(),
  mqtt: { address: "127.0.0.1:1883", tls_address: "127.0.0.1:8883" }, store: { head_seq: seq, series: 310, machines: 24, disk_level: level },
});
const send = (res, event, data) => res.write(`id: b1-${seq}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
const liveStatus = (machines) => ({
  now: new Date().toISOString(), seq, committed: new Date().toISOString(), counts: plant.counts(alarms), machines,
});
const everyMachine = () => (flag("empty") ? [] : plant.MACHINES.map((m) => ({ ...plant.summary(m, alarms), spark: undefined })));

function live(req, res, q) {
  res.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  const machine = q.get("machine")?.split("#")[0];
  send(res, "snapshot", { seq, values: machine ? [] : null, alarms: alarms.filter((a) => a.state !== "normal"), status: liveStatus(everyMachine()) });
  const stream = { res };
  streams.add(stream);
  const timer = setInterval(() => {
    seq++;
    send(res, "status", liveStatus([]));
    if (machine && !/converter/.test(machine))
      send(res, "values", { seq, values: [{ point: `${machine}/current`, indicator: null, t: new Date().toISOString(), value: 341 + 3 * Math.sin(seq), quality: "good" }] });
  }, 1000);
  req.on("close", () => (clearInterval(timer), streams.delete(stream)));
}

const WAVES = Array.from({ length: 40 }, (_, i) => ({ id: `w-${i}`, fs: 25600, n: 65536, unit: "m/s²", rpm: i === 7 ? null : 1486 - (i % 5) }));
const header = (w, point) => ({ ...w, point, t0: new Date(Math.floor(Date.now() / 10_000) * 10_000 - Number(w.id.slice(2)) * 10_000).toISOString() });

/** What was sent, as JSON. */
async function body(req) {
  let text = "";
  for await (const part of req) text += part;
  return JSON.parse(text || "{}");
}

async function quarantine(req, res, what, q) {
  if (req.method === "POST") {
    const meant = await body(req);
    return json(res, what === "replay" ? waiting.replay(meant) : waiting.putAside(meant, what === "discard"));
  }
  switch (what) {
    case "groups": return json(res, flag("empty") ? [] : waiting.groups());
    case "stats": return json(res, flag("empty") ? waiting.empty.stats : waiting.stats());
    case "topics": return json(res, waiting.topics(q.get("code")));
    case "replay": return json(res, waiting.progress());
    case undefined: return json(res, { entries: flag("empty") ? [] : waiting.entries(q) });
    default: {
      const found = waiting.payload(what);
      return found ? json(res, found) : problem(res, 404, "There is no such thing", `there is no message in quarantine "${what}"`, "look at the list again; it may be released");
    }
  }
}

function discovery(res, what) {
  if (what === "adopt") return json(res, { machines: 1, points: 4, replay: { ...waiting.progress(), selected: 212, done: 212, committed: 212 } });
  return json(res, flag("empty") ? waiting.empty.discovery : waiting.discovery());
}

function ledger(res, what, q) {
  if (what === "history") return json(res, flag("empty") ? { lines: [] } : waiting.history(q));
  if (what === "statement") return json(res, { statement: "made up" });
  return json(res, flag("empty") ? waiting.empty.ledger : waiting.ledger());
}

function api(req, res, path, q) {
  const [head, ...rest] = path.split("/").map(decodeURIComponent);
  if (flag("broken") && head !== "status") return problem(res, 503, "The store cannot be read", "ts.db does not answer within 5 s.", "Check the disk with `danxia doctor`, then try again.");
  switch (head) {
    case "status": return json(res, status());
    case "me": return json(res, { how: "open", open: true, name: null, role: "administrator", rights: ["view", "operate", "configure", "devices", "administer"], areas: ["*"], language: null, session: null, password: false, provider: null });
    case "overview": return json(res, flag("empty") ? { counts: plant.counts([]), areas: [] } : plant.overview(alarms));
    case "machines": {
      if (rest[2] === "assessment") return json(res, assessed.assessment(rest[1]));
      if (rest[2] === "health") return json(res, assessed.health());
      if (rest[2] === "judge") return void body(req).then((said) => json(res, assessed.judge(rest[1], said)));
      if (rest[2] === "notes" && req.method === "POST") return void body(req).then((said) => json(res, work.note(said)));
      if (rest[2] === "notes") return json(res, flag("empty") ? { notes: [], next_before: null } : work.notes());
      if (rest[2] === "work-orders") return void body(req).then((said) => json(res, work.change(rest[1], rest[3], said)));
      if (rest[2] === "maintained") return json(res, assessed.assessment("blower-1"));
      const m = plant.machine(rest[1], alarms);
      return m ? json(res, m) : problem(res, 404, "Not found", `There is no machine ${rest.join("/")}.`, "Look for it on the overview; a machine appears with its first value.");
    }
    case "ca.crt": return res.writeHead(200, { "content-type": "application/x-pem-file" }).end("-----BEGIN CERTIFICATE-----\n");
    case "devices": if (rest[1] === "own") return json(res, devices.DEVICES.find((d) => d.name === rest[0])); return rest[1] === "checklist" ? json(res, devices.checklist(rest[0])) : json(res, flag("empty") ? { devices: [], roles: devices.ROLES } : { devices: devices.DEVICES, roles: devices.ROLES });
    case "series":
      if (rest[0] === "query") return void body(req).then((asked) => json(res, work.statistics(asked)));
      return json(res, plant.buckets(q));
    case "waveforms": {
      const point = q.get("point") ?? "steel/main-fan-1/vib_de_h";
      if (!rest[0]) return json(res, point.includes("nde_a") ? [] : WAVES.map((w) => header(w, point)));
      const w = WAVES.find((x) => x.id === rest[0]);
      if (!w) return problem(res, 404, "Not found", `There is no record ${rest[0]}.`, "Choose one from the list.");
      if (rest[1] === "samples") return res.writeHead(200, { "content-type": "application/octet-stream" }).end(Buffer.from(plant.samples(w.n, w.fs, 1 + Number(w.id.slice(2))).buffer));
      if (rest[1] === "spectra") return json(res, w.rpm === null ? { ...plant.spectra(false), envelope: { df_hz: 0, ratio: [], lines: [] }, shaft_hz: null, hypotheses: [], refused: ["speed"] } : plant.spectra(Number(w.id.slice(2)) < 20));
      const faulty = Number(w.id.slice(2)) < 20;
      if (rest[1] === "analysis") return json(res, analysis.analysis(w, faulty, q));
      if (rest[1] === "orbit") return json(res, w.rpm === null ? { kind: "orbit", refused: ["speed"], curves: [], path: [], facts: {} } : analysis.orbit());
      if (rest[1] === "export") return res.writeHead(200, { "content-type": "audio/wav", "content-disposition": `attachment; filename="${w.id}.${q.get("format")}"` }).end("made up");
      return json(res, {
        ...header(w, point), duration_s: w.n / w.fs, received: new Date().toISOString(),
        meta: { rpm_range: null, range: 500, hp_hz: null, lp_hz: null, bias_v: 11.4, clip_count: 0, gaps: 0, load: 82, state: "running", serial: "A1-4711", seq: 99 },
        diagnosis: plant.diagnosis(Number(w.id.slice(2)) < 20 ? "main-fan-1" : "other", "C", false),
      });
    }
    case "waterfall": return json(res, analysis.waterfall(WAVES.map((w) => header(w, q.get("point"))), q));
    case "alarms": {
      if (!rest[0]) return json(res, { alarms, total: alarms.length });
      if (rest[0] === "performance") return json(res, study.performance(alarms, q, flag("empty")));
      if (rest[0] === "simulate") return void body(req).then((asked) => json(res, study.simulate(asked)));
      if (rest[1] === "coach") return study.coach(alarms, rest[0], q) ? json(res, study.coach(alarms, rest[0], q)) : problem(res, 404, "Not found", `There is no alarm ${rest[0]}.`, "Choose one from the list.");
      const a = alarms.find((x) => x.id === rest[0]);
      if (!a) return problem(res, 404, "Not found", `There is no alarm ${rest[0]}.`, "Choose one from the list.");
      if (rest[1] === "past") return json(res, work.past(a, flag("empty")));
      if (rest[1] === "journal") return json(res, plant.journal(alarms, a.id));
      if (rest[1] === "acknowledge" && req.method === "POST") {
        a.state = a.state === "returned_unacknowledged" ? "normal" : "acknowledged";
        a.acknowledged = { by: "operator", at: new Date().toISOString() };
        a.changed = a.acknowledged.at;
        seq++;
        for (const s of streams) send(s.res, "alarm", a), send(s.res, "status", liveStatus(everyMachine()));
      } else if (req.method === "POST") {
        return void body(req).then((said) => {
          plant.inhibit(a, rest[1], said);
          seq++;
        for (const s of streams) send(s.res, "alarm", a);
          json(res, a);
        });
      }
      return json(res, a);
    }
    case "work-orders": {
      if (!rest[0]) return json(res, flag("empty") ? { orders: [], next_before: null } : work.orders(q));
      const order = work.one(rest[0]);
      return order ? json(res, order) : problem(res, 404, "Not found", `There is no work order ${rest[0]}.`, "Choose one from the list.");
    }
    case "notifications": return rest[0] === "test" ? json(res, { results: [{ channel: "mechanics", person: null, accepted: true, code: null, why: null }, { channel: "mail", person: "lin", accepted: false, code: "unauthenticated", why: "535 5.7.8 Authentication failed" }] }) : json(res, flag("empty") ? { configured: false, channels: [], escalating: 0, log: [], next: null } : work.notifications());
    case "journal": return json(res, plant.journal(alarms));
    case "connections": return json(res, flag("empty") ? { clients: [], totals: { connected: 0, rate_msgs_s: 0, rate_bytes_s: 0, messages: 0, bytes: 0 }, refused: {} } : plant.connections());
    case "influx": return json(res, flag("empty") ? null : plant.influx());
    case "quarantine": return void quarantine(req, res, rest[0], q);
    case "discovery": return discovery(res, rest[0]);
    case "rules":
      if (rest[0] === "try") return json(res, plant.trial());
      if (rest[0] === "suggest") return json(res, { rule: plant.rules().rules[0] });
      return json(res, flag("empty") ? { revision: 0, changed: null, rules: [] } : plant.rules());
    case "store": return json(res, plant.storeReport(level, flag("empty")));
    case "ledger": return ledger(res, rest[0], q);
    case "live": return live(req, res, q);
    default: return problem(res, 404, "Not found", `There is nothing at /api/v1/${path}.`, "See /api/v1/openapi.json.");
  }
}

createServer((req, res) => {
  const url = new URL(req.url, "http://mock");
  res.setHeader("content-security-policy", "default-src 'self'");
  if (url.pathname.startsWith("/api/v1/")) return api(req, res, url.pathname.slice(8), url.searchParams);
  const file = join(DIST, normalize(url.pathname === "/" ? "/index.html" : url.pathname));
  if (!file.startsWith(DIST) || !existsSync(file)) return res.writeHead(404).end();
  res.setHeader("content-type", TYPES[extname(file)] ?? "application/octet-stream");
  createReadStream(file).pipe(res);
}).listen(port, "127.0.0.1", () => console.log(`http://127.0.0.1:${port}/`));
