import { useMemo, useState } from "preact/hooks";
import { t } from "../../i18n";
import { num } from "../../lib/format";
import { explain, type Group } from "../../lib/marks";
import { peaks } from "../../lib/spectrum";
import { explanation } from "./names";
import { moveCursor } from "./state";

const PEAKS = 12;

/** The highest peaks of the window and what they may be, for those who do not see the canvas or want the numbers. */
export function PeakTable(props: PeakTableProps) {
  // Nothing is looked for while nobody looks: the window moves with every zoom.
  const [open, setOpen] = useState(false);
  return (
    <details class="as-table" data-testid="peaks" onToggle={(e) => setOpen(e.currentTarget.open)}>
      <summary>{t("vibration.peaks")}</summary>
      {open && <Peaks {...props} />}
    </details>
  );
}

interface PeakTableProps {
  y: ArrayLike<number>;
  df: number;
  /** Where the first value lies, Hz. */
  x0?: number;
  /** Hz. */
  window: [number, number];
  shaft: number | null | undefined;
  groups: Group[];
  unit: string;
}

function Peaks(props: PeakTableProps) {
  const { x0 = 0 } = props;
  const [from, to] = [props.window[0] - x0, props.window[1] - x0];
  const found = useMemo(
    () => peaks(props.y, props.df, from, to, PEAKS).map((p) => ({ ...p, hz: p.hz + x0 })),
    [props.y, props.df, from, to, x0],
  );
  return (
    <table class="terms">
      <thead>
        <tr>
          <th scope="col" class="n">Hz</th>
          <th scope="col" class="n">r/min</th>
          <th scope="col" class="n">{t("vibration.order")}</th>
          <th scope="col" class="n">{props.unit}</th>
          <th scope="col">{t("bench.may_be")}</th>
        </tr>
      </thead>
      <tbody>
        {found.map((p) => (
          <tr key={p.index}>
            <td class="n">
              <button type="button" class="link" onClick={() => moveCursor({ hz: p.hz })}>
                {num(p.hz, 5)}
              </button>
            </td>
            <td class="n">{num(p.hz * 60, 5)}</td>
            <td class="n">{props.shaft ? num(p.hz / props.shaft, 4) : "–"}</td>
            <td class="n">{num(p.value, 4)}</td>
            <td>{what(p.hz, props.groups, props.shaft, props.df)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const NAMED = 3;

/** What lies within one line of `hz`, in words. */
export function what(hz: number, groups: Group[], shaft: number | null | undefined, df: number): string {
  const found = explain(hz, groups, shaft, df);
  if (found.length === 0) return t("bench.nothing_known");
  return found.slice(0, NAMED).map(explanation).join(t("list.separator"));
}
