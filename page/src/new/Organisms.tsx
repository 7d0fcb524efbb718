import type { Database } from "../api/client";
import type { Values } from "../model/options";
import { texts } from "../texts";

interface Restricted {
  database: Database | undefined;
  values: Values;
  onChange: (name: string, value: string) => void;
}

export function Organisms({ database, values, onChange }: Restricted) {
  const isGiven = [values["taxids"], values["negative_taxids"]].some((one) => (one ?? "") !== "");
  if (database?.has_taxids === false && !isGiven) return <small>{texts.new.noTaxids}</small>;
  const fields = [
    ["taxids", texts.new.taxids],
    ["negative_taxids", texts.new.negativeTaxids],
  ] as const;
  return (
    <fieldset className="fields">
      <legend>{texts.new.organisms}</legend>
      {fields.map(([name, label]) => (
        <label key={name} className="field">
          <span>
            {label} <code>-{name}</code>
          </span>
          <input
            type="text"
            inputMode="numeric"
            placeholder="9606,10090"
            value={values[name] ?? ""}
            onChange={(event) => onChange(name, event.target.value)}
          />
        </label>
      ))}
      <small>{texts.new.taxidsHelp}</small>
    </fieldset>
  );
}
