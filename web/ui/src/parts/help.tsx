import { useEffect, useRef } from "preact/hooks";
import { t } from "../i18n";
import { singleKeys } from "../lib/prefs";
import { store, useStore } from "../lib/store";

const open = store(false);
export const toggleHelp = (): void => open.set(!open.get());

const KEYS: [keys: string[], text: string][] = [
  [["g", "o"], "help.overview"],
  [["g", "a"], "help.alarms"],
  [["g", "m"], "help.machine"],
  [["g", "c"], "help.connections"],
  [["g", "s"], "help.store"],
  [["g", "p"], "help.performance"],
  [["g", "w"], "help.work"],
  [["g", "t"], "help.trend"],
  [["/"], "help.search"],
  [["j"], "help.next"],
  [["k"], "help.previous"],
  [["a"], "help.acknowledge"],
  [["s"], "help.shelve"],
  [["←", "→"], "help.bench"],
  [["h"], "help.harmonics"],
  [["s"], "help.sidebands"],
  [["u"], "help.undo"],
  [["?"], "help.help"],
];

/** The keyboard, and the switch that turns its single letters off (WCAG 2.1.4). */
export function Help() {
  const shown = useStore(open);
  const letters = useStore(singleKeys);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const d = dialog.current;
    if (!d) return;
    if (shown && !d.open) d.showModal();
    if (!shown && d.open) d.close();
  }, [shown]);
  return (
    <dialog ref={dialog} class="help" aria-labelledby="help-title" onClose={() => open.set(false)}>
      <h2 id="help-title">{t("help.title")}</h2>
      <dl>
        {KEYS.map(([keys, text]) => (
          <div key={text}>
            <dt>
              {keys.map((k) => (
                <kbd key={k}>{k}</kbd>
              ))}
            </dt>
            <dd>{t(text)}</dd>
          </div>
        ))}
      </dl>
      <label class="check">
        <input type="checkbox" checked={letters} onChange={(e) => singleKeys.set(e.currentTarget.checked)} />
        {t("help.single_keys")}
      </label>
      <div class="end">
        <button type="button" onClick={() => open.set(false)}>
          {t("help.close")}
        </button>
      </div>
    </dialog>
  );
}
