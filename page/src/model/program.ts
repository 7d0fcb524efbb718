/** The choice of a program by the molecules of queries and database. */
import type { Molecule } from "./fasta";

export const PROGRAMS = ["blastn", "blastp", "blastx", "tblastn", "tblastx"] as const;
export type ProgramName = (typeof PROGRAMS)[number];

interface Compared {
  name: ProgramName;
  query: Molecule;
  database: Molecule;
}

export function isProgram(name: string): name is ProgramName {
  return (PROGRAMS as readonly string[]).includes(name);
}

/** Returns whether a program suits the molecules of queries and database; unknown molecules suit every program. */
export function fits(program: Compared, query: Molecule | null, database: Molecule | null): boolean {
  return (query === null || program.query === query) && (database === null || program.database === database);
}

/** Returns the chosen program if it is suitable, otherwise the first suitable one. */
export function programFor(
  programs: readonly Compared[],
  query: Molecule | null,
  database: Molecule | null,
  chosen: ProgramName | null,
): ProgramName | null {
  if (query === null && database === null) return chosen;
  const suitable = programs.filter((one) => fits(one, query, database)).map((one) => one.name);
  return suitable.find((one) => one === chosen) ?? suitable[0] ?? chosen;
}
