import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, told, type Schemas } from "../api/client";
import { Dialog } from "../parts/Dialog";
import { ProblemBox } from "../parts/Told";
import { texts } from "../texts";

const { databases: words } = texts;
const SOURCES = ["blast", "fasta", "ncbi", "other"] as const;

const NOTHING = {
  kind: "blast" as (typeof SOURCES)[number],
  name: "",
  source: "",
  copy: false,
  replace: false,
  base: "",
  molecule: "" as "" | "nucleotide" | "protein",
  title: "",
  taxidMap: "",
};
type Written = typeof NOTHING;

export function AddDatabase({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const [written, setWritten] = useState(NOTHING);
  const change = (changed: Partial<Written>) => {
    add.reset(); // hides the error of the former values
    setWritten({ ...written, ...changed });
  };
  const add = useMutation({
    mutationFn: () => told(api.POST("/api/v1/databases", { body: bodyOf(written) })),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["databases"] });
      void client.invalidateQueries({ queryKey: ["tasks"] });
      onClose();
    },
  });
  return (
    <Dialog title={words.add} onClose={onClose}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          add.mutate();
        }}
      >
        <div role="radiogroup" aria-label={words.source} className="segments">
          {SOURCES.map((kind) => (
            <label key={kind} className={written.kind === kind ? "segment chosen" : "segment"}>
              <input type="radio" name="kind" checked={written.kind === kind} onChange={() => change({ kind })} />
              {words.sources[kind]}
            </label>
          ))}
        </div>
        <Text
          label={words.source}
          help={words.sourceHelp[written.kind]}
          value={written.source}
          onChange={(source) => change({ source })}
          isNeeded
        />
        <Text label={words.name} value={written.name} onChange={(name) => change({ name })} isNeeded />
        {written.kind === "blast" && (
          <Choice label={words.copy} value={written.copy} onChange={(copy) => change({ copy })} />
        )}
        {written.kind === "fasta" && <OfFasta written={written} onChange={change} />}
        {written.kind === "ncbi" && (
          <Text label={words.base} help={words.baseHelp} value={written.base} onChange={(base) => change({ base })} />
        )}
        <Choice label={words.replace} value={written.replace} onChange={(replace) => change({ replace })} />
        {add.error !== null && <ProblemBox error={add.error} />}
        <footer className="row">
          <span className="grow" />
          <button type="button" onClick={onClose}>
            {texts.cancel}
          </button>
          <button className="primary" disabled={add.isPending}>
            {words.submit}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

function bodyOf(written: Written): Schemas["DatabaseIn"] {
  const isFasta = written.kind === "fasta";
  const source = written.source.trim();
  return {
    name: written.name.trim(),
    source: written.kind === "ncbi" && !source.startsWith("ncbi:") ? `ncbi:${source}` : source,
    copy: written.kind === "blast" && written.copy,
    replace: written.replace,
    molecule: isFasta && written.molecule !== "" ? written.molecule : null,
    title: isFasta ? written.title : "",
    taxid_map: isFasta && written.taxidMap.trim() !== "" ? written.taxidMap.trim() : null,
    base: written.kind === "ncbi" && written.base.trim() !== "" ? written.base.trim() : null,
  };
}

function OfFasta({ written, onChange }: { written: Written; onChange: (changed: Partial<Written>) => void }) {
  return (
    <>
      <label className="field">
        <span>{words.columns.molecule}</span>
        <select
          value={written.molecule}
          onChange={(event) => onChange({ molecule: event.target.value as Written["molecule"] })}
        >
          <option value="">{words.moleculeAuto}</option>
          <option value="nucleotide">{texts.molecules["nucleotide"]}</option>
          <option value="protein">{texts.molecules["protein"]}</option>
        </select>
      </label>
      <Text label={words.jobTitle} value={written.title} onChange={(title) => onChange({ title })} />
      <Text label={words.taxidMap} value={written.taxidMap} onChange={(taxidMap) => onChange({ taxidMap })} />
    </>
  );
}

interface Field {
  label: string;
  help?: string | undefined;
  value: string;
  isNeeded?: boolean;
  onChange: (value: string) => void;
}

function Text({ label, help, value, isNeeded = false, onChange }: Field) {
  return (
    <label className="field">
      <span>{label}</span>
      <input
        type="text"
        autoComplete="off"
        spellCheck={false}
        required={isNeeded}
        value={value}
        onChange={(event) => onChange(event.target.value)}
      />
      {help !== undefined && <small>{help}</small>}
    </label>
  );
}

function Choice({ label, value, onChange }: { label: string; value: boolean; onChange: (to: boolean) => void }) {
  return (
    <label className="row tight">
      <input type="checkbox" checked={value} onChange={(event) => onChange(event.target.checked)} />
      {label}
    </label>
  );
}
