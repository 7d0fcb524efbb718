import { asFasta, type Survey } from "../model/fasta";
import { plural } from "../model/display";
import { texts } from "../texts";
import { NOTHING, type Given } from "./draft";
import { ChooseFile, TextOrFile } from "./TextOrFile";

/** Example queries: part of the 16S rRNA gene of Escherichia coli, and human haemoglobin subunit beta. */
const DNA = `>example 16S rRNA gene of Escherichia coli, in part
AAATTGAAGAGTTTGATCATGGCTCAGATTGAACGCTGGCGGCAGGCCTAACACATGCAA
GTCGAACGGTAACAGGAAGAAGCTTGCTTCTTTGCTGACGAGTGGCGGACGGGTGAGTAA
TGTCTGGGAAACTGCCTGATGGAGGGGGATAACTACTGGAAACGGTAGCTAATACCGCAT
AACGTCGCAAGACCAAAGAGGGGGACCTTCGGGCCTCTTGCCATCGGATGTGCCCAGATG
GGATTAGCTAGTAGGTGGGGTAACGGCTCACCTAGGCGACGATCCCTAGCTGGTCTGAGA
GGATGACCAGCCACACTGGAACTGAGACACGGTCCAGACTCCTACGGGAGGCAGCAGTGG
GGAATATTGCACAATGGGCGCAAGCCTGATGCAGCCATGCCGCGTGTATGAAGAAGGCCT
`;

const PROTEIN = `>example haemoglobin subunit beta, human
MVHLTPEEKSAVTALWGKVNVDEVGGEALGRLLVVYPWTQRFFESFGDLSTPDAVMGNPK
VKAHGKKVLGAFSDGLAHLDNLKGTFATLSELHCDKLHVDPENFRLLGNVLACVLAHHFG
KEFTPPVQAAYQKVVAGVANALAHKYH
`;

interface Shown {
  given: Given;
  survey: Survey | null;
  problems: readonly string[];
  onChange: (given: Given) => void;
}

export function QueryField({ given, survey, problems, onChange }: Shown) {
  const { text, file } = given;
  return (
    <section className="card" aria-labelledby="query-title">
      <header className="row">
        <h2 id="query-title">{texts.new.query}</h2>
        <Counts survey={survey} isPacked={file !== null && survey === null} />
      </header>
      <TextOrFile
        label={texts.new.query}
        helpId="query-help"
        rows={9}
        placeholder={texts.new.placeholder}
        given={given}
        isWrong={problems.length > 0}
        onChange={onChange}
        kept={asFasta}
      />
      <footer className="row wrap">
        <ChooseFile onChange={onChange} />
        <span className="quiet">{texts.new.examples}</span>
        <button type="button" className="link" onClick={() => onChange({ text: DNA, file: null })}>
          {texts.new.exampleDna}
        </button>
        <button type="button" className="link" onClick={() => onChange({ text: PROTEIN, file: null })}>
          {texts.new.exampleProtein}
        </button>
        {text !== "" && (
          <button type="button" className="link" onClick={() => onChange(NOTHING)}>
            {texts.new.clear}
          </button>
        )}
      </footer>
      <small id="query-help">
        {text.trim() !== "" && !text.trimStart().startsWith(">") ? texts.new.noTitle : texts.new.queryHelp}
      </small>
      {problems.map((one) => (
        <p key={one} className="mend">
          {one}
        </p>
      ))}
    </section>
  );
}

function Counts({ survey, isPacked }: { survey: Survey | null; isPacked: boolean }) {
  if (isPacked) return <span className="quiet">{texts.new.countedByService}</span>;
  if (survey === null || survey.queries === 0) return <span className="quiet">{texts.new.none}</span>;
  const { bases, residues } = texts.counts;
  return (
    <span className="counts">
      <strong>{plural(survey.queries, ...texts.counts.queries)}</strong> ·{" "}
      {plural(survey.letters, ...(survey.molecule === "protein" ? residues : bases))}
      {survey.molecule !== null && <span className={`tag ${survey.molecule}`}>{survey.molecule}</span>}
    </span>
  );
}
