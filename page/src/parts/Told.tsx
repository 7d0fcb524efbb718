/** Boxes for problems, empty lists, loading and lost connections. */
import type { ReactNode } from "react";
import { Problem } from "../api/client";
import type { Connection } from "../api/events";
import { texts } from "../texts";

export function ProblemBox({ error, onRetry }: { error: Error; onRetry?: () => void }) {
  const [detail, remedy] = error instanceof Problem ? [error.detail, error.remedy] : [texts.failed, error.message];
  return (
    <div className="box problem" role="alert">
      <strong>{detail}</strong>
      {remedy !== "" && <p>{remedy}</p>}
      {onRetry !== undefined && (
        <button type="button" onClick={onRetry}>
          {texts.retryLoad}
        </button>
      )}
    </div>
  );
}

export function Empty({ title, help, children }: { title: string; help: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <p className="title">{title}</p>
      <p>{help}</p>
      {children}
    </div>
  );
}

export function Loading() {
  return (
    <p className="loading" role="status">
      {texts.loading}
    </p>
  );
}

/** Warns when the view no longer follows the service. */
export function ConnectionState({ connection }: { connection: Connection }) {
  return (
    <div role="status" aria-live="polite" className="live">
      {connection === "lost" && <div className="box warning slim">{texts.connection.lost}</div>}
      {connection === "refused" && <div className="box problem slim">{texts.connection.refused}</div>}
    </div>
  );
}
