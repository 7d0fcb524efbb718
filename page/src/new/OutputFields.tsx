import type { Option, Program } from "../api/client";
import type { Values } from "../model/options";
import { formatOf } from "../model/formats";
import { texts } from "../texts";
import { Flag } from "./Flag";

interface Shown {
  program: Program | undefined;
  values: Values;
  problems: ReadonlyMap<string, string>;
  onChange: (name: string, value: string) => void;
}

/** The default output options of the result's download. */
export function OutputFields({ program, values, problems, onChange }: Shown) {
  const format = formatOf(program?.formats ?? [], values);
  const problem = problems.get("output") ?? problems.get("output.outfmt");
  return (
    <section className="card" aria-labelledby="output-title">
      <h2 id="output-title">{texts.new.output.title}</h2>
      <div className="fields">
        <div className="field">
          <label htmlFor="output-format">
            {texts.new.output.format} <code>-outfmt</code>
          </label>
          <select
            id="output-format"
            aria-describedby="output-format-help"
            aria-invalid={problem !== undefined}
            value={format?.number}
            onChange={(change) => onChange("outfmt", change.target.value)}
          >
            {program?.formats.map(({ number, name }) => (
              <option key={number} value={number}>{`${number}: ${name}`}</option>
            ))}
          </select>
          <small id="output-format-help" className={problem === undefined ? "help" : "mend"}>
            {problem ?? texts.new.output.formatHelp}
          </small>
        </div>
        {format !== undefined && format.columns.length > 0 && (
          <Columns value={values["columns"] ?? ""} onChange={(value) => onChange("columns", value)} />
        )}
        {program?.output
          .filter((one) => format?.options.includes(one.name))
          .map((one) => (
            <OneField
              key={one.name}
              option={one}
              value={values[one.name] ?? ""}
              problem={problems.get(`output.${one.name}`)}
              onChange={(value) => onChange(one.name, value)}
            />
          ))}
      </div>
    </section>
  );
}

function Columns({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  return (
    <div className={value === "" ? "field" : "field changed"}>
      <label htmlFor="output-columns">{texts.results.downloads.columns}</label>
      <input
        id="output-columns"
        type="text"
        aria-describedby="output-columns-help"
        autoComplete="off"
        spellCheck={false}
        placeholder="std"
        value={value}
        onChange={(change) => onChange(change.target.value)}
      />
      <small id="output-columns-help" className="help">
        {texts.results.downloads.columnsHelp}
      </small>
    </div>
  );
}

interface Field {
  option: Option;
  value: string;
  problem: string | undefined;
  onChange: (value: string) => void;
}

function OneField({ option, value, problem, onChange }: Field) {
  const id = `output-${option.name}`;
  const words = texts.new.output.fields[option.name];
  return (
    <div className={value === "" ? "field" : "field changed"}>
      <label htmlFor={id}>
        {words?.name ?? option.name} <code>-{option.name}</code>
      </label>
      <FieldInput id={id} option={option} value={value} isWrong={problem !== undefined} onChange={onChange} />
      <small id={`${id}-help`} className={problem === undefined ? "help" : "mend"}>
        {problem ?? words?.help ?? option.description}
      </small>
    </div>
  );
}

type Entry = Omit<Field, "problem"> & { id: string; isWrong: boolean };

function FieldInput({ id, option, value, isWrong, onChange }: Entry) {
  const shared = { id, "aria-describedby": `${id}-help`, "aria-invalid": isWrong };
  const { kind, least, most, name } = option;
  if (kind === "flag") {
    return <Flag {...shared} value={value} onChange={onChange} />;
  }
  const choices = texts.new.output.fields[name]?.choices;
  if (choices !== undefined) {
    const numbers = Array.from({ length: (most ?? 0) - (least ?? 0) + 1 }, (_, at) => (least ?? 0) + at);
    return (
      <select {...shared} value={value} onChange={(change) => onChange(change.target.value)}>
        {numbers.map((number, at) => (
          <option key={number} value={at === 0 ? "" : number}>
            {choices[number] ?? number}
          </option>
        ))}
      </select>
    );
  }
  return (
    <input
      {...shared}
      type="text"
      inputMode="numeric"
      autoComplete="off"
      placeholder={option.default ?? ""}
      value={value}
      onChange={(change) => onChange(change.target.value)}
    />
  );
}
