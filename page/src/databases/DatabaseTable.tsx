import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { complain } from "../parts/actions";
import { api, told, type Database } from "../api/client";
import { bytes, compact, count, percent } from "../model/display";
import { Menu } from "../parts/Menu";
import { Meter } from "../parts/Meter";
import { announce } from "../parts/notices";
import { texts } from "../texts";
import { Plan } from "./Plan";
import { Remove } from "./Remove";

const { databases: words } = texts;
/** How long the notice of an available update is shown. */
const OFFER_MS = 20_000;

export function DatabaseTable({ databases, mayChange }: { databases: readonly Database[]; mayChange: boolean }) {
  return (
    <div className="wide-table">
      <table aria-label={texts.nav.databases}>
        <thead>
          <tr>
            <th scope="col">{words.columns.name}</th>
            <th scope="col">{words.columns.molecule}</th>
            <th scope="col" className="number">
              {words.columns.sequences}
            </th>
            <th scope="col" className="number">
              {words.columns.letters}
            </th>
            <th scope="col" className="number">
              {words.columns.size}
            </th>
            <th scope="col">{words.columns.disk}</th>
            <th scope="col">{words.columns.memory}</th>
            <th scope="col">
              <span className="hidden">{words.columns.actions}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {databases.map((one) => (
            <Row key={one.name} one={one} mayChange={mayChange} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ one, mayChange }: { one: Database; mayChange: boolean }) {
  return (
    <tr>
      <td>
        <strong>{one.name}</strong>
        <span className="quiet block">{one.title}</span>
        <small className="block">
          {words.date} {one.date} · {one.volumes === 1 ? words.oneVolume : words.volumes(count(one.volumes))} ·{" "}
          <span title={`${words.generation} ${one.generation}`}>{one.generation.slice(0, 12)}</span>
        </small>
        {one.here.problem !== null && <p className="mend">{one.here.problem}</p>}
      </td>
      <td>
        <span className={`tag ${one.molecule}`}>{one.molecule}</span>
      </td>
      <td className="number" title={count(one.num_seqs)}>
        {compact(one.num_seqs)}
      </td>
      <td className="number" title={count(one.letters)}>
        {compact(one.letters)}
      </td>
      <td className="number">{bytes(one.size_bytes)}</td>
      <td>
        {one.in_place ? (
          words.inPlace
        ) : (
          <Share done={one.here.staged_bytes} of={one.size_bytes} name={words.columns.disk} nodes={one.here.nodes} />
        )}
      </td>
      <td>
        {one.here.resident_bytes === null ? (
          <span className="quiet">{words.unknown}</span>
        ) : (
          <Share
            done={one.here.resident_bytes}
            of={one.here.mapped_bytes}
            name={words.columns.memory}
            nodes={one.here.nodes}
          />
        )}
      </td>
      <td className="actions">
        <Actions one={one} mayChange={mayChange} />
      </td>
    </tr>
  );
}

interface Measured {
  done: number;
  of: number;
  name: string;
  nodes: number | null;
}

function Share({ done, of, name, nodes }: Measured) {
  const share = of === 0 ? 1 : done / of;
  return (
    <span className="progress">
      <Meter share={share} label={name} />
      <small>
        {percent(share)}, {bytes(done)}
        {nodes !== null && ` ${nodes === 1 ? words.onOneNode : words.onNodes(count(nodes))}`}
      </small>
    </span>
  );
}

function Actions({ one, mayChange }: { one: Database; mayChange: boolean }) {
  const client = useQueryClient();
  const [shown, setShown] = useState<"remove" | "plan" | null>(null);
  const place = { params: { path: { name: one.name } } };
  const again = () => {
    void client.invalidateQueries({ queryKey: ["databases"] });
    void client.invalidateQueries({ queryKey: ["tasks"] });
  };
  const shared = { onSettled: again, onError: complain };
  const warm = useMutation({ mutationFn: () => told(api.POST("/api/v1/databases/{name}/warm", place)), ...shared });
  const update = useMutation({
    mutationFn: () => told(api.POST("/api/v1/databases/{name}/update", place)),
    ...shared,
    onSuccess: (found) => {
      if ("generation" in found && found.generation === one.generation) announce({ text: words.upToDate(one.name) });
    },
  });
  const check = useMutation({
    mutationFn: () => told(api.GET("/api/v1/databases/{name}/updates", place)),
    onError: complain,
    onSuccess: (found) => {
      if (!found.is_newer) announce({ text: words.upToDate(one.name) });
      else
        announce({
          text: words.newer(one.name, found.current, found.offered),
          lasts: OFFER_MS,
          action: { label: words.update, run: () => update.mutate() },
        });
    },
  });
  return (
    <>
      <Menu label="⋯" name={texts.searches.actionsOf(one.name)} className="right">
        <Link to="/new" search={{ database: one.name }}>
          {words.search}
        </Link>
        <button type="button" onClick={() => warm.mutate()}>
          {words.warm}
        </button>
        <button type="button" onClick={() => setShown("plan")}>
          {words.plan}
        </button>
        {mayChange && (
          <button type="button" onClick={() => check.mutate()}>
            {words.checkUpdates}
          </button>
        )}
        {mayChange && (
          <button type="button" onClick={() => update.mutate()}>
            {words.update}
          </button>
        )}
        {mayChange && (
          <button type="button" className="danger" onClick={() => setShown("remove")}>
            {words.remove}
          </button>
        )}
      </Menu>
      {shown === "plan" && <Plan name={one.name} onClose={() => setShown(null)} />}
      {shown === "remove" && <Remove name={one.name} onClose={() => setShown(null)} onDone={again} />}
    </>
  );
}
