import { complain } from "../parts/actions";
import { Problem, type Search } from "../api/client";
import { useFormats, type HitsAsked } from "../api/queries";
import { count } from "../model/display";
import { written } from "../model/numbers";
import { Menu } from "../parts/Menu";
import { addressOf, download, read, saveText } from "../parts/saving";
import { texts } from "../texts";
import { isFiltered } from "../model/filter";
import { FormatName } from "./Downloads";
import { ALIGNED, alignedFasta, allHits, hitsCsv } from "./hits";

interface Shown {
  search: Search;
  asked: HitsAsked;
  selected: ReadonlySet<number>;
}

/** Downloads of the selected hits; without a selection, of all hits that match the filter. */
export function HitDownloads({ search, asked, selected }: Shown) {
  const { downloads } = texts.results;
  const formats = useFormats(search);
  const hits = async () => {
    if (selected.size === 0) return allHits(search.id, asked);
    return (await allHits(search.id, { ...asked, filter: {} })).filter((hit) => selected.has(hit.rank));
  };
  const ranks = async () => {
    if (selected.size > 0) return written(selected);
    return isFiltered(asked.filter) ? written((await hits()).map((hit) => hit.rank)) : null;
  };
  const query = String(asked.query);
  const selection = async () => {
    const hit = await ranks();
    if (hit === "") throw new Problem(0, "empty", texts.results.noHit, "");
    return { query, hit };
  };
  const printed = async (what: string, values: Record<string, string>) => {
    const named = await selection();
    if (named.hit === null) await download(addressOf(search.id, what, { ...values, query }));
    else await download(addressOf(search.id, what, values), named);
  };
  const aligned = async () => {
    const table = await read(addressOf(search.id, "results", { outfmt: ALIGNED }), await selection());
    saveText("aligned.fa", alignedFasta(await table.text()), "text/plain");
  };
  const act = (work: () => Promise<void>) => () => void work().catch(complain);
  const label = selected.size > 0 ? downloads.selected(count(selected.size)) : downloads.hits;
  return (
    <Menu label={label} className="right labelled downloads">
      <button type="button" onClick={act(async () => saveText("hits.csv", hitsCsv(await hits()), "text/csv"))}>
        {texts.results.csv}
      </button>
      <button type="button" onClick={act(aligned)}>
        {texts.results.alignedFasta}
      </button>
      <button type="button" onClick={act(() => printed("subjects", {}))}>
        {texts.results.fullFasta}
      </button>
      {formats.map((format) => (
        <button
          key={format.number}
          type="button"
          onClick={act(() => printed("results", { outfmt: String(format.number) }))}
        >
          <FormatName format={format} />
        </button>
      ))}
    </Menu>
  );
}
