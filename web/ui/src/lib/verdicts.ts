import type { FaultVerdict } from "../api/types";

/** From this score on a fault is named; one that could not reach it cannot be told. */
const PROBABLE = 0.6;

export interface Sorted {
  named: FaultVerdict[];
  /** Could have been named, and something speaks for them. */
  weighed: FaultVerdict[];
  /** Could not have been named, by what is known. */
  untold: FaultVerdict[];
  /** Whether bearings could have been. */
  bearings: boolean;
}

/** Each verdict in one place; those that could be weighed and for which nothing speaks in none. */
export function sorted(verdicts: FaultVerdict[]): Sorted {
  const isNamed = (v: FaultVerdict) => v.standing === "probable" || v.standing === "confirmed";
  const others = verdicts.filter((v) => !isNamed(v));
  const isUntold = (v: FaultVerdict) => v.attainable < PROBABLE;
  const untold = others.filter(isUntold);
  return {
    named: verdicts.filter(isNamed),
    weighed: others.filter((v) => v.score > 0 && !isUntold(v)),
    untold,
    bearings: !untold.some((v) => v.terms.some((e) => e.quantity === "envelope")),
  };
}
