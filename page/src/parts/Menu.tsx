import { useEffect, useRef, type ReactNode } from "react";

interface Shown {
  label: ReactNode;
  name?: string;
  className?: string;
  children: ReactNode;
}

/** A button that opens a list of actions. Escape, a choice or a click elsewhere closes it. */
export function Menu({ label, name, className = "", children }: Shown) {
  const details = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const close = (event: Event) => {
      const menu = details.current;
      if (menu?.open !== true) return;
      if (event instanceof KeyboardEvent ? event.key === "Escape" : !menu.contains(event.target as HTMLElement)) {
        if (event instanceof KeyboardEvent) menu.querySelector("summary")?.focus();
        menu.open = false;
      }
    };
    document.addEventListener("click", close);
    document.addEventListener("keydown", close);
    return () => {
      document.removeEventListener("click", close);
      document.removeEventListener("keydown", close);
    };
  }, []);
  const choose = (event: React.MouseEvent) => {
    const chosen = event.target as HTMLElement;
    if (details.current !== null && chosen.closest("button, a") !== null) details.current.open = false;
  };
  return (
    <details ref={details} className={`menu ${className}`}>
      <summary aria-label={name}>{label}</summary>
      <div className="items" onClick={choose}>
        {children}
      </div>
    </details>
  );
}
