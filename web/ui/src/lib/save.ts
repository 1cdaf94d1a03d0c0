/** What is seen, as files. */

/** A table of numbers as CSV (RFC 4180), with its units in the head. */
export function csv(head: string[], columns: ArrayLike<number>[]): string {
  const lines = [head.map(cell).join(",")];
  const n = Math.max(0, ...columns.map((c) => c.length));
  for (let i = 0; i < n; i++) lines.push(columns.map((c) => (i < c.length ? String(c[i]) : "")).join(","));
  return `${lines.join("\r\n")}\r\n`;
}

const cell = (s: string): string => (/[",\r\n]/.test(s) ? `"${s.replaceAll('"', '""')}"` : s);

/** Nothing in it that a file system takes for more than a letter. */
export const fileName = (...parts: string[]): string =>
  parts.filter(Boolean).join("_").replace(/[^\p{L}\p{N}._-]+/gu, "_").replace(/^\.+/, "");

/** Hands `blob` to the browser's downloads. */
export function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const a = document.createElement("a");
  a.href = url;
  a.download = name;
  a.click();
  // The download has the content by then; without this the tab would keep it.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

export const saveText = (text: string, name: string): void =>
  save(new Blob([`\ufeff${text}`], { type: "text/csv;charset=utf-8" }), name);

/** The canvases one over the other on the page's ground, under `title`, as a PNG. */
export function savePicture(canvases: HTMLCanvasElement[], title: string, look: { ground: string; ink: string; font: string }, name: string): void {
  const first = canvases[0];
  if (!first) return;
  const head = Math.round(26 * devicePixelRatio);
  const out = document.createElement("canvas");
  out.width = first.width;
  out.height = first.height + head;
  const ctx = out.getContext("2d");
  if (!ctx) return;
  ctx.fillStyle = look.ground;
  ctx.fillRect(0, 0, out.width, out.height);
  ctx.fillStyle = look.ink;
  ctx.font = look.font;
  ctx.textBaseline = "middle";
  ctx.fillText(title, 6 * devicePixelRatio, head / 2);
  for (const c of canvases) ctx.drawImage(c, 0, head);
  out.toBlob((blob) => blob && save(blob, name), "image/png");
}
