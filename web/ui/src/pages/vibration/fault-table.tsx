import { t } from "../../i18n";
import { num } from "../../lib/format";
import { slipped, type Group } from "../../lib/marks";
import { valueAt } from "../../lib/spectrum";
import { lineName } from "./names";
import type { Subject } from "./record";
import { moveCursor } from "./state";

/** The drawn lines in words and numbers. */
export function FaultTable({ subject: { s, b }, shown }: { subject: Subject; shown: Group[] }) {
  const lines = shown.flatMap((g) => g.lines);
  if (lines.length === 0) return <p class="muted">{t("vibration.no_lines")}</p>;
  return (
    <div class="fault-lines" tabIndex={0} role="region" aria-label={t("vibration.lines")}>
      <table class="terms">
        <thead>
          <tr>
            <th scope="col">{t("vibration.line")}</th>
            <th scope="col" class="n">Hz</th>
            <th scope="col" class="n">{t("vibration.order")}</th>
            <th scope="col" class="n">{t("vibration.ratio")}</th>
          </tr>
        </thead>
        <tbody>
          {lines.map((l) => {
            const hz = slipped(l, b.slip);
            const ratio = b.slip === undefined || l.slip == null ? l.ratio : valueAt(s.envelope.ratio, s.envelope.df_hz, hz);
            return (
              <tr
                key={`${l.bearing}${l.label}${l.harmonic}`}
                data-testid={l.label === "shaft" ? "shaft-line" : "fault-line"}
                data-label={l.label}
                data-bearing={l.bearing ?? ""}
                data-harmonic={l.harmonic}
              >
                <th scope="row">
                  <button type="button" class="link" onClick={() => moveCursor({ hz })}>
                    {lineName(l)}
                  </button>
                </th>
                <td class="n">{num(hz, 5)}</td>
                <td class="n">{s.shaft_hz ? num(hz / s.shaft_hz, 4) : "–"}</td>
                <td class="n">{num(ratio)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
