import type { Alarm, WorkOrder, WorkState } from "../api/types";
import { code, t } from "../i18n";
import { machineTitle, message } from "./condition";

/** What can become of an order that is in this state, beside staying in it. */
export const NEXT: Record<WorkState, WorkState[]> = {
  open: ["planned", "done", "cancelled"],
  planned: ["open", "done", "cancelled"],
  done: ["open"],
  cancelled: ["open"],
};

/** What called for it, in words. */
export function originText(o: WorkOrder): string {
  if (o.origin.kind === "alarm" && o.origin.condition) return message({ condition: o.origin.condition });
  if (o.origin.fault) return code("fault", o.origin.fault);
  return t("work.by_person", { who: o.steps[0]?.by ?? "" });
}

/** The first words for an order that an alarm calls for. */
export const titleFor = (a: Alarm): string => `${machineTitle(a.machine)}: ${message(a)}`.slice(0, 200);

/** The longest edge of a photo that is sent, pixels: what a phone's screen shows, in a tenth of what its camera saves. */
const EDGE = 1_600;

/** A photo made small, and without what the camera wrote beside it (where it was taken, with which phone). */
export async function shrunk(file: Blob): Promise<Blob> {
  const picture = await createImageBitmap(file);
  const scale = Math.min(1, EDGE / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  canvas.getContext("2d")?.drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  return new Promise((done, failed) =>
    canvas.toBlob((b) => (b ? done(b) : failed(new Error(t("work.photo_unreadable")))), "image/jpeg", 0.85),
  );
}
