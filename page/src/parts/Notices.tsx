import { useSyncExternalStore } from "react";
import { texts } from "../texts";
import { close, dismiss, notices } from "./notices";

export function Notices() {
  const shown = useSyncExternalStore(notices.subscribe, notices.get);
  return (
    <div className="notices" role="status" aria-live="polite">
      {shown.map((one) => (
        <div key={one.id} className={one.isProblem === true ? "notice problem" : "notice"}>
          <span>{one.text}</span>
          {one.action !== undefined && (
            <button
              type="button"
              className="link"
              onClick={() => {
                one.action?.run();
                dismiss(one.id);
              }}
            >
              {one.action.label}
            </button>
          )}
          <button type="button" className="icon" aria-label={texts.close} onClick={() => close(one.id)}>
            ×
          </button>
        </div>
      ))}
    </div>
  );
}
