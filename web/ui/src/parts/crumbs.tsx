import type { ComponentChildren } from "preact";
import { t } from "../i18n";
import { href, useRoute } from "../lib/router";

/** The pages around the connections in the order in which a device meets them: where each is, and its name. */
const PAGES: [path: string[], name: string][] = [
  [["connections"], "connections.clients"],
  [["devices"], "devices.title"],
  [["connections", "discovery"], "discovery.title"],
  [["connections", "quarantine"], "quarantine.title"],
  [["rules"], "rules.title"],
  [["connections", "ledger"], "ledger.title"],
  [["store"], "store.title"],
];

/** The heading of a page around the connections, what can be done there, and the same row of links on each of them. */
export function Crumbs({ here, children }: { here: string; children?: ComponentChildren }) {
  const { path } = useRoute();
  const isHere = ([page, below]: string[]) => path[0] === page && (page !== "connections" || path[1] === below);
  return (
    <>
      <nav class="tabs" aria-label={t("connections.pages")}>
        {PAGES.map(([to, name]) => (
          <a key={name} href={href(to)} aria-current={isHere(to) ? "page" : undefined} data-testid={`tab-${to.at(-1)}`}>
            {t(name)}
          </a>
        ))}
      </nav>
      <div class="toolbar">
        <h1>{here}</h1>
        {children}
      </div>
    </>
  );
}
