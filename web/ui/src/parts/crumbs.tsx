import { t } from "../i18n";
import { href, useRoute } from "../lib/router";

/** Where one is within the connections, and the way to the other pages there. */
export function Crumbs({ here }: { here: string }) {
  const { path } = useRoute();
  const to = (page: string, text: string) => (
    <a href={href(["connections", page])} aria-current={path[1] === page ? "page" : undefined}>
      {text}
    </a>
  );
  return (
    <div class="toolbar">
      <h1>{here}</h1>
      <nav class="chips" aria-label={t("nav.connections")}>
        <a href={href(["connections"])}>{t("nav.connections")}</a> · {to("quarantine", t("quarantine.title"))} ·{" "}
        {to("discovery", t("discovery.title"))} · {to("ledger", t("ledger.title"))}
      </nav>
    </div>
  );
}
