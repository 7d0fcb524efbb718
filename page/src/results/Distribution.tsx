import { useQuery } from "@tanstack/react-query";
import { spansQuery } from "../api/queries";
import { bins, powerOfTen, type Bin } from "../model/bins";
import { count } from "../model/display";
import { Loading, ProblemBox } from "../parts/Told";
import { texts } from "../texts";
import type { OfQuery } from "./hits";

const BINS = 20;
const WIDTH = 400;
const HEIGHT = 140;

/** Histograms of the HSPs and hits of a query. */
export function Distribution({ search, query }: OfQuery) {
  const spans = useQuery(spansQuery(search.id, query.number));
  if (spans.error !== null) return <ProblemBox error={spans.error} onRetry={() => void spans.refetch()} />;
  if (spans.data === undefined) return <Loading />;
  const { distribution: names } = texts.results;
  const percent: [number, number] = [0, 100];
  return (
    <section aria-label={texts.search.views["distribution"]} className="plots">
      {!spans.data.is_whole && <p className="quiet">{texts.results.counted(count(spans.data.rank.length))}</p>}
      <Plot name={names.identity} unit={names.hsps} bins={bins(spans.data.identity, BINS, percent)} />
      <Plot name={names.evalue} unit={names.hsps} bins={bins(spans.data.evalue.map(powerOfTen), BINS)} />
      <Plot name={names.length} unit={names.hsps} bins={bins(spans.data.length, BINS)} />
      <Plot name={names.coverage} unit={names.hits} bins={bins(spans.data.coverage, BINS, percent)} />
    </section>
  );
}

function Plot({ name, unit, bins: all }: { name: string; unit: string; bins: readonly Bin[] }) {
  const most = Math.max(1, ...all.map((bin) => bin.count));
  const step = WIDTH / Math.max(all.length, 1);
  const [first, last] = [all[0], all.at(-1)];
  return (
    <figure className="card plot">
      <figcaption>
        <strong>{name}</strong>
        <span className="quiet">
          {unit}, ≤ {count(most)}
        </span>
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`${name}: ${all.map(told).join("; ")}`}>
        {all.map((bin, at) => {
          const height = (bin.count / most) * (HEIGHT - 4);
          return (
            <rect key={bin.from} x={at * step + 1} y={HEIGHT - height} width={step - 2} height={height}>
              <title>{told(bin)}</title>
            </rect>
          );
        })}
        <line x1={0} x2={WIDTH} y1={HEIGHT} y2={HEIGHT} />
      </svg>
      <div className="row quiet">
        <span>{first === undefined ? "" : round(first.from)}</span>
        <span className="grow" />
        <span>{last === undefined ? "" : round(last.to)}</span>
      </div>
    </figure>
  );
}

function told(bin: Bin): string {
  return `${round(bin.from)} – ${round(bin.to)}: ${count(bin.count)}`;
}

function round(value: number): string {
  return Math.abs(value) < 10 && !Number.isInteger(value) ? value.toFixed(1) : count(Math.round(value));
}
