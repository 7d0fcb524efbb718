import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useDeferredValue, useEffect, useMemo, useState } from "react";
import type { Database, Program, Search } from "../api/client";
import { databasesQuery, meQuery, programsQuery } from "../api/queries";
import { asFasta, survey, type Survey } from "../model/fasta";
import { LISTS } from "../model/lists";
import { given } from "../model/options";
import { outputOf } from "../model/formats";
import { programFor } from "../model/program";
import { announce } from "../parts/notices";
import { Loading, ProblemBox } from "../parts/Told";
import { texts } from "../texts";
import { Check } from "./Check";
import { DatabaseChoice } from "./DatabaseChoice";
import { forgetQuery, isCompressed, isEmpty, useDraft, type Draft, type Given } from "./draft";
import { useEdited } from "./edited";
import { ListFields } from "./ListFields";
import { OptionFields } from "./OptionFields";
import { Organisms } from "./Organisms";
import { OutputFields } from "./OutputFields";
import { ProgramChoice, TaskChoice } from "./ProgramChoice";
import { QueryField } from "./QueryField";
import { listOf, newKey, queryOf, usePreflight, useSubmit, useSubmittedBefore, type Wanted } from "./wanted";

const route = getRouteApi("/new");
const READ_BYTES = 64 << 20;
const OFFERED_MS = 60_000;

export function NewSearch() {
  const programs = useQuery(programsQuery);
  const me = useQuery(meQuery);
  for (const found of [programs, me]) {
    if (found.error !== null && found.data === undefined)
      return <ProblemBox error={found.error} onRetry={() => void found.refetch()} />;
  }
  if (programs.data === undefined || me.data === undefined) return <Loading />;
  return <Form key={me.data.owner} programs={programs.data} owner={me.data.owner} />;
}

function Form({ programs, owner }: { programs: readonly Program[]; owner: string }) {
  const form = useForm(programs, owner);
  const { draft, change, program, described, problems } = form;
  return (
    <form
      className="new"
      aria-label={texts.nav.new}
      aria-busy={form.isReading}
      inert={form.isReading}
      onSubmit={(event) => {
        event.preventDefault();
        form.run();
      }}
      onKeyDown={(event) => {
        if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
        event.preventDefault();
        form.run();
      }}
    >
      <h1>{texts.nav.new}</h1>
      <div className="columns">
        <div className="stack">
          <QueryField given={draft} survey={form.survey} problems={problems.about("query")} onChange={change} />
          <DatabaseChoice
            chosen={draft.database}
            problems={problems.about("database")}
            onChoose={(name) => change({ database: name })}
          />
          <ProgramChoice
            programs={programs}
            program={program}
            isChosen={draft.program === program}
            query={form.query}
            database={form.molecule}
            onChoose={(one) => change({ program: one })}
          />
          {described !== undefined && <Options form={form} program={described} />}
          <OutputFields
            program={described ?? programs[0]}
            values={draft.output}
            problems={problems.byField}
            onChange={(name, value) => change({ output: { ...draft.output, [name]: value } })}
          />
          <Exactness draft={draft} onChange={change} />
        </div>
        <Check
          found={form.check.data}
          error={form.submit.error ?? form.check.error}
          isWanted={form.wanted !== null}
          isCurrent={form.check.isCurrent}
        >
          <button className="primary large" disabled={!form.isReady}>
            {form.submit.isPending ? texts.new.submitting : texts.new.submit} <kbd>{texts.new.submitKeys}</kbd>
          </button>
        </Check>
      </div>
    </form>
  );
}

type FormState = ReturnType<typeof useForm>;

/** The form's state: its draft, values derived from it, and the service's preflight. */
function useForm(programs: readonly Program[], owner: string) {
  const navigate = useNavigate();
  const [draft, change, lost] = useDraft(owner);
  const isReading = useEdited({ address: route.useSearch(), programs, draft, lost, change });
  const compared = useCompared(draft, programs);
  const { database, described } = compared;
  const wanted = useWanted(draft, described, database);
  const check = usePreflight(wanted);
  const open = (search: Search) => void navigate({ to: "/searches/$id", params: { id: search.id } });
  const submit = useSubmit(owner, wanted, draft.title, (search) => {
    forgetQuery(owner, draft);
    open(search);
  });
  useSubmittedBefore(owner, (search) => {
    const text = texts.new.submittedBefore(search.title);
    announce({ text, lasts: OFFERED_MS, action: { label: texts.new.openSubmitted, run: () => open(search) } });
  });
  const isReady = wanted !== null && check.data?.ok === true && check.isCurrent && !submit.isPending;
  const run = () => {
    if (isReady) submit.mutate();
  };
  const problems = problemsOf(check.data?.problems ?? []);
  return { ...compared, draft, change, wanted, check, submit, isReading, isReady, run, problems };
}

/** The molecules of queries and database, and the program that suits them. */
function useCompared(draft: Draft, programs: readonly Program[]) {
  const databases = useQuery(databasesQuery);
  const database = databases.data?.find((one) => one.name === draft.database);
  const molecule = database?.molecule ?? null;
  const counted = useSurvey(draft);
  const query = counted?.molecule ?? null;
  const program = programFor(programs, query, molecule, draft.program);
  const described = programs.find((one) => one.name === program);
  return { database, molecule, survey: counted, query, program, described };
}

function Options({ form, program }: { form: FormState; program: Program }) {
  const { draft, change } = form;
  const task = taskOf(program, draft);
  const set = (name: string, value: string) => change({ values: { ...draft.values, [name]: value } });
  return (
    <section className="card" aria-labelledby="options-title">
      <h2 id="options-title">{texts.new.settings}</h2>
      <TaskChoice program={program} task={task} onChoose={(one) => set("task", one)} />
      <OptionFields
        program={program}
        task={task}
        values={draft.values}
        problems={form.problems.byField}
        onChange={set}
      />
      <Organisms database={form.database} values={draft.values} onChange={set} />
      <ListFields
        lists={draft.lists}
        problems={form.problems.about}
        onChange={(name, list) => change({ lists: withList(draft, name, list) })}
      />
    </section>
  );
}

function Exactness({ draft, onChange }: { draft: Draft; onChange: (change: Partial<Draft>) => void }) {
  const choices = [
    ["identical", texts.new.identical, texts.new.identicalHelp],
    ["complete", texts.new.complete, texts.new.completeHelp],
  ] as const;
  return (
    <section className="card">
      <fieldset className="tasks">
        <legend>{texts.report.verdicts}</legend>
        {choices.map(([value, name, help]) => (
          <label key={value} className={draft.exactness === value ? "choice small chosen" : "choice small"}>
            <input
              type="radio"
              name="exactness"
              checked={draft.exactness === value}
              onChange={() => onChange({ exactness: value })}
            />
            <span>
              <strong>{name}</strong>
              <span className="quiet block">{help}</span>
            </span>
          </label>
        ))}
      </fieldset>
      <label className="field">
        <span>{texts.new.jobTitle}</span>
        <input
          type="text"
          maxLength={1000}
          placeholder={texts.new.jobTitleHelp}
          value={draft.title}
          onChange={(event) => onChange({ title: event.target.value })}
        />
      </label>
    </section>
  );
}

function useSurvey({ text, file }: Draft): Survey | null {
  const deferred = useDeferredValue(text);
  const [ofFile, setOfFile] = useState<{ file: Draft["file"]; survey: Survey } | null>(null);
  useEffect(() => {
    if (file === null || file.content.size > READ_BYTES) return;
    void surveyOf(file.content).then((found) => setOfFile(found === null ? null : { file, survey: found }));
  }, [file]);
  const ofText = useMemo(() => survey(asFasta(deferred)), [deferred]);
  if (file === null) return ofText;
  return ofFile?.file === file ? ofFile.survey : null;
}

async function surveyOf(content: Blob): Promise<Survey | null> {
  return (await isCompressed(content)) ? null : survey(asFasta(await content.text()));
}

function withList({ lists }: Draft, name: (typeof LISTS)[number], list: Given): Draft["lists"] {
  const others = Object.entries(lists).filter(([other]) => other !== name);
  return Object.fromEntries(list.file === null && list.text === "" ? others : [...others, [name, list]]);
}

function useWanted(draft: Draft, program: Program | undefined, database: Database | undefined): Wanted | null {
  const { text, file, values, lists, output, exactness } = draft;
  const name = database?.name;
  return useMemo(() => {
    if (program === undefined || name === undefined || (file === null && text.trim() === "")) return null;
    const known = new Set(program.options.map((one) => one.name));
    const tasks = program.options.find((one) => one.name === "task")?.choices ?? [];
    const task = tasks.find((one) => one === values["task"]) ?? "";
    const options = given({ ...values, task }, known);
    const query = queryOf({ text, file });
    const listed = LISTS.flatMap((list) => {
      const one = lists[list];
      return one === undefined || isEmpty(one) ? [] : [[list, listOf(one)] as const];
    });
    const printed = outputOf(output, program);
    const [key, sent] = [newKey(), { options, output: printed, exactness, query, lists: listed }];
    return { key, program: program.name, database: name, ...sent };
  }, [program, name, text, file, values, lists, output, exactness]);
}

function taskOf(program: Program | undefined, draft: Draft): string {
  const option = program?.options.find((one) => one.name === "task");
  const chosen = draft.values["task"] ?? "";
  return option?.choices.includes(chosen) === true ? chosen : (option?.default ?? program?.name ?? "");
}

function problemsOf(problems: readonly { field: string; detail: string; remedy: string }[]) {
  const byField = new Map(problems.map((one) => [one.field, `${one.detail} ${one.remedy}`]));
  const about = (field: string) =>
    problems.filter((one) => one.field === field).map((one) => `${one.detail} ${one.remedy}`);
  return { byField, about };
}
