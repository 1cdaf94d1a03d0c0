import { get, onLoggedOut, post, Problem } from "../api/client";
import type { Me, Right } from "../api/types";
import { code, t, useLanguage } from "../i18n";
import acts from "./acts.json";
import { lang } from "./prefs";
import { store, useStore } from "./store";

/** Who is logged in; undefined until the server has said. */
export const me = store<Me | undefined>(undefined);
/** Why that is not known. */
export const meProblem = store<Problem | undefined>(undefined);

let asking: Promise<void> | undefined;

/** Asks who one is; several at once are one. */
export function askMe(): Promise<void> {
  asking ??= get<Me>("me")
    .then(takeMe, (e: unknown) => meProblem.set(e instanceof Problem ? e : new Problem(0, String(e), "", "", "")))
    .finally(() => (asking = undefined));
  return asking;
}

/** Who one is now, as an answer says. */
export function takeMe(now: Me): void {
  const before = me.get();
  meProblem.set(undefined);
  if (JSON.stringify(before) !== JSON.stringify(now)) me.set(now);
  // The language of the account, once at its log-in: what is chosen on the page afterwards stays.
  if (now.language && before?.name !== now.name && now.language !== lang.get()) void useLanguage(now.language);
}

export async function logOut(): Promise<void> {
  takeMe(await post<Me>("logout", {}));
}

export const has = (who: Me | undefined, right: Right): boolean => who?.rights.includes(right) ?? false;

/** What people can do here, by its name in the audit log; what each takes is held against the server's own table by a test. */
export type Act = keyof typeof acts;

/** What keeps somebody from doing this, in words; undefined: nothing. The server decides all the same. */
export function barrier(who: Me | undefined, act: Act): string | undefined {
  const [right, of] = acts[act] as [Right, string];
  if (!has(who, right)) {
    return t("access.barred_right", { right: code("right", right), role: code("user_role", who?.role ?? "viewer") });
  }
  // Machines that lie outside are not shown, so that only what belongs to none is left to be asked for.
  return of === "plant" && !who?.areas.includes("*") ? t("access.barred_area") : undefined;
}

export const useBarrier = (act: Act): string | undefined => barrier(useStore(me), act);

/** Whenever the server says that nobody is logged in, it is asked who one is: the answer shows the log-in. */
export function startMe(): void {
  onLoggedOut(() => void askMe());
  void askMe();
}
