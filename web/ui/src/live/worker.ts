/** One for all tabs of a browser at this server: a stream of each of them would hold one of the six connections that HTTP/1.1 leaves a host. */

import { Hub } from "./hub";
import type { Said } from "./protocol";
import { browser } from "./world";

const hub = new Hub(browser);

addEventListener("connect", (e) => {
  const port = (e as MessageEvent).ports[0];
  if (!port) return;
  const hear = hub.join((told) => port.postMessage(told));
  port.onmessage = (m: MessageEvent<Said>) => hear(m.data);
});
