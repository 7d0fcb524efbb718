import type { Program } from "../api/client";
import type { Molecule } from "../model/fasta";
import { defaultOf } from "../model/options";
import { fits, programFor, type ProgramName } from "../model/program";
import { texts } from "../texts";

interface Shown {
  programs: readonly Program[];
  program: ProgramName | null;
  isChosen: boolean;
  query: Molecule | null;
  database: Molecule | null;
  onChoose: (program: ProgramName) => void;
}

export function ProgramChoice({ onChoose, ...shown }: Shown) {
  const { programs, program, query, database } = shown;
  return (
    <section className="card" aria-labelledby="program-title">
      <header className="row">
        <h2 id="program-title">{texts.new.program}</h2>
        <span className="quiet">{why(shown)}</span>
      </header>
      <div role="radiogroup" aria-labelledby="program-title" className="segments">
        {programs.map((described) => {
          const one = described.name;
          const isFit = fits(described, query, database);
          return (
            <label
              key={one}
              className={one === program ? "segment chosen" : "segment"}
              title={isFit ? texts.programs[one] : `${texts.programs[one]}: ${texts.new.programUnfit}`}
            >
              <input
                type="radio"
                name="program"
                disabled={!isFit}
                checked={one === program}
                onChange={() => onChoose(one)}
              />
              {one}
            </label>
          );
        })}
      </div>
      <small>{program === null ? "" : `${program}: ${texts.programs[program]}`}</small>
    </section>
  );
}

function why({ programs, program, isChosen, query, database }: Omit<Shown, "onChoose">): string {
  if (program === null || (query === null && database === null)) return texts.new.programWait;
  if (isChosen && program !== programFor(programs, query, database, null)) return texts.new.programOther;
  if (database === null) return texts.new.programQuery(program, query ?? "");
  if (query === null) return texts.new.programDatabase(program, database);
  return texts.new.programWhy(program, query, database);
}

interface Tasks {
  program: Program;
  task: string;
  onChoose: (task: string) => void;
}

export function TaskChoice({ program, task, onChoose }: Tasks) {
  const option = program.options.find((one) => one.name === "task");
  if (option === undefined || option.choices.length < 2) return null;
  const first = option.default;
  const choices = [...option.choices].sort((one, other) => Number(other === first) - Number(one === first));
  const sizes = program.options.find((one) => one.name === "word_size");
  return (
    <fieldset className="tasks">
      <legend>{texts.new.task}</legend>
      {choices.map((one) => (
        <label key={one} className={one === task ? "choice small chosen" : "choice small"}>
          <input type="radio" name="task" checked={one === task} onChange={() => onChoose(one)} />
          <span>
            <strong>{one}</strong>
            <span className="quiet block">
              {texts.tasks[one] ?? ""}
              {sizes !== undefined && texts.new.wordSize(defaultOf(sizes, one) ?? "?")}
            </span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}
