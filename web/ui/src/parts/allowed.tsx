import type { ComponentChildren } from "preact";
import { t } from "../i18n";
import { useBarrier, type Act } from "../lib/me";

/** Buttons for who may press them; others read why they are not there, or nothing where that has been said (`quiet`). */
export function Allowed({ act, quiet, children }: { act: Act; quiet?: boolean; children: ComponentChildren }) {
  const bar = useBarrier(act);
  if (bar === undefined) return <>{children}</>;
  return quiet ? null : <Barred why={bar} act={act} />;
}

/** Why something is not offered, and what to do. */
export function Barred({ why, act }: { why: string; act: Act }) {
  return (
    <p class="muted barred" data-testid="barred" data-act={act}>
      {why} <strong>{t("error.next")}</strong> {t("access.denied_next")}
    </p>
  );
}
