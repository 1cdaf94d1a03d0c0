import { store } from "./store";

/** This computer's clock, once a second, for ages. */
export const now = store<number>(Date.now());

/** How far the server's clock is ahead of this computer's, ms: ages are told by the server's. */
export const clockOffset = store<number>(0);

export const serverNow = (): number => now.get() + clockOffset.get();

export function startClock(): void {
  setInterval(() => {
    if (!document.hidden) now.set(Date.now());
  }, 1000);
  document.addEventListener("visibilitychange", () => now.set(Date.now()));
}
