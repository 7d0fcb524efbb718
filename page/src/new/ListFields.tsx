import { useState } from "react";
import { plural } from "../model/display";
import { entries, LISTS, type ListName } from "../model/lists";
import { texts } from "../texts";
import { isCompressed, isEmpty, LONGEST_TEXT, NOTHING, type Given, type Lists } from "./draft";
import { ChooseFile, TextOrFile } from "./TextOrFile";

interface Shown {
  lists: Lists;
  problems: (field: string) => readonly string[];
  onChange: (name: ListName, given: Given) => void;
}

/** Lists of ids and taxids, collapsed until there is one. */
export function ListFields({ lists, problems, onChange }: Shown) {
  const [isOpen, setIsOpen] = useState(false);
  const given = LISTS.filter((name) => !isEmpty(lists[name]));
  return (
    <details
      className="more"
      open={isOpen || given.length > 0}
      onToggle={(event) => setIsOpen(event.currentTarget.open)}
    >
      <summary>{texts.new.lists.title(given.length)}</summary>
      <p className="quiet">{texts.new.lists.help}</p>
      <div className="fields">
        {LISTS.map((name) => (
          <ListField
            key={name}
            name={name}
            given={lists[name] ?? NOTHING}
            problems={problems(`lists.${name}`)}
            onChange={(changed) => onChange(name, changed)}
          />
        ))}
      </div>
    </details>
  );
}

interface Field {
  name: ListName;
  given: Given;
  problems: readonly string[];
  onChange: (given: Given) => void;
}

function ListField({ name, given, problems, onChange }: Field) {
  const label = texts.new.lists.names[name];
  const help = `list-${name}-help`;
  const take = (changed: Given) => void shortened(changed).then(onChange);
  return (
    <div className={isEmpty(given) ? "field" : "field changed"}>
      <span className="row tight">
        <span className="grow">
          {label} <code>-{name}</code>
        </span>
        <ChooseFile name={label} onChange={take} />
      </span>
      <TextOrFile
        label={label}
        helpId={help}
        rows={3}
        placeholder={texts.new.lists.examples[name]}
        given={given}
        isWrong={problems.length > 0}
        onChange={(changed) => (changed.file === null ? onChange(changed) : take(changed))}
      />
      <small id={help} className={problems.length > 0 ? "mend" : "help"}>
        {problems.length > 0 ? problems.join(" ") : counted(given)}
      </small>
    </div>
  );
}

/** Returns a short plain file as text, which can be edited and saved in the draft. */
async function shortened(given: Given): Promise<Given> {
  if (given.file === null || given.file.content.size > LONGEST_TEXT || (await isCompressed(given.file.content)))
    return given;
  return { text: await given.file.content.text(), file: null };
}

function counted({ text, file }: Given): string {
  return file === null ? plural(entries(text), ...texts.counts.lines) : texts.new.lists.countedByService;
}
