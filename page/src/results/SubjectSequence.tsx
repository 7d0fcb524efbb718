import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Hit, Hsp } from "../api/client";
import { isOf, subjectQuery, type Region } from "../api/queries";
import { count } from "../model/display";
import { Copy } from "../parts/Copy";
import { Download } from "../parts/Download";
import { addressOf } from "../parts/saving";
import { Loading, ProblemBox } from "../parts/Told";
import { NumberInput } from "../parts/Typed";
import { texts } from "../texts";

/** Number of letters shown on either side of the alignments. */
const AROUND = 50;
/** Maximum number of letters shown; longer sequences are downloads. */
const MOST_SHOWN = 100_000;
const ON_NUCLEOTIDES: ReadonlySet<string> = new Set(["blastn", "tblastn", "tblastx"]);

interface Shown {
  id: string;
  program: string;
  hit: Hit;
  hsps: readonly Hsp[];
}

/** The subject's sequence, read on request: the aligned region or the full length. */
export function SubjectSequence({ id, program, hit, hsps }: Shown) {
  const around = aroundOf(hit, hsps);
  const [region, setRegion] = useState<Region>(null);
  const [isOpen, setIsOpen] = useState(false);
  const { sequence } = texts.results;
  const open = (wanted: Region) => {
    setRegion(wanted);
    setIsOpen(true);
  };
  const { start, end, strand } = region ?? { start: 1, end: hit.length, strand: "plus" as const };
  const change = (changed: Partial<NonNullable<Region>>) => setRegion({ start, end, strand, ...changed });
  return (
    <section aria-label={sequence.title} className="stack subject-sequence">
      <div className="row wrap tight">
        <span className="quiet">{sequence.title}</span>
        <button type="button" className="small" onClick={() => open(around)}>
          {sequence.around}
        </button>
        <button type="button" className="small" onClick={() => open(null)}>
          {sequence.whole}
        </button>
        {isOpen && (
          <>
            <Place name={sequence.from} value={start} most={end} onChange={(to) => change({ start: to })} />
            <Place
              name={sequence.to}
              value={end}
              least={start}
              most={hit.length}
              onChange={(to) => change({ end: to })}
            />
            {ON_NUCLEOTIDES.has(program) && (
              <label className="row tight">
                <span className="quiet">{texts.results.strand}</span>
                <select value={strand} onChange={(event) => change({ strand: event.target.value as "plus" | "minus" })}>
                  <option value="plus">{texts.results.plus}</option>
                  <option value="minus">{texts.results.minus}</option>
                </select>
              </label>
            )}
            <button type="button" className="small" onClick={() => setIsOpen(false)}>
              {texts.close}
            </button>
          </>
        )}
      </div>
      {isOpen && <Letters id={id} hit={hit} region={region} letters={end - start + 1} />}
    </section>
  );
}

/** Returns the region of the alignments, with a margin on either side. */
function aroundOf(hit: Hit, hsps: readonly Hsp[]): Region {
  const places = hsps.flatMap((hsp) => [hsp.subject_start, hsp.subject_end]);
  const [low, high] = places.reduce(([low, high], at) => [Math.min(low, at), Math.max(high, at)], [hit.length, 1]);
  const isMinus = hsps[0] !== undefined && hsps[0].subject_start > hsps[0].subject_end;
  const [start, end] = [Math.max(1, low - AROUND), Math.min(hit.length, high + AROUND)];
  return { start, end, strand: isMinus ? "minus" : "plus" };
}

interface OnePlace {
  name: string;
  value: number;
  least?: number;
  most: number;
  onChange: (to: number) => void;
}

function Place({ name, value, least = 1, most, onChange }: OnePlace) {
  return (
    <label className="row tight">
      <span className="quiet">{name}</span>
      <NumberInput
        type="number"
        className="short"
        min={least}
        max={most}
        value={value}
        onNumber={(to) => {
          if (to !== undefined && Number.isInteger(to)) onChange(to);
        }}
      />
    </label>
  );
}

function Letters({ id, hit, region, letters }: { id: string; hit: Hit; region: Region; letters: number }) {
  const { sequence } = texts.results;
  const isShown = letters <= MOST_SHOWN;
  const found = useQuery({
    ...subjectQuery(id, hit.query, hit.rank, region),
    enabled: isShown,
    placeholderData: (known, before) => (isOf(before, "subject", id, hit.query, hit.rank) ? known : undefined),
  });
  const place = { query: String(hit.query), hit: String(hit.rank) };
  const values = region === null ? {} : { start: String(region.start), end: String(region.end), strand: region.strand };
  const address = addressOf(id, "subjects", { ...place, ...values });
  return (
    <>
      {!isShown && <p className="quiet">{sequence.long(count(letters))}</p>}
      {found.error !== null && <ProblemBox error={found.error} onRetry={() => void found.refetch()} />}
      {isShown && found.isPending && <Loading />}
      {found.data !== undefined && (
        <pre className="alignment letters" tabIndex={0} aria-label={sequence.title}>
          {found.data}
        </pre>
      )}
      <div className="row tight">
        {found.data !== undefined && <Copy text={found.data} />}
        <Download address={address}>{sequence.file}</Download>
      </div>
    </>
  );
}
