import { getRouteApi } from "@tanstack/react-router";
import { NumberInput, TypedInput } from "../parts/Typed";
import { texts } from "../texts";
import { isFiltered, NO_FILTER, type HitFilter } from "../model/filter";

const route = getRouteApi("/searches/$id");
const NUMBERS = [
  ["evalue", "≤", Number.MAX_VALUE],
  ["identity", "≥", 100],
  ["coverage", "≥", 100],
] as const;

/** The filter of the hits, which is part of the URL and applies with each key. */
export function Filters({ filter }: { filter: HitFilter }) {
  const navigate = route.useNavigate();
  const change = (changed: HitFilter) => void navigate({ search: (old) => ({ ...old, ...changed }), replace: true });
  const { filters } = texts.results;
  return (
    <div role="search" aria-label={filters.title} className="row wrap tight filters">
      <TypedInput
        type="search"
        className="wide"
        aria-label={texts.results.findHit}
        placeholder={texts.results.findHit}
        maxLength={200}
        value={filter.text ?? ""}
        onType={(text) => change({ text: text === "" ? undefined : text })}
      />
      <TypedInput
        type="search"
        aria-label={filters.organism}
        placeholder={filters.organism}
        title={filters.organismHelp}
        maxLength={200}
        value={filter.organism ?? ""}
        onType={(organism) => change({ organism: organism === "" ? undefined : organism })}
      />
      {NUMBERS.map(([name, sign, most]) => (
        <label key={name} className="row tight">
          <span className="quiet">
            {filters[name]} {sign}
          </span>
          <NumberInput
            className="short"
            aria-label={`${filters[name]} ${filters[sign]}`}
            value={filter[name]}
            min={0}
            max={most}
            onNumber={(value) => change({ [name]: value })}
          />
        </label>
      ))}
      {isFiltered(filter) && (
        <button type="button" className="link" onClick={() => change(NO_FILTER)}>
          {filters.clear}
        </button>
      )}
    </div>
  );
}
