import type { Values } from "../model/options";
import { fieldsOf, formatOf, formatsOf, isTabular, type OutputField } from "../model/output";
import { texts } from "../texts";
import { Flag } from "./Flag";

interface Shown {
  program: string;
  values: Values;
  problems: ReadonlyMap<string, string>;
  onChange: (name: string, value: string) => void;
}

/** The default output options of the result's download. */
export function OutputFields({ program, values, problems, onChange }: Shown) {
  const format = formatOf(values, program);
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
            value={format}
            onChange={(change) => onChange("outfmt", change.target.value)}
          >
            {formatsOf(texts.results.downloads.formats, program).map(([number, name]) => (
              <option key={number} value={number}>{`${number}: ${name}`}</option>
            ))}
          </select>
          <small id="output-format-help" className={problem === undefined ? "help" : "mend"}>
            {problem ?? texts.new.output.formatHelp}
          </small>
        </div>
        {isTabular(format) && (
          <Columns value={values["columns"] ?? ""} onChange={(value) => onChange("columns", value)} />
        )}
        {fieldsOf(format).map((one) => (
          <OneField
            key={one.name}
            field={one}
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
  field: OutputField;
  value: string;
  problem: string | undefined;
  onChange: (value: string) => void;
}

function OneField({ field, value, problem, onChange }: Field) {
  const id = `output-${field.name}`;
  const words = texts.new.output.fields[field.name];
  return (
    <div className={value === "" ? "field" : "field changed"}>
      <label htmlFor={id}>
        {words?.name} <code>-{field.name}</code>
      </label>
      <FieldInput id={id} field={field} value={value} isWrong={problem !== undefined} onChange={onChange} />
      <small id={`${id}-help`} className={problem === undefined ? "help" : "mend"}>
        {problem ?? words?.help}
      </small>
    </div>
  );
}

type Entry = Omit<Field, "problem"> & { id: string; isWrong: boolean };

function FieldInput({ id, field, value, isWrong, onChange }: Entry) {
  const shared = { id, "aria-describedby": `${id}-help`, "aria-invalid": isWrong };
  if (field.kind === "flag") {
    return <Flag {...shared} value={value} onChange={onChange} />;
  }
  if (field.kind === "choice") {
    const choices = texts.new.output.fields[field.name]?.choices ?? [];
    return (
      <select {...shared} value={value} onChange={(change) => onChange(change.target.value)}>
        {choices.map((name, at) => (
          <option key={name} value={at === 0 ? "" : String(at)}>
            {name}
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
      placeholder={field.fallback}
      value={value}
      onChange={(change) => onChange(change.target.value)}
    />
  );
}
