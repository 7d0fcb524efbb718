import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { complain } from "../parts/actions";
import { api, told, type Scaling } from "../api/client";
import { count } from "../model/display";
import { announce } from "../parts/notices";
import { texts } from "../texts";

const { nodes: words } = texts;
const MOST = 10_000;

/** Numbers of nodes that are ready, requested and needed, with a control for administrators. */
export function Scale({ scaling, mayScale }: { scaling: Scaling; mayScale: boolean }) {
  if (!scaling.is_possible) {
    return (
      <section className="box slim" aria-label={words.scaling}>
        <strong>{words.fixed}</strong> {scaling.problem}
      </section>
    );
  }
  const { needed } = scaling;
  return (
    <section className="card scaling" aria-labelledby="scaling-title">
      <h2 id="scaling-title">{words.scaling}</h2>
      <dl className="facts-list inline">
        <Amount name={words.ready} value={scaling.ready} />
        <Amount name={words.asked} value={scaling.asked} />
        <Amount name={words.needed} value={needed?.nodes ?? null} />
        <Amount name={words.most} value={scaling.most} />
      </dl>
      {needed !== null && <p className="quiet">{words.why(needed)}</p>}
      <p className="quiet">{words.idle(scaling.idle_minutes ?? 0)}</p>
      {scaling.problem !== null && <p className="mend">{scaling.problem}</p>}
      {mayScale && <Control asked={scaling.asked ?? 0} least={needed?.nodes ?? 0} most={scaling.most ?? MOST} />}
    </section>
  );
}

function Amount({ name, value }: { name: string; value: number | null }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value === null ? words.unknown : count(value)}</dd>
    </div>
  );
}

function Control({ asked, least, most }: { asked: number; least: number; most: number }) {
  const [written, setWritten] = useState<string | null>(null);
  const scale = useMutation({
    mutationFn: (nodes: number) => told(api.POST("/api/v1/nodes/scaling", { body: { nodes } })),
    onSuccess: (_, nodes) => {
      setWritten(null);
      announce({ text: words.scaled(count(nodes)) });
    },
    onError: complain,
  });
  const wanted = written ?? String(asked);
  return (
    <form
      className="row wrap"
      onSubmit={(event) => {
        event.preventDefault();
        scale.mutate(Number(wanted));
      }}
    >
      <label className="row tight">
        {words.number}
        <input
          type="number"
          required
          min={least}
          max={most}
          step={1}
          value={wanted}
          onChange={(event) => setWritten(event.target.value)}
        />
      </label>
      <button type="submit" className="primary" disabled={scale.isPending || wanted === String(asked)}>
        {words.change}
      </button>
      <small className="quiet">{words.changeHelp}</small>
    </form>
  );
}
