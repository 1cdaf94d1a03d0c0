import type { FieldFault, OwnPatterns } from "../api/types";
import { code, t } from "../i18n";

/** A device's own patterns as they are typed: one a line. */
export interface OwnDraft {
  publish: string;
  subscribe: string;
}

export const NO_OWN: OwnDraft = { publish: "", subscribe: "" };

/** The patterns of a text, as the server keeps them: trimmed, none empty, none twice. */
export const lines = (text: string): string[] => [...new Set(text.split("\n").map((l) => l.trim()).filter((l) => l !== ""))];

export const patternsOf = (draft: OwnDraft): OwnPatterns => ({ publish: lines(draft.publish), subscribe: lines(draft.subscribe) });

export const draftOf = (own: OwnPatterns): OwnDraft => ({ publish: own.publish.join("\n"), subscribe: own.subscribe.join("\n") });

/** Whether saving the draft would change anything; the order counts, as the server keeps it. */
export const differs = (draft: OwnDraft, own: OwnPatterns): boolean => JSON.stringify(patternsOf(draft)) !== JSON.stringify({ publish: own.publish, subscribe: own.subscribe });

/** What is wrong with one of the two fields, in the page's words where it has some, else in the server's. */
export function faultIn(field: keyof OwnDraft, problem: { detail: string; fault?: FieldFault | undefined } | undefined): string | undefined {
  const fault = problem?.fault;
  if (!problem || fault?.field !== field) return undefined;
  const known = code("own_error", fault.code);
  return known === fault.code ? problem.detail : t("devices.own_fault", { found: fault.found, what: known });
}
