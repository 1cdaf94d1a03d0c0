import { code, t } from "../i18n";
import { told } from "../lib/told";
import { lang } from "../lib/prefs";
import { useStore } from "../lib/store";

/**
 * A sentence of the server, which speaks English. On the English page it stands as it is; on the other it is a detail,
 * to be opened, beside what the page says in its own language.
 */
export function Said(props: { text: string; open?: boolean; summary?: string }) {
  const english = useStore(lang) === "en";
  if (props.text === "") return null;
  if (english) return <p class="said">{props.text}</p>;
  return (
    <details class="said" open={props.open ?? false}>
      <summary>{props.summary ?? t("error.details")}</summary>
      <p lang="en">{props.text}</p>
    </details>
  );
}

/** Why a message is in quarantine, in the page's language: what it is. The code itself where the page has no words for it. */
export const causeOf = (of: string): string => told(code("cause", of)).what;

/** What to do about a message in quarantine, in the page's language. */
export function Remedy({ of }: { of: string }) {
  const { todo } = told(code("cause", of));
  return todo === "" ? null : <p>{todo}</p>;
}
