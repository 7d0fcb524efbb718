/** The formats that BLAST+ prints a search in. */
import { texts } from "../texts";

const OF_BLASTN: ReadonlySet<string> = new Set(["17"]);

export function formatsOf(program: string): readonly (readonly [string, string])[] {
  return texts.results.downloads.formats.filter(([number]) => program === "blastn" || !OF_BLASTN.has(number));
}
