import { useState } from "react";
import type { Option, Program } from "../api/client";
import { count } from "../model/display";
import { BY_TASK, COMMON, defaultOf, ELSEWHERE, type Values } from "../model/options";
import { texts } from "../texts";
import { Flag } from "./Flag";

interface Shown {
  program: Program;
  task: string;
  values: Values;
  problems: ReadonlyMap<string, string>;
  onChange: (name: string, value: string) => void;
}

/** Common options first, then all other options of the installed program. */
export function OptionFields({ program, task, values, problems, onChange }: Shown) {
  const [text, setText] = useState("");
  const byName = new Map(program.options.map((one) => [one.name, one]));
  const common = COMMON[program.name].flatMap((name) => byName.get(name) ?? []);
  const others = program.options.filter((one) => !common.includes(one) && !ELSEWHERE.has(one.name));
  const found = others.filter((one) => `${one.name} ${one.description}`.toLowerCase().includes(text.toLowerCase()));
  const field = (one: Option) => (
    <OptionField
      key={one.name}
      option={one}
      task={task}
      value={values[one.name] ?? ""}
      problem={problems.get(`options.${one.name}`)}
      onChange={(value) => onChange(one.name, value)}
    />
  );
  return (
    <>
      <div className="fields">{common.map(field)}</div>
      <details className="more">
        <summary>{texts.new.more(count(others.length))}</summary>
        <input
          type="search"
          aria-label={texts.new.moreFilter}
          placeholder={texts.new.moreFilter}
          value={text}
          onChange={(change) => setText(change.target.value)}
        />
        <div className="fields">{found.map(field)}</div>
      </details>
    </>
  );
}

interface Field {
  option: Option;
  task: string;
  value: string;
  problem: string | undefined;
  onChange: (value: string) => void;
}

function OptionField({ option, task, value, problem, onChange }: Field) {
  const id = `option-${option.name}`;
  const label = texts.options[option.name] ?? option.name.replaceAll("_", " ");
  return (
    <div className={value === "" ? "field" : "field changed"}>
      <label htmlFor={id} title={option.description}>
        {label} <code>-{option.name}</code>
      </label>
      <span className="row tight">
        <Input id={id} option={option} task={task} value={value} isWrong={problem !== undefined} onChange={onChange} />
        {value !== "" && (
          <button type="button" className="icon" aria-label={texts.new.reset(label)} onClick={() => onChange("")}>
            ↺
          </button>
        )}
      </span>
      <small id={`${id}-help`} className={problem === undefined ? "help" : "mend"}>
        {problem ?? option.description}
      </small>
    </div>
  );
}

type Entry = Omit<Field, "problem"> & { id: string; isWrong: boolean };

function Input({ id, option, task, value, isWrong, onChange }: Entry) {
  const known = defaultOf(option, task);
  const shown = known ?? (BY_TASK.has(option.name) ? texts.new.byTask : texts.new.unset);
  const shared = { id, "aria-describedby": `${id}-help`, "aria-invalid": isWrong };
  const choices = option.kind === "boolean" ? ["true", "false"] : option.choices;
  if (option.kind === "flag") {
    return <Flag {...shared} value={value} onChange={onChange} />;
  }
  if (choices.length > 0) {
    return (
      <select {...shared} value={value} onChange={(change) => onChange(change.target.value)}>
        <option value="">{shown}</option>
        {choices
          .filter((one) => one !== known)
          .map((one) => (
            <option key={one}>{one}</option>
          ))}
      </select>
    );
  }
  return (
    <input
      {...shared}
      type="text"
      inputMode={option.kind === "text" ? "text" : "decimal"}
      autoComplete="off"
      placeholder={shown}
      value={value}
      onChange={(change) => onChange(change.target.value)}
    />
  );
}
