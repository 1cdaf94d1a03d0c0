import { useEffect, useId, useRef, useState } from "preact/hooks";
import { t } from "../i18n";
import { copy } from "../lib/copy";

/** How long "copied" is shown, ms. */
const SHOWN = 4_000;

/** A text to be taken elsewhere: a click selects it, a button copies it, on plain HTTP as well. */
export function Copyable(props: { label: string; text: string; rows?: number; testid?: string }) {
  const id = useId();
  const box = useRef<HTMLTextAreaElement>(null);
  const [said, setSaid] = useState<"" | "copied" | "selected">("");
  useEffect(() => {
    if (!said) return;
    const timer = setTimeout(() => setSaid(""), SHOWN);
    return () => clearTimeout(timer);
  }, [said]);
  useEffect(() => setSaid(""), [props.text]);
  return (
    <div class="copyable">
      <div class="copyable-head">
        <label for={id}>{props.label}</label>
        <button type="button" onClick={() => void copy(props.text, box.current).then((ok) => setSaid(ok ? "copied" : "selected"))}>
          {t("devices.copy")}
        </button>
        <span role="status" class="muted">
          {said === "copied" && t("devices.copied")}
          {said === "selected" && t("devices.selected")}
        </span>
      </div>
      <textarea
        id={id}
        ref={box}
        readOnly
        rows={props.rows ?? 1}
        spellcheck={false}
        autocomplete="off"
        value={props.text}
        data-testid={props.testid}
        onFocus={() => box.current?.select()}
        onClick={() => box.current?.select()}
      />
    </div>
  );
}
