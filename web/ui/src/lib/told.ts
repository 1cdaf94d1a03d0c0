/** A text of the catalogue in its two parts: what it is, and what to do about it (empty where nothing is said of that). */
export function told(text: string): { what: string; todo: string } {
  const [, what, todo] = /^(.*?)(?:[.。]\s*)(\S.*)$/s.exec(text) ?? [];
  return what && todo ? { what, todo } : { what: text.replace(/[.。]$/, ""), todo: "" };
}

/** What a client was refused last, as the door names it, or else a sentence on how it went. */
export function lastError(error: string, known: (code: string) => boolean): { code: string; topic: string } | { sentence: string } {
  const [, code = "", topic = ""] = /^([a-z_]+)(?:: (.*))?$/s.exec(error) ?? [];
  return known(code) ? { code, topic } : { sentence: error };
}
