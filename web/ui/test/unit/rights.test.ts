import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Me, Right } from "../../src/api/types";
import acts from "../../src/lib/acts.json";
import { useLanguage } from "../../src/i18n";
import { barrier, type Act } from "../../src/lib/me";

await useLanguage("en");

const RIGHTS: Record<string, Right[]> = {
  viewer: ["view"],
  operator: ["view", "operate"],
  engineer: ["view", "operate", "configure"],
  administrator: ["view", "operate", "configure", "devices", "administer"],
};

const who = (role: keyof typeof RIGHTS, areas = ["*"]): Me => ({
  how: "session",
  open: false,
  name: "x",
  role: role as Me["role"],
  rights: RIGHTS[role] ?? [],
  areas,
  language: null,
  session: "s",
  password: true,
  provider: null,
});

describe("what keeps somebody from an act", () => {
  test.each<[keyof typeof RIGHTS, string[], Act, RegExp | undefined]>([
    ["viewer", ["*"], "alarm.acknowledge", /operate/],
    ["operator", ["s/mill"], "alarm.acknowledge", undefined],
    ["operator", ["*"], "alarm.out_of_service", /onfigure/],
    ["operator", ["*"], "rules.replace", /onfigure/],
    ["engineer", ["*"], "rules.replace", undefined],
    ["engineer", ["s"], "rules.replace", /some areas only/],
    ["engineer", ["s"], "alarm.out_of_service", undefined],
    ["engineer", ["*"], "device.add", /evices/],
    ["engineer", ["*"], "user.add", /dminister/],
    ["administrator", ["*"], "user.add", undefined],
  ])("%s in %s: %s", (role, areas, act, wanted) => {
    const bar = barrier(who(role, areas), act);
    if (wanted === undefined) expect(bar).toBeUndefined();
    else expect(bar).toMatch(wanted);
  });

  test("nobody is kept from everything, and an administrator from nothing", () => {
    for (const act of Object.keys(acts) as Act[]) {
      expect(barrier(undefined, act)).toBeTruthy();
      expect(barrier(who("administrator"), act)).toBeUndefined();
    }
  });
});

/** Where the page writes: the path, and under which acts its buttons stand. Each of the files asks for a barrier. */
const WRITES: [file: string, path: RegExp, acts: Act[]][] = [
  ["pages/alarms.tsx", /post<Alarm>\(`alarms\//, ["alarm.acknowledge"]],
  ["parts/alarm-actions.tsx", /act\(a, "acknowledge"/, ["alarm.acknowledge", "alarm.out_of_service"]],
  ["parts/assessment.tsx", /post<MachineAssessment>/, ["machine.judge"]],
  ["pages/rules.tsx", /put<Answer>\("rules"/, ["rules.replace"]],
  ["pages/quarantine.tsx", /"quarantine\/(replay|discard|restore)"/, ["quarantine.replay", "quarantine.discard", "quarantine.restore"]],
  ["pages/discovery.tsx", /"discovery\/(adopt|ignore)"/, ["discovery.adopt", "discovery.ignore"]],
  ["pages/devices.tsx", /post<DeviceCredentials>\("devices"/, ["device.add"]],
  ["pages/start.tsx", /post<DeviceCredentials>\("devices"/, ["device.add"]],
  ["parts/checklist.tsx", /post<Adopted>\("discovery\/adopt"/, ["discovery.adopt"]],
  ["pages/notifications.tsx", /post<NotificationTested>/, ["notification.test"]],
  ["pages/work.tsx", /put<WorkOrder>/, ["work_order.change"]],
  ["parts/machine-work.tsx", /\/withdraw`/, ["work_order.open", "note.add"]],
];
/** Written to by whoever is logged in, or behind a page that is for administrators as a whole, behind the list of devices, or in a dialog
 * that others open; or no write at all, but a question with a body. */
const OTHERS = ["pages/entrance.tsx", "pages/account.tsx", "pages/admin.tsx", "pages/device.tsx", "lib/me.ts", "pages/performance/simulator.tsx", "pages/trend/index.tsx", "parts/new-order.tsx"];

const SRC = join(import.meta.dirname, "../../src");
const files = (dir: string): string[] =>
  readdirSync(join(SRC, dir), { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? files(join(dir, e.name)) : [join(dir, e.name)]));

test("the page offers a write only where it has asked whether it may", () => {
  for (const [file, path, of] of WRITES) {
    const text = readFileSync(join(SRC, file), "utf8");
    expect(text, file).toMatch(path);
    for (const act of of) expect(text, `${file}: ${act}`).toMatch(new RegExp(`(useBarrier\\(|act=)"${act.replace(/\./g, "\\.")}"`));
  }
});

test("no other file writes", () => {
  const known = new Set([...WRITES.map(([file]) => file), ...OTHERS]);
  const writing = files("").filter((f) => /\b(post|put)(<[^>]*>)?\(/.test(readFileSync(join(SRC, f), "utf8")) && !f.startsWith("api/"));
  expect(writing.filter((f) => !known.has(f))).toEqual([]);
});
