import type { Said, Told } from "./protocol";
import LiveWorker from "./worker?sharedworker";

/** A tab's way to the one who listens for it. */
export interface Line {
  say(said: Said): void;
  close(): void;
}

export const hasWorkers = (): boolean => typeof SharedWorker !== "undefined";

/** To the worker that all tabs share; `failed` where it does not start. */
export function toWorker(hear: (told: Told) => void, failed: () => void): Line {
  const worker = new LiveWorker({ name: "danxia-live" });
  worker.onerror = failed;
  worker.port.onmessage = (e: MessageEvent<Told>) => hear(e.data);
  return { say: (said) => worker.port.postMessage(said), close: () => worker.port.close() };
}

/** To a stream of the tab's own. */
export function toOwn(hear: (told: Told) => void): Line {
  const joined = import("./own").then((own) => own.join(hear));
  const say = (said: Said) => void joined.then((hub) => hub(said)).catch(() => undefined);
  return { say, close: () => say({ leave: true }) };
}
