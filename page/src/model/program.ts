/** The molecules of each program, and the choice of a program. */
import type { Molecule } from "./fasta";

export const PROGRAMS = ["blastn", "blastp", "blastx", "tblastn", "tblastx"] as const;
export type ProgramName = (typeof PROGRAMS)[number];

interface Compared {
  query: Molecule;
  database: Molecule;
}

export const COMPARED: Record<ProgramName, Compared> = {
  blastn: { query: "nucleotide", database: "nucleotide" },
  blastp: { query: "protein", database: "protein" },
  blastx: { query: "nucleotide", database: "protein" },
  tblastn: { query: "protein", database: "nucleotide" },
  tblastx: { query: "nucleotide", database: "nucleotide" },
};

export function isProgram(name: string): name is ProgramName {
  return (PROGRAMS as readonly string[]).includes(name);
}

/** Returns whether a program suits the molecules of queries and database; unknown molecules suit every program. */
export function fits(program: ProgramName, query: Molecule | null, database: Molecule | null): boolean {
  const compared = COMPARED[program];
  return (query === null || compared.query === query) && (database === null || compared.database === database);
}

/** Returns the chosen program if it is suitable, otherwise the first suitable one. */
export function programFor(
  query: Molecule | null,
  database: Molecule | null,
  chosen: ProgramName | null,
): ProgramName | null {
  if (chosen !== null && fits(chosen, query, database)) return chosen;
  if (query === null && database === null) return chosen;
  return PROGRAMS.find((one) => fits(one, query, database)) ?? chosen;
}
