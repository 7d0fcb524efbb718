/** Counts and molecule of queries, determined in the browser by the service's rules. */

export type Molecule = "nucleotide" | "protein";

export interface Survey {
  queries: number;
  letters: number;
  longest: number;
  molecule: Molecule | null;
}

const SAMPLED_LETTERS = 1_000_000;
const NUCLEOTIDE_SHARE = 0.9;

/** Returns text as FASTA; a sequence without a header line gets one, as at NCBI. */
export function asFasta(text: string): string {
  const trimmed = text.trimStart();
  return trimmed === "" || trimmed.startsWith(">") ? trimmed : `>Query_1\n${trimmed}`;
}

/** Counts the queries of FASTA and the letters that BLAST+ reads, and guesses the molecule. */
export function survey(fasta: string): Survey {
  const found: Survey = { queries: 0, letters: 0, longest: 0, molecule: null };
  let [length, nucleotides, told] = [0, 0, 0];
  for (const line of fasta.split("\n")) {
    if (line.startsWith(">")) {
      found.queries += 1;
      length = 0;
      continue;
    }
    const letters = line
      .trim()
      .replace(/^[!#].*|;.*/, "")
      .replace(/[^A-Z*]/gi, "");
    length += letters.length;
    found.letters += letters.length;
    found.longest = Math.max(found.longest, length);
    if (told >= SAMPLED_LETTERS) continue;
    told += letters.length - (letters.match(/[NX*]/gi)?.length ?? 0);
    nucleotides += letters.match(/[ACGTU]/gi)?.length ?? 0;
  }
  if (told > 0) found.molecule = nucleotides >= NUCLEOTIDE_SHARE * told ? "nucleotide" : "protein";
  return found;
}

/** Returns a FASTA record with lines of a given width. */
export function fastaRecord(title: string, letters: string, width = 60): string {
  return `>${title}\n${letters.replace(new RegExp(`(.{${width}})(?=.)`, "g"), "$1\n")}\n`;
}
