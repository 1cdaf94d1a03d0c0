import { get, onLoggedOut, post, Problem } from "../api/client";
import type { Me, Right } from "../api/types";
import { useLanguage } from "../i18n";
import { lang } from "./prefs";
import { store } from "./store";

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

/** Whenever the server says that nobody is logged in, it is asked who one is: the answer shows the log-in. */
export function startMe(): void {
  onLoggedOut(() => void askMe());
  void askMe();
}
