import { useState } from "preact/hooks";
import { Barred } from "../parts/allowed";
import { Crumbs } from "../parts/crumbs";
import { Problem, get, post } from "../api/client";
import { useResource } from "../api/resource";
import type { Device as Data, DeviceCredentials, Devices as Answer, Role, Status } from "../api/types";
import { code, t } from "../i18n";
import { filled } from "../lib/device-config";
import { NO_OWN, patternsOf, type OwnDraft } from "../lib/own-patterns";
import { int, when } from "../lib/format";
import { useBarrier } from "../lib/me";
import { serverNow } from "../lib/now";
import { go, href, setQuery, useRoute } from "../lib/router";
import { Dialog } from "../parts/dialog";
import { OwnFields, Patterns } from "../parts/rights";
import { Empty, Guarded, ProblemBox } from "../parts/states";
import { Device, left } from "./device";

const EVERY = 3_000;

/** Who may connect. A password that was just made is held here, and gone when the page is left. */
export function Devices(props: { status: Status | undefined; selected: string | undefined }) {
  const bar = useBarrier("device.add");
  if (bar === undefined) return <Registered {...props} />;
  return (
    <div class="devices">
      <Crumbs here={t("devices.title")} />
      <Barred why={bar} act="device.add" />
    </div>
  );
}

function Registered({ status, selected }: { status: Status | undefined; selected: string | undefined }) {
  const devices = useResource<Answer>("devices", (s) => get("devices", s), EVERY);
  const [made, setMade] = useState<{ device: string; password: string } | undefined>(undefined);
  const { query } = useRoute();
  return (
    <Guarded of={devices} every={EVERY}>
      {(data) => {
        const device = data.devices.find((d) => d.name === selected);
        if (selected !== undefined && !device) {
          return (
            <Empty text={t("devices.nobody", { name: selected })}>
              <a href={href(["devices"])}>{t("devices.title")}</a>
            </Empty>
          );
        }
        if (device) {
          const password = made?.device === device.name ? made.password : undefined;
          const remember = (p: string) => setMade({ device: device.name, password: p });
          return <Device key={device.name} device={device} status={status} password={password} reload={devices.reload} made={remember} />;
        }
        const added = (a: DeviceCredentials) => {
          if (a.password) setMade({ device: a.device.name, password: a.password });
          devices.reload();
        };
        return (
          <>
            <List data={data} />
            {query["new"] === "1" && <Create roles={data.roles} added={added} close={() => setQuery({ new: null })} />}
          </>
        );
      }}
    </Guarded>
  );
}

function List({ data }: { data: Answer }) {
  const { query } = useRoute();
  const all = query["revoked"] === "1";
  const revoked = data.devices.filter((d) => d.revoked !== null).length;
  const shown = data.devices.filter((d) => all || d.revoked === null);
  return (
    <div class="devices">
      <Crumbs here={t("devices.title")}>
        <button type="button" class="primary" data-testid="add-device" onClick={() => setQuery({ new: 1 })}>
          {t("devices.add")}
        </button>
        {revoked > 0 && (
          <label class="check push">
            <input type="checkbox" checked={all} onChange={(e) => setQuery({ revoked: e.currentTarget.checked ? 1 : null })} />
            {t("devices.show_revoked", { n: int(revoked) })}
          </label>
        )}
      </Crumbs>
      <p class="muted">{t("devices.about")}</p>
      <section class="panel" aria-label={t("devices.title")}>
        {shown.length === 0 ? <Empty text={t("devices.empty")} /> : <Table devices={shown} />}
      </section>
    </div>
  );
}

function Table({ devices }: { devices: Data[] }) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={t("devices.title")}>
      <table class="rows cards named">
        <thead>
          <tr>
            <th scope="col">{t("devices.name")}</th>
            <th scope="col">{t("devices.role")}</th>
            <th scope="col">{t("devices.site")}</th>
            <th scope="col">{t("devices.state")}</th>
            <th scope="col">{t("devices.last_seen")}</th>
            <th scope="col">{t("devices.certificates")}</th>
          </tr>
        </thead>
        <tbody>
          {devices.map((d) => (
            <tr key={d.name} class={d.revoked ? "gone" : ""} data-testid="device-row" data-device={d.name}>
              <th scope="row">
                <a href={href(["devices", d.name])}>{d.name}</a>
                {d.note && <small class="muted">{d.note}</small>}
              </th>
              <td data-name={t("devices.role")}>{code("role", d.role)}</td>
              <td data-name={t("devices.site")}>{d.site || "–"}</td>
              <td data-name={t("devices.state")}>{stateOf(d)}</td>
              <td data-name={t("devices.last_seen")}>{d.last_seen ? when(d.last_seen, serverNow()) : "–"}</td>
              <td data-name={t("devices.certificates")}>{longest(d)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function stateOf(d: Data): string {
  if (d.revoked) return t("devices.is_revoked");
  return d.connected ? t("devices.connected") : t("devices.away");
}

/** The certificate that lasts longest speaks for all. */
function longest(d: Data): string {
  const usable = d.certificates.filter((c) => !c.revoked).sort((a, b) => b.days_left - a.days_left);
  return usable[0] ? left(usable[0]) : "–";
}

interface Draft {
  name: string;
  role: string;
  site: string;
  group: string;
  note: string;
  certificate_only: boolean;
  own: OwnDraft;
}

function Create(props: { roles: Role[]; added: (a: DeviceCredentials) => void; close: () => void }) {
  const [draft, setDraft] = useState<Draft>({ name: "", role: "device", site: "", group: "", note: "", certificate_only: false, own: NO_OWN });
  const [problem, setProblem] = useState<Problem | undefined>(undefined);
  const [busy, setBusy] = useState(false);
  const patch = (p: Partial<Draft>) => setDraft((d) => ({ ...d, ...p }));
  const submit = async (e: Event) => {
    e.preventDefault();
    setBusy(true);
    setProblem(undefined);
    try {
      const { group, note, own, ...rest } = draft;
      const made = await post<DeviceCredentials>("devices", {
        ...rest,
        group: group.trim() || null,
        note: note.trim() || null,
        own: patternsOf(own),
      });
      props.added(made);
      go(["devices", made.device.name]);
    } catch (x) {
      setProblem(x instanceof Problem ? x : new Problem(0, String(x), "", "", ""));
      setBusy(false);
    }
  };
  return (
    <Dialog title={t("devices.add")} onClose={props.close} testid="create-device">
      <form onSubmit={(e) => void submit(e)}>
        {problem && !problem.fault && <ProblemBox problem={problem} />}
        <Field id="device-name" label={t("devices.name")} hint={t("devices.name_hint")} value={draft.name} set={(name) => patch({ name })} required />
        <Field id="device-site" label={t("devices.site")} hint={t("devices.site_hint")} value={draft.site} set={(site) => patch({ site })} required />
        <label for="device-role">{t("devices.role")}</label>
        <select id="device-role" value={draft.role} onChange={(e) => patch({ role: e.currentTarget.value })}>
          {props.roles.map((r) => (
            <option key={r.name} value={r.name}>
              {code("role", r.name)}
            </option>
          ))}
        </select>
        <Explained roles={props.roles} draft={draft} />
        {(draft.role === "sparkplug-node" || draft.role === "reader") && (
          <Field id="device-group" label={t("devices.group")} hint={t("devices.group_hint")} value={draft.group} set={(group) => patch({ group })} />
        )}
        <Field id="device-note" label={t("devices.note")} hint="" value={draft.note} set={(note) => patch({ note })} />
        <details data-testid="own" open={problem?.fault !== undefined || undefined}>
          <summary>{t("devices.own_optional")}</summary>
          <OwnFields draft={draft.own} set={(p) => patch({ own: { ...draft.own, ...p } })} problem={problem} />
        </details>
        <label class="check">
          <input type="checkbox" checked={draft.certificate_only} onChange={(e) => patch({ certificate_only: e.currentTarget.checked })} />
          {t("devices.certificate_only")}
        </label>
        <p class="buttons">
          <button type="submit" class="primary" disabled={busy} data-testid="create">
            {t("devices.create")}
          </button>
          <button type="button" onClick={props.close}>
            {t("devices.cancel")}
          </button>
        </p>
      </form>
    </Dialog>
  );
}

/** What the chosen role may do, in words and as the patterns that these names give. */
function Explained({ roles, draft }: { roles: Role[]; draft: Draft }) {
  const role = roles.find((r) => r.name === draft.role);
  if (!role) return null;
  const site = draft.site.trim();
  const group = draft.group.trim() || (draft.role === "sparkplug-node" ? site : "");
  const names = { device: draft.name.trim(), site, group };
  return (
    <div class="explained">
      <p>{code("role_may", role.name)}</p>
      <Patterns
        publish={filled(role.publish, names)}
        except={filled(role.except, names)}
        subscribe={filled(role.subscribe, names)}
        monitor={role.monitor}
      />
    </div>
  );
}

function Field(props: { id: string; label: string; hint: string; value: string; set: (v: string) => void; required?: boolean }) {
  return (
    <>
      <label for={props.id}>{props.label}</label>
      <input
        id={props.id}
        type="text"
        autocomplete="off"
        spellcheck={false}
        required={props.required}
        value={props.value}
        aria-describedby={props.hint ? `${props.id}-hint` : undefined}
        onInput={(e) => props.set(e.currentTarget.value)}
      />
      {props.hint && (
        <small id={`${props.id}-hint`} class="muted">
          {props.hint}
        </small>
      )}
    </>
  );
}
