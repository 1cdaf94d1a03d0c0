/**
 * Copies `text`. Plain HTTP on a LAN is no secure context and has no clipboard: then the text is selected and the
 * browser's old command is tried; where even that is refused, it stays selected for Ctrl-C. Says whether it was copied.
 */
export async function copy(text: string, box: HTMLTextAreaElement | HTMLInputElement | null): Promise<boolean> {
  if (globalThis.isSecureContext && navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Not permitted: the old way.
    }
  }
  if (!box) return false;
  box.focus();
  box.select();
  box.setSelectionRange(0, text.length);
  try {
    return document.execCommand("copy");
  } catch {
    return false;
  }
}
