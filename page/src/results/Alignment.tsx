import { memo } from "react";
import type { Hsp } from "../api/client";
import { lines } from "../model/alignment";
import { count, evalue, score } from "../model/display";
import { texts } from "../texts";

interface Shown {
  program: string;
  hsp: Hsp;
  /** Number of HSPs of the hit. */
  of: number;
  onGo: (number: number) => void;
}

const NO_FRAMES = 0;

/** An HSP as BLAST+ prints it. */
export const Alignment = memo(function Alignment({ program, hsp, of, onGo }: Shown) {
  const isProtein = program !== "blastn";
  const width = String(Math.max(hsp.query_start, hsp.query_end, hsp.subject_start, hsp.subject_end)).length;
  const label = Math.max(texts.results.query.length, texts.results.sbjct.length);
  const step = (by: number) => onGo(hsp.number + by);
  const left = (name: string, place: number) => `${name.padEnd(label)}  ${String(place).padStart(width)}  `;
  return (
    <section className="hsp" aria-label={texts.results.hsp(count(hsp.number + 1), count(of))}>
      <header className="row wrap">
        <h3>{texts.results.hsp(count(hsp.number + 1), count(of))}</h3>
        <span className="quiet">
          {count(hsp.subject_start)} – {count(hsp.subject_end)}
        </span>
        <span className="grow" />
        {of > 1 && (
          <>
            <Step label={texts.results.previousHsp} sign="↑" isLast={hsp.number === 0} onStep={() => step(-1)} />
            <Step label={texts.results.nextHsp} sign="↓" isLast={hsp.number >= of - 1} onStep={() => step(1)} />
          </>
        )}
      </header>
      <Facts hsp={hsp} isProtein={isProtein} />
      <pre className="alignment" tabIndex={0}>
        {lines(hsp).map((line) => (
          <span key={`${line.queryFrom} ${line.subjectFrom} ${line.queryTo}`} className="line-of-three">
            {left(texts.results.query, line.queryFrom)}
            <Letters row={line.query} middle={line.middle} />
            {`  ${line.queryTo}\n${" ".repeat(label + width + 4)}`}
            <span className="middle">{line.middle}</span>
            {`\n${left(texts.results.sbjct, line.subjectFrom)}`}
            <Letters row={line.subject} middle={line.middle} />
            {`  ${line.subjectTo}\n\n`}
          </span>
        ))}
      </pre>
    </section>
  );
});

function Step(shown: { label: string; sign: string; isLast: boolean; onStep: () => void }) {
  return (
    <button type="button" className="small" aria-label={shown.label} disabled={shown.isLast} onClick={shown.onStep}>
      {shown.sign}
    </button>
  );
}

/** Letters in which runs that differ are marked. */
function Letters({ row, middle }: { row: string; middle: string }) {
  const runs: { text: string; isAlike: boolean; at: number }[] = [];
  for (let at = 0; at < row.length; at += 1) {
    const isAlike = middle[at] !== " " && middle[at] !== "+";
    const last = runs.at(-1);
    if (last?.isAlike === isAlike) last.text += row[at] ?? "";
    else runs.push({ text: row[at] ?? "", isAlike, at });
  }
  return runs.map((run) => (run.isAlike ? run.text : <b key={run.at}>{run.text}</b>));
}

function Facts({ hsp, isProtein }: { hsp: Hsp; isProtein: boolean }) {
  const of = (number: number) => `${count(number)}/${count(hsp.length)} (${((100 * number) / hsp.length).toFixed(0)}%)`;
  const facts: [string, string][] = [
    [texts.results.score, `${score(hsp.bit_score)} ${texts.results.bits} (${count(hsp.raw_score)})`],
    [texts.results.expect, evalue(hsp.evalue)],
    [texts.results.identities, of(hsp.identities)],
    ...(isProtein ? [[texts.results.positives, of(hsp.positives)] as [string, string]] : []),
    [texts.results.gaps, of(hsp.gaps)],
    isProtein ? [texts.results.frame, frames(hsp)] : [texts.results.strand, strands(hsp)],
  ];
  return (
    <dl className="hsp-facts">
      {facts
        .filter(([, value]) => value !== "")
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

function frames({ query_frame: query, subject_frame: subject }: Hsp): string {
  return [query, subject]
    .filter((one) => one !== NO_FRAMES)
    .map((one) => (one > 0 ? `+${one}` : `${one}`))
    .join("/");
}

function strands(hsp: Hsp): string {
  const name = (start: number, end: number) => (end >= start ? texts.results.plus : texts.results.minus);
  return `${name(hsp.query_start, hsp.query_end)}/${name(hsp.subject_start, hsp.subject_end)}`;
}
