/** In the place of the worker where a browser has none: a hub of the tab's own. */

import { Hub } from "./hub";
import type { Told } from "./protocol";
import { browser } from "./world";

export const join = (hear: (told: Told) => void) => new Hub(browser).join(hear);
