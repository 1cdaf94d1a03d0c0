import type { MachineSummary } from "../api/types";

/** Whether somebody should look at it: everything that is not plainly normal, and what nobody has acknowledged. */
export const needsAttention = (m: MachineSummary): boolean => m.status !== "normal" || m.unacknowledged > 0;

const RANK: Record<MachineSummary["status"], number> = {
  alarm: 0,
  offline: 1,
  sensor: 2,
  stale: 3,
  no_data: 4,
  unjudged: 5,
  normal: 6,
};

/** The most urgent first: by priority, then what waits for acknowledgement, then by state. */
export function byNeed(a: MachineSummary, b: MachineSummary): number {
  const priority = (m: MachineSummary) => m.priority ?? 5;
  return (
    priority(a) - priority(b) ||
    b.unacknowledged - a.unacknowledged ||
    RANK[a.status] - RANK[b.status] ||
    (b.velocity_rms ?? 0) - (a.velocity_rms ?? 0)
  );
}

/** Whether every word of `q` is found in the machine's names. */
export function matches(m: MachineSummary, area: string | null, q: string): boolean {
  const text = [m.site, m.machine, m.title.zh, m.title.en, m.class, m.line, area].filter(Boolean).join(" ").toLowerCase();
  return q.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

/** What was heard lately on top of what was fetched; a live line carries no small trend, so the fetched one stays. */
export const joinSummary = (fetched: MachineSummary, heard: MachineSummary): MachineSummary => ({
  ...heard,
  spark: heard.spark ?? fetched.spark ?? null,
});
