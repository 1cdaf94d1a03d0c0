import { useEffect, useRef, useState } from "preact/hooks";
import { Crumbs } from "../parts/crumbs";
import { get, post, Problem, put } from "../api/client";
import { useResource } from "../api/resource";
import type { CapturedMessage, QuarantineEntry, Rule, Rules as Answer, Trial } from "../api/types";
import { code, t } from "../i18n";
import { int, num, when } from "../lib/format";
import { useBarrier } from "../lib/me";
import { serverNow } from "../lib/now";
import { blank, captured, changed, freeName, moved, same, truncated, without } from "../lib/rules";
import { Allowed } from "../parts/allowed";
import { RuleForm } from "../parts/rule-form";
import { causeOf, Said } from "../parts/said";
import { Empty, Guarded, inWords, ProblemBox } from "../parts/states";

const EVERY = 10_000;
/** How long typing must rest before the rules are tried again, ms. */
const REST = 300;

export function RulesPage() {
  const rules = useResource<Answer>("rules", (s) => get("rules", s), EVERY);
  return (
    <div class="rules">
      <Crumbs here={t("rules.title")} />
      <p class="muted">{t("rules.about")}</p>
      <Guarded of={rules} every={EVERY}>
        {(data) => <Workshop held={data} reload={rules.reload} />}
      </Guarded>
    </div>
  );
}

/** A draft, and the revision that it was made from. */
interface Draft {
  from: number;
  rules: Rule[];
}

function Workshop({ held, reload }: { held: Answer; reload: () => void }) {
  const [draft, setDraft] = useState<Draft | undefined>();
  const [undo, setUndo] = useState<{ rules: Rule[]; name: string } | undefined>();
  const [selected, setSelected] = useState(0);
  const [message, setMessage] = useState<CapturedMessage>({ topic: "", payload: "", encoding: "utf-8" });
  const [by, setBy] = useState("");
  const [problem, setProblem] = useState<Problem | undefined>();
  const [busy, setBusy] = useState(false);
  const barred = useBarrier("rules.replace") !== undefined;
  const rules = draft?.rules ?? held.rules;
  const dirty = draft !== undefined && !same(draft.rules, held.rules);
  const trial = useTrial(rules, message);

  const edit = (next: Rule[]) => {
    setProblem(undefined);
    setDraft({ from: draft?.from ?? held.revision, rules: next });
  };
  const add = (rule: Rule) => {
    edit([...rules, { ...rule, name: freeName(rules, rule.name) }]);
    setSelected(rules.length);
  };
  const discard = () => (setDraft(undefined), setUndo(undefined), setProblem(undefined), reload());
  const save = async () => {
    if (!draft) return;
    setBusy(true);
    try {
      await put<Answer>("rules", { revision: draft.from, by: by.trim() || null, rules: draft.rules });
      discard();
    } catch (e) {
      setProblem(e instanceof Problem ? e : new Problem(0, String(e), "", "", ""));
    }
    setBusy(false);
  };

  const rule = rules[selected];
  return (
    <>
      <div class="toolbar" role="status">
        <span class="muted" data-testid="rules-revision" data-revision={held.revision}>
          {held.changed
            ? t("rules.changed", { n: int(held.revision), by: held.changed.by, time: when(held.changed.at, serverNow()) })
            : t("rules.untouched")}
        </span>
        {draft && draft.from !== held.revision && (
          <strong class="doubt">{t("rules.overtaken", { by: held.changed?.by ?? "?" })}</strong>
        )}
        <Allowed act="rules.replace">
          <label class="push">
            {t("rules.by")} <input value={by} maxLength={64} onInput={(e) => setBy(e.currentTarget.value)} />
          </label>
          <button type="button" disabled={!dirty || busy} onClick={discard}>
            {t("rules.discard")}
          </button>
          <button type="button" class="primary" data-testid="rules-save" disabled={!dirty || busy} onClick={() => void save()}>
            {t("rules.save")}
          </button>
        </Allowed>
      </div>
      {problem && <ProblemBox problem={problem} {...(problem.status === 409 ? { retry: reload } : {})} />}
      <div class="columns">
        <div class="main-column">
          <section class="panel" aria-labelledby="rules-list">
            <div class="toolbar">
              <h2 id="rules-list">{t("rules.list")}</h2>
              <Allowed act="rules.replace" quiet>
                <button type="button" class="push" data-testid="rule-add" onClick={() => add(blank(rules, t("rules.new")))}>
                  {t("rules.add")}
                </button>
              </Allowed>
            </div>
            {undo && (
              <p role="status">
                {t("rules.deleted", { name: undo.name })}{" "}
                <button type="button" onClick={() => (edit(undo.rules), setUndo(undefined))}>
                  {t("rules.undo")}
                </button>
              </p>
            )}
            {rules.length === 0 ? (
              <Empty text={t("rules.empty")} />
            ) : (
              <RuleList
                rules={rules}
                selected={selected}
                barred={barred}
                winner={trial.data?.rule ?? null}
                select={setSelected}
                toggle={(i) => edit(changed(rules, i, { enabled: !rules[i]?.enabled }))}
                move={(i, d) => (edit(moved(rules, i, d)), setSelected(i + d))}
                remove={(i) => {
                  setUndo({ rules, name: rules[i]?.name ?? "" });
                  edit(without(rules, i));
                  setSelected(Math.max(0, Math.min(i, rules.length - 2)));
                }}
              />
            )}
          </section>
          {rule && (
            <section class="panel" aria-labelledby="rule-title">
              <h2 id="rule-title">{rule.name || t("rules.unnamed")}</h2>
              <fieldset class="bare" disabled={barred}>
                <RuleForm rule={rule} change={(next) => edit(changed(rules, selected, next))} />
              </fieldset>
            </section>
          )}
        </div>
        {/* A trial takes the same right. */}
        <Allowed act="rules.replace" quiet>
          <div class="side-column">
            <section class="panel" aria-labelledby="message-title">
              <h2 id="message-title">{t("rules.message")}</h2>
              <Message message={message} change={setMessage} suggest={add} />
            </section>
            <section class="panel" aria-labelledby="result-title" aria-live="polite">
              <h2 id="result-title">{t("rules.result")}</h2>
              {message.topic === "" ? (
                <p class="muted">{t("rules.no_message")}</p>
              ) : trial.problem ? (
                <div class="doubt" data-testid="trial-problem">
                  <p>{inWords(trial.problem).title}</p>
                  <Said text={trial.problem.detail} open />
                </div>
              ) : trial.data ? (
                <Result trial={trial.data} />
              ) : (
                <p class="muted">{t("state.loading")}</p>
              )}
            </section>
          </div>
        </Allowed>
      </div>
    </>
  );
}

/** What the message would become by `rules`, asked again when typing rests. */
function useTrial(rules: Rule[], message: CapturedMessage): { data?: Trial; problem?: Problem } {
  const [state, setState] = useState<{ data?: Trial; problem?: Problem }>({});
  const turn = useRef(0);
  const asked = JSON.stringify({ rules, message });
  useEffect(() => {
    const own = ++turn.current;
    if (message.topic === "") {
      setState({});
      return;
    }
    const timer = setTimeout(() => {
      post<Trial>("rules/try", { rules, message }).then(
        (data) => own === turn.current && setState({ data }),
        (e: unknown) =>
          own === turn.current && setState({ problem: e instanceof Problem ? e : new Problem(0, String(e), "", "", "") }),
      );
    }, REST);
    return () => clearTimeout(timer);
  }, [asked]);
  return state;
}

function RuleList(props: {
  rules: Rule[];
  selected: number;
  winner: string | null;
  /** They may be looked at only. */
  barred: boolean;
  select(i: number): void;
  toggle(i: number): void;
  move(i: number, by: -1 | 1): void;
  remove(i: number): void;
}) {
  const { rules, selected } = props;
  return (
    <ol class="rule-list">
      {rules.map((r, i) => (
        <li key={i} class={i === selected ? "selected" : ""} data-testid="rule-row" data-name={r.name}>
          <input
            type="checkbox"
            checked={r.enabled}
            disabled={props.barred}
            aria-label={t("rules.enabled", { name: r.name })}
            onChange={() => props.toggle(i)}
          />
          <button type="button" class="what" aria-pressed={i === selected} onClick={() => props.select(i)}>
            <b>{r.name || t("rules.unnamed")}</b>
            {props.winner === r.name && <small class="chip">{t("rules.wins")}</small>}
            <code>{r.topic}</code>
          </button>
          {!props.barred && (
            <>
              <button type="button" disabled={i === 0} aria-label={t("rules.up", { name: r.name })} onClick={() => props.move(i, -1)}>
                ↑
              </button>
              <button
                type="button"
                disabled={i === rules.length - 1}
                aria-label={t("rules.down", { name: r.name })}
                onClick={() => props.move(i, 1)}
              >
                ↓
              </button>
              <button type="button" aria-label={t("rules.delete", { name: r.name })} onClick={() => props.remove(i)}>
                ×
              </button>
            </>
          )}
        </li>
      ))}
    </ol>
  );
}

function Message(props: {
  message: CapturedMessage;
  change(m: CapturedMessage): void;
  suggest(rule: Rule): void;
}) {
  const { message } = props;
  const waiting = useResource<{ entries: QuarantineEntry[] }>(
    "unmapped",
    (s) => get("quarantine?code=unmapped&limit=50", s),
    EVERY,
  );
  const [nothing, setNothing] = useState(false);
  const [cut, setCut] = useState(false);
  const entries = waiting.data?.entries ?? [];
  const pick = (id: string) => {
    const found = entries.find((e) => String(e.id) === id);
    if (!found) return;
    setCut(truncated(found));
    setNothing(false);
    props.change(captured(found));
  };
  const suggest = () =>
    post<{ rule: Rule | null }>("rules/suggest", message).then(
      ({ rule }) => (setNothing(rule === null), rule && props.suggest(rule)),
      () => setNothing(true),
    );
  const set = (patch: Partial<CapturedMessage>) => (setNothing(false), props.change({ ...message, ...patch }));
  return (
    <div class="form">
      <label>
        {t("rules.pick")}
        <select value="" data-testid="rule-pick" onChange={(e) => pick(e.currentTarget.value)}>
          <option value="">{entries.length ? t("rules.pick_some", { n: int(entries.length) }) : t("rules.pick_none")}</option>
          {entries.map((e) => (
            <option key={e.id} value={String(e.id)}>
              {`${e.topic} · ${when(e.t, serverNow())}`}
            </option>
          ))}
        </select>
      </label>
      <label>
        {t("rules.topic_of")}
        <input value={message.topic} spellcheck={false} data-testid="rule-topic" onInput={(e) => set({ topic: e.currentTarget.value })} />
      </label>
      <label>
        {t(message.encoding === "hex" ? "rules.payload_hex" : "rules.payload")}
        <textarea
          rows={8}
          spellcheck={false}
          value={message.payload}
          data-testid="rule-payload"
          onInput={(e) => set({ payload: e.currentTarget.value })}
        />
      </label>
      {cut && <p class="doubt">{t("rules.cut")}</p>}
      <button type="button" data-testid="rule-suggest" disabled={message.topic === ""} onClick={() => void suggest()}>
        {t("rules.suggest")}
      </button>
      {nothing && <p role="status">{t("rules.no_suggestion")}</p>}
    </div>
  );
}

function Result({ trial }: { trial: Trial }) {
  if (trial.native) return <p data-testid="trial-native">{t("rules.native")}</p>;
  const asked = trial.steps.filter((s) => s.outcome !== "other_topic");
  return (
    <>
      {trial.rule && <p data-testid="trial-rule">{t("rules.by_rule", { name: trial.rule })}</p>}
      {asked.length > 0 && (
        <ul class="steps">
          {asked.map((s) => (
            <li key={s.rule}>
              {s.rule}: {code("rule_step", s.outcome)}
            </li>
          ))}
        </ul>
      )}
      {trial.fault && (
        <div class="doubt" data-testid="trial-fault" data-code={trial.fault.code}>
          <p>{causeOf(trial.fault.code)}</p>
          <Said text={trial.fault.reason} open />
        </div>
      )}
      {trial.readings.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-labelledby="result-title">
          <table class="rows">
            <thead>
              <tr>
                <th scope="col">{t("rules.point")}</th>
                <th scope="col" class="n">{t("rules.value")}</th>
                <th scope="col">{t("rules.time")}</th>
              </tr>
            </thead>
            <tbody>
              {trial.readings.map((r, i) => (
                <tr key={i} data-testid="trial-reading" data-point={`${r.machine}/${r.point}`}>
                  <th scope="row">
                    {r.point} <small class="muted">{r.machine}</small>
                    {!r.known && <small class="chip">{t("rules.new_point")}</small>}
                  </th>
                  <td class="n">
                    {typeof r.value === "number" ? num(r.value) : r.value === null ? "–" : String(r.value)} {r.unit}
                  </td>
                  <td>
                    {when(r.t, serverNow())}
                    {!r.stated && <small class="doubt">{t("rules.receipt")}</small>}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {trial.count > trial.readings.length && <p class="muted">{t("rules.more", { n: int(trial.count - trial.readings.length) })}</p>}
    </>
  );
}
