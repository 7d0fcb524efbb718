import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import type { Format, Search } from "../api/client";
import { useFormats } from "../api/queries";
import { count } from "../model/display";
import { numbersOf } from "../model/numbers";
import { Download } from "../parts/Download";
import { Menu } from "../parts/Menu";
import { addressOf } from "../parts/saving";
import { texts } from "../texts";

const route = getRouteApi("/searches/$id");
type Scope = "all" | "one" | "some";

/** Downloads of the result in every format, for all queries, the current one, or the selected ones. */
export function Downloads({ search }: { search: Search }) {
  const { query = 0, selected } = route.useSearch();
  const [wanted, setScope] = useState<Scope>("all");
  const scope = wanted === "some" && selected === undefined ? "all" : wanted;
  const [columns, setColumns] = useState("");
  const { downloads } = texts.results;
  const queries: Record<Scope, string | undefined> = { all: undefined, one: String(query), some: selected };
  const of = queries[scope] === undefined ? {} : { query: queries[scope] };
  const formats = useFormats(search);
  const address = (format: Format) => {
    const outfmt = `${format.number} ${format.columns.length > 0 ? columns : ""}`.trim();
    return addressOf(search.id, "results", { outfmt, ...of });
  };
  const scopes: [Scope, string][] = [
    ["all", downloads.all],
    ["one", downloads.one],
    ...(selected === undefined ? [] : [["some", downloads.some(count(numbersOf(selected).size))] as [Scope, string]]),
  ];
  return (
    <Menu label={texts.search.download} className="right labelled downloads">
      {search.queries > 1 && (
        <div role="group" aria-label={downloads.scope} className="row wrap tight">
          {scopes.map(([name, label]) => (
            <label key={name} className="row tight">
              <input type="radio" name="scope" checked={scope === name} onChange={() => setScope(name)} />
              {label}
            </label>
          ))}
        </div>
      )}
      {formats.map((format) => (
        <Download key={format.number} address={address(format)}>
          <FormatName format={format} />
        </Download>
      ))}
      <Download address={addressOf(search.id, "subjects", of)}>{downloads.subjects}</Download>
      <Download address={addressOf(search.id, "query", {})}>{downloads.queries}</Download>
      <label className="field">
        <span>{downloads.columns}</span>
        <input
          type="text"
          placeholder="std"
          title={downloads.columnsHelp}
          value={columns}
          onChange={(event) => setColumns(event.target.value)}
        />
      </label>
    </Menu>
  );
}

/** A format's name, and its number in BLAST+. */
export function FormatName({ format }: { format: Format }) {
  return (
    <>
      <span>
        {format.name} <small>.{format.suffix}</small>
      </span>
      <code>{format.number}</code>
    </>
  );
}
