import { t } from "../i18n";
import type { FieldFault } from "./types";

/** What went wrong, for a person: cause, next step, and the id under which the server logged it (RFC 9457). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly next: string,
    readonly requestId: string,
    /** Which kind the server calls it (`not_found`); empty where the page itself tells, in its own language. */
    readonly kind = "",
    /** What in the body it is about, where it is about one field. */
    readonly fault?: FieldFault,
  ) {
    super(detail || title);
  }
}

async function problemOf(response: Response): Promise<Problem> {
  const text = await response.text().catch(() => "");
  try {
    const p = JSON.parse(text) as Record<string, unknown>;
    const s = (k: string) => (typeof p[k] === "string" ? (p[k] as string) : "");
    const kind = s("type").replace("/problems/", "");
    return new Problem(response.status, s("title") || response.statusText, s("detail"), s("next"), s("request_id"), kind, p["fault"] as FieldFault | undefined);
  } catch {
    return new Problem(response.status, `${response.status} ${response.statusText}`, text.slice(0, 300), "", "");
  }
}

let loggedOut: () => void = () => undefined;
/** Who wants to know that a request was answered with "log in". */
export function onLoggedOut(f: () => void): void {
  loggedOut = f;
}

/** One request; every failure is a [`Problem`], except the caller's own abort. */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(`/api/v1/${path}`, { credentials: "same-origin", ...init });
  } catch (e) {
    if (init.signal?.aborted) throw e;
    throw new Problem(0, t("error.unreachable"), t("error.unreachable_detail"), t("error.unreachable_next"), "");
  }
  if (!response.ok) {
    const problem = await problemOf(response);
    if (problem.kind === "log_in") loggedOut();
    throw problem;
  }
  return response;
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await request(path, { signal: signal ?? null, headers: { accept: "application/json" } });
  try {
    return (await response.json()) as T;
  } catch (e) {
    if (signal?.aborted) throw e;
    throw new Problem(response.status, t("error.unreadable"), String(e), t("error.unreadable_next"), "");
  }
}

export const post = <T>(path: string, body: unknown): Promise<T> => send("POST", path, body);
export const put = <T>(path: string, body: unknown): Promise<T> => send("PUT", path, body);

async function send<T>(method: string, path: string, body: unknown): Promise<T> {
  const response = await request(path, {
    method,
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify(body),
  });
  return (await response.json()) as T;
}

/** `site/machine/…` or an id, as path segments. */
export const segments = (...parts: string[]): string => parts.map(encodeURIComponent).join("/");

/** A query string; what is undefined or null is left out. */
export function query(values: Record<string, string | number | null | undefined>): string {
  const q = new URLSearchParams();
  for (const [k, v] of Object.entries(values)) if (v !== undefined && v !== null) q.set(k, String(v));
  const text = q.toString();
  return text ? `?${text}` : "";
}
