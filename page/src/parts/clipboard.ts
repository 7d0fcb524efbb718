/** The clipboard, which browsers give to pages of plain http only by the way of a selection. */

/** Copies text; returns whether the browser let it. */
export async function copy(text: string, beside: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text, beside);
  }
}

/** Copies text from a field that is there for a moment, beside what has the focus: a dialog keeps the focus in it. */
function copyBySelection(text: string, beside: HTMLElement): boolean {
  const field = document.createElement("textarea");
  field.className = "hidden";
  field.value = text;
  beside.after(field);
  field.select();
  // Deprecated, but all that there is without https.
  // eslint-disable-next-line @typescript-eslint/no-deprecated
  const isCopied = document.execCommand("copy");
  field.remove();
  beside.focus();
  return isCopied;
}
