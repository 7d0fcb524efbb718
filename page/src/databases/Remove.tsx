import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { api, told, type Schemas } from "../api/client";
import { usesQuery } from "../api/queries";
import { Dialog } from "../parts/Dialog";
import { State } from "../parts/State";
import { Loading, ProblemBox } from "../parts/Told";
import { texts } from "../texts";

const { databases: words } = texts;

type Use = Schemas["UseOut"];

interface Asked {
  name: string;
  onClose: () => void;
  onDone: () => void;
}

/** Asks for confirmation of a removal, and lists the searches that use the database; these are cancelled only if chosen. */
export function Remove({ name, onClose, onDone }: Asked) {
  const use = useQuery(usesQuery(name));
  const [isForced, setIsForced] = useState(false);
  const remove = useMutation({
    mutationFn: (force: boolean) =>
      told(api.DELETE("/api/v1/databases/{name}", { params: { path: { name }, query: { force } } })),
    onSuccess: onClose,
    onError: () => void use.refetch(), // most likely a search began meanwhile
    onSettled: onDone,
  });
  return (
    <Dialog title={words.removeTitle(name)} onClose={onClose}>
      <p>{words.removeHelp}</p>
      {use.isPending && <Loading />}
      {use.error !== null && <ProblemBox error={use.error} onRetry={() => void use.refetch()} />}
      {use.data !== undefined && <Uses use={use.data} isForced={isForced} onForce={setIsForced} />}
      {remove.error !== null && <ProblemBox error={remove.error} />}
      <footer className="row">
        <span className="grow" />
        <button type="button" onClick={onClose}>
          {texts.cancel}
        </button>
        <button
          type="button"
          className="danger"
          disabled={use.data === undefined || remove.isPending || !mayRemove(use.data, isForced)}
          onClick={() => remove.mutate(isForced)}
        >
          {words.remove}
        </button>
      </footer>
    </Dialog>
  );
}

function isChanging(use: Use): boolean {
  return use.tasks.some((one) => one.kind !== "warm");
}

function mayRemove(use: Use, isForced: boolean): boolean {
  return !isChanging(use) && (use.searches + use.results === 0 || isForced);
}

interface Shown {
  use: Use;
  isForced: boolean;
  onForce: (isForced: boolean) => void;
}

function Uses({ use, isForced, onForce }: Shown) {
  if (isChanging(use)) return <p className="box warning slim">{words.beingChanged}</p>;
  if (use.searches + use.results === 0) return <p>{words.notInUse}</p>;
  return (
    <>
      {use.searches > 0 && <p>{words.inUse(use.searches)}</p>}
      <ul className="plain uses">
        {use.first.map((one) => (
          <li key={one.id} className="row wrap">
            <Link to="/searches/$id" params={{ id: one.id }} className="grow clip">
              {one.title}
            </Link>
            {one.owner !== null && <span className="quiet">{words.ofOwner(one.owner)}</span>}
            <State state={one.state} />
          </li>
        ))}
        {use.searches > use.first.length && <li>{words.inUseMore(use.searches - use.first.length)}</li>}
      </ul>
      {use.results > 0 && <p>{words.loses(use.results)}</p>}
      <label className="row tight">
        <input type="checkbox" checked={isForced} onChange={(event) => onForce(event.target.checked)} />
        {use.searches > 0 ? words.force : words.forceLoss}
      </label>
    </>
  );
}
