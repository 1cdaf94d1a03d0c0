import { useState } from "preact/hooks";
import { post, Problem, segments } from "../api/client";
import type { WorkOrder } from "../api/types";
import { t } from "../i18n";
import { plantZone } from "../lib/format";
import { go } from "../lib/router";
import { fromWall } from "../lib/wall";
import { Dialog } from "./dialog";
import { ProblemBox } from "./states";

/** Opens a work order and goes to it. */
export function NewOrder(props: {
  machine: { site: string; machine: string };
  title: string;
  because: { alarm?: string; fault?: string };
  close: () => void;
}) {
  const [title, setTitle] = useState(props.title);
  const [assignee, setAssignee] = useState("");
  const [planned, setPlanned] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const submit = async (e: Event) => {
    e.preventDefault();
    setBusy(true);
    setProblem(undefined);
    const at = planned === "" ? null : fromWall(planned, plantZone.get());
    try {
      const order = await post<WorkOrder>(`machines/${segments(props.machine.site, props.machine.machine)}/work-orders`, {
        title,
        ...props.because,
        ...(assignee.trim() && { assignee }),
        ...(at !== null && { planned_for: new Date(at).toISOString() }),
      });
      props.close();
      go(["orders", String(order.number)]);
    } catch (e) {
      setProblem(e instanceof Problem ? e : new Problem(0, String(e), "", "", ""));
      setBusy(false);
    }
  };
  return (
    <Dialog title={t("work.new")} onClose={props.close} testid="new-order">
      <form onSubmit={(e) => void submit(e)}>
        <label>
          {t("work.what")}
          <input required maxLength={200} value={title} onInput={(e) => setTitle(e.currentTarget.value)} data-testid="order-title" />
        </label>
        <label>
          {t("work.assignee")} <small class="muted">{t("work.optional")}</small>
          <input maxLength={200} value={assignee} onInput={(e) => setAssignee(e.currentTarget.value)} data-testid="order-assignee" />
        </label>
        <label>
          {t("work.planned_for")} <small class="muted">{t("work.plant_time", { zone: plantZone.get() })}</small>
          <input type="datetime-local" value={planned} onInput={(e) => setPlanned(e.currentTarget.value)} data-testid="order-planned" />
        </label>
        {problem && <ProblemBox problem={problem} />}
        <div class="buttons">
          <button type="submit" class="primary" disabled={busy || !title.trim()} data-testid="order-open">
            {t("work.open")}
          </button>
          <button type="button" onClick={props.close}>
            {t("dialog.cancel")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
