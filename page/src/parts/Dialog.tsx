import { useEffect, useRef, type ReactNode } from "react";
import { texts } from "../texts";

interface Shown {
  title: string;
  onClose: () => void;
  children: ReactNode;
}

/** A modal dialog. Closing it returns the focus to the element that opened it. */
export function Dialog({ title, onClose, children }: Shown) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const shown = dialog.current;
    const opener = document.activeElement as HTMLElement | null;
    shown?.showModal();
    return () => {
      shown?.close();
      (opener?.closest("details")?.querySelector("summary") ?? opener)?.focus();
    };
  }, []);
  return (
    <dialog ref={dialog} onClose={onClose} onCancel={onClose} aria-labelledby="dialog-title">
      <header>
        <h2 id="dialog-title">{title}</h2>
        <button type="button" className="icon" aria-label={texts.close} onClick={onClose}>
          ×
        </button>
      </header>
      {children}
    </dialog>
  );
}
