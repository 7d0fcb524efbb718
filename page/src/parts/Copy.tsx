import { useState } from "react";
import { texts } from "../texts";
import { announce } from "./notices";

const SHOWN_MS = 1500;

export function Copy({ text, label = texts.copy }: { text: string; label?: string }) {
  const [isCopied, setIsCopied] = useState(false);
  const run = async (beside: HTMLElement) => {
    if (!(await copy(text, beside))) {
      announce({ text: texts.copyFailed, isProblem: true });
      return;
    }
    setIsCopied(true);
    setTimeout(() => setIsCopied(false), SHOWN_MS);
  };
  return (
    <button type="button" className="small" onClick={(event) => void run(event.currentTarget)}>
      <span aria-live="polite">{isCopied ? texts.copied : label}</span>
    </button>
  );
}

export function Command({ text, label }: { text: string; label: string }) {
  return (
    <figure className="command">
      <figcaption>
        {label} <Copy text={text} />
      </figcaption>
      <code tabIndex={0} role="textbox" aria-readonly="true" aria-label={label}>
        {text.split(" ").flatMap((word, at) => [...(at === 0 ? [] : [" "]), <span key={at}>{word}</span>])}
      </code>
    </figure>
  );
}

/** Copies text and returns whether that worked. Over plain HTTP, pages may copy only a selection. */
async function copy(text: string, beside: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text, beside);
  }
}

/** Copies text by a temporary field beside the focused element, since a dialog keeps the focus inside. */
function copyBySelection(text: string, beside: HTMLElement): boolean {
  const field = document.createElement("textarea");
  field.className = "hidden";
  field.value = text;
  beside.after(field);
  field.select();
  // Deprecated, but the only way without HTTPS.
  // eslint-disable-next-line @typescript-eslint/no-deprecated
  const isCopied = document.execCommand("copy");
  field.remove();
  beside.focus();
  return isCopied;
}
