/** The clock on the plant's wall, as `<input type="datetime-local">` writes it, and instants. */

/** `2026-11-30T14:05` of an instant, in `zone`. */
export function toWall(ms: number, zone: string): string {
  const parts = new Intl.DateTimeFormat("en-CA", {
    timeZone: zone,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  }).formatToParts(ms);
  const of = (type: string) => parts.find((p) => p.type === type)?.value ?? "";
  return `${of("year")}-${of("month")}-${of("day")}T${of("hour")}:${of("minute")}`;
}

/** The instant at which the wall's clock shows this, ms; null where it is no time. Of an hour that comes twice the first. */
export function fromWall(text: string, zone: string): number | null {
  const shown = Date.parse(`${text}Z`);
  if (Number.isNaN(shown)) return null;
  const offset = (at: number) => Date.parse(`${toWall(at, zone)}Z`) - at;
  // The offset of about then, and then that of the instant itself: they differ where the clock was just set.
  const about = shown - offset(shown - 43_200_000);
  const exact = shown - offset(about);
  return offset(about) === shown - about ? about : exact;
}
