// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Database, Format, Option, Program } from "../src/api/client";
import { databasesQuery } from "../src/api/queries";
import type { Values } from "../src/model/options";
import { survey } from "../src/model/fasta";
import { notices } from "../src/parts/notices";
import { DatabaseChoice } from "../src/new/DatabaseChoice";
import { forgetQuery, LONGEST_TEXT, NOTHING, readDraft, useDraft, type Given, type Lists } from "../src/new/draft";
import { ListFields } from "../src/new/ListFields";
import { OptionFields } from "../src/new/OptionFields";
import { OutputFields } from "../src/new/OutputFields";
import { ProgramChoice } from "../src/new/ProgramChoice";
import { QueryField } from "../src/new/QueryField";

afterEach(cleanup);
// What every browser has, and jsdom has not.
Blob.prototype.text = function (this: Blob) {
  return new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.readAsText(this);
  });
};
Blob.prototype.arrayBuffer = function (this: Blob) {
  return new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as ArrayBuffer);
    reader.readAsArrayBuffer(this);
  });
};
beforeEach(() => localStorage.clear());

function option(name: string, more: Partial<Option> = {}): Option {
  return { name, kind: "text", default: null, choices: [], least: null, most: null, description: "", ...more };
}

function format(number: number, name: string, more: Partial<Format> = {}): Format {
  return { number, name, kind: "xml", suffix: "txt", media_type: "text/plain", columns: [], options: [], ...more };
}

const BLASTN: Program = {
  name: "blastn",
  query: "nucleotide",
  database: "nucleotide",
  version: "2.12.0",
  options: [
    option("evalue", { kind: "real", default: "10" }),
    option("ungapped", { kind: "flag", description: "Perform ungapped alignment only" }),
    option("xdrop_gap", { kind: "real" }),
  ],
  output: [
    option("num_alignments", { kind: "whole", default: "250" }),
    option("sorthits", { kind: "whole", least: 0, most: 5 }),
    option("colours", { kind: "flag", description: "Print in colours" }),
  ],
  formats: [
    format(0, "Pairwise", { options: ["num_alignments", "sorthits", "colours"] }),
    format(6, "Tabular", { columns: ["qaccver", "saccver"] }),
  ],
};

describe("the query", () => {
  function Query() {
    const [given, setGiven] = useState<Given>(NOTHING);
    return <QueryField given={given} survey={survey(given.text)} problems={[]} onChange={setGiven} />;
  }

  test("is counted while it is typed", async () => {
    render(<Query />);
    await userEvent.type(screen.getByRole("textbox", { name: "Query" }), ">a{Enter}ACGT{Enter}>b{Enter}ACG");
    expect(screen.getByText("2 queries").parentElement?.textContent).toContain("7 bases");
  });

  test("may be a file that is dropped, and be cleared again", async () => {
    render(<Query />);
    const file = new File([">a\nACGT\n"], "genes.fa");
    fireEvent.drop(screen.getByRole("textbox", { name: "Query" }), { dataTransfer: { files: [file] } });
    expect(screen.getByText("genes.fa, 8 B")).toBeTruthy();
    await userEvent.click(screen.getByRole("button", { name: "Clear" }));
    expect(screen.getByRole<HTMLTextAreaElement>("textbox", { name: "Query" }).value).toBe("");
  });

  test("that is long is kept as a file when it is pasted", () => {
    render(<Query />);
    const getData = () => ">a\n" + "A".repeat(LONGEST_TEXT);
    fireEvent.paste(screen.getByRole("textbox", { name: "Query" }), { clipboardData: { getData } });
    expect(screen.getByText(/^Pasted text, /)).toBeTruthy();
  });
});

describe("options", () => {
  function Options({ problems = new Map<string, string>() }) {
    const [values, setValues] = useState<Values>({});
    const change = (name: string, value: string) => setValues({ ...values, [name]: value });
    return <OptionFields program={BLASTN} task="blastn" values={values} problems={problems} onChange={change} />;
  }

  test("show defaults, and can be reset when they were changed", async () => {
    render(<Options />);
    const field = screen.getByRole<HTMLInputElement>("textbox", { name: /Expect threshold/ });
    expect(field.placeholder).toBe("10");
    await userEvent.type(field, "1e-5");
    await userEvent.click(screen.getByRole("button", { name: /Reset Expect threshold/ }));
    expect(field.value).toBe("");
  });

  test("are found by their descriptions", async () => {
    render(<Options />);
    await userEvent.type(screen.getByRole("searchbox", { hidden: true }), "alignment only");
    expect(screen.getByRole("checkbox", { name: /-ungapped/, hidden: true })).toBeTruthy();
    expect(screen.queryByRole("textbox", { name: /-xdrop_gap/, hidden: true })).toBeNull();
  });

  test("show a problem beside its field", () => {
    render(<Options problems={new Map([["options.evalue", "-evalue is no number."]])} />);
    const field = screen.getByRole("textbox", { name: /Expect threshold/ });
    expect(field.getAttribute("aria-invalid")).toBe("true");
    const help = document.getElementById(field.getAttribute("aria-describedby") ?? "");
    expect(help?.textContent).toBe("-evalue is no number.");
  });
});

describe("lists", () => {
  function Listed({ problems = [] as string[] }) {
    const [lists, setLists] = useState<Lists>({});
    return (
      <ListFields
        lists={lists}
        problems={(field) => (field === "lists.taxidlist" ? problems : [])}
        onChange={(name, given) => setLists({ ...lists, [name]: given })}
      />
    );
  }

  test("are counted, and are open as long as there is one", async () => {
    const { container } = render(<Listed />);
    expect(container.querySelector("details")?.open).toBe(false);
    const field = screen.getByRole("textbox", { name: "Only these ids", hidden: true });
    await userEvent.type(field, "A.1{Enter}B.1{Enter}");
    expect(screen.getByText("Lists of ids and taxids (1)")).toBeTruthy();
    expect(screen.getByText("2 lines")).toBeTruthy();
    expect(container.querySelector("details")?.open).toBe(true);
  });

  test("that are short files become text, to be read and kept", async () => {
    render(<Listed />);
    const input = screen.getByLabelText("Choose a file: Without these ids", { selector: "input" });
    await userEvent.upload(input, new File(["A.1\nB.1\n"], "ids.txt"));
    const field = await screen.findByRole<HTMLTextAreaElement>("textbox", { name: "Without these ids" });
    await expect.poll(() => field.value).toBe("A.1\nB.1\n");
  });

  test("that are compressed stay files, whatever their names are", async () => {
    render(<Listed />);
    const input = screen.getByLabelText("Choose a file: Only these ids", { selector: "input" });
    await userEvent.upload(input, new File([new Uint8Array([0x1f, 0x8b, 8, 0])], "ids.txt"));
    expect(await screen.findByText("The service counts the lines.")).toBeTruthy();
    expect(screen.getByText(/^ids\.txt/)).toBeTruthy();
  });

  test("that are long stay files", async () => {
    render(<Listed />);
    const field = screen.getByRole("textbox", { name: "Only these ids", hidden: true });
    const file = new File(["A".repeat(LONGEST_TEXT + 1)], "ids.txt");
    fireEvent.drop(field, { dataTransfer: { files: [file] } });
    expect(await screen.findByText(/^ids.txt, /)).toBeTruthy();
  });

  test("show their problems", () => {
    render(<Listed problems={["Line 3 is not a taxid. Write a taxid on each line."]} />);
    expect(screen.getByText(/Line 3 is not a taxid/)).toBeTruthy();
  });
});

describe("the output", () => {
  function Output() {
    const [values, setValues] = useState<Values>({});
    const change = (name: string, value: string) => setValues({ ...values, [name]: value });
    return <OutputFields program={BLASTN} values={values} problems={new Map()} onChange={change} />;
  }

  test("offers the options of the format", async () => {
    render(<Output />);
    expect(screen.getByRole("textbox", { name: /-num_alignments/ })).toBeTruthy();
    await userEvent.selectOptions(screen.getByRole("combobox", { name: /Format/ }), "6: Tabular");
    expect(screen.queryByRole("textbox", { name: /-num_alignments/ })).toBeNull();
    await userEvent.type(screen.getByRole("textbox", { name: "Columns of tables" }), "std qlen");
  });

  test("has the defaults and bounds of the service, and options that the page does not know", () => {
    render(<Output />);
    expect(screen.getByRole<HTMLInputElement>("textbox", { name: /-num_alignments/ }).placeholder).toBe("250");
    const orders = within(screen.getByRole("combobox", { name: /-sorthits/ })).getAllByRole("option");
    expect(orders.map((one) => one.textContent)).toEqual([
      ...["E value", "Bit score", "Total score", "Identity", "Query cover", "5"],
    ]);
    expect(screen.getByRole("checkbox", { name: "colours -colours" })).toBeTruthy();
    expect(screen.getByText("Print in colours")).toBeTruthy();
  });
});

describe("the program", () => {
  test("that does not fit can't be chosen, and the reason for the chosen one is shown", () => {
    render(
      <ProgramChoice
        programs={[
          { ...BLASTN, name: "blastp", query: "protein", database: "protein" },
          { ...BLASTN, name: "blastx", database: "protein" },
        ]}
        program="blastx"
        isChosen={false}
        query="nucleotide"
        database="protein"
        onChoose={() => undefined}
      />,
    );
    expect(screen.getByRole<HTMLInputElement>("radio", { name: "blastp" }).disabled).toBe(true);
    expect(screen.getByRole<HTMLInputElement>("radio", { name: "blastx" }).checked).toBe(true);
    expect(screen.getByText(/because the queries look like nucleotide/)).toBeTruthy();
  });
});

describe("databases", () => {
  test("are shown with title, size, date and warmth, and can be chosen", async () => {
    const here = { resident_bytes: 50, mapped_bytes: 100, problem: null } as Database["here"];
    const one = { name: "genes", title: "All genes", molecule: "nucleotide", num_seqs: 12, letters: 3456, here };
    const client = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity } } });
    client.setQueryData(databasesQuery.queryKey, [{ ...one, size_bytes: 2048, date: "Mar 4, 2026" } as Database]);
    const chosen: string[] = [];
    render(
      <QueryClientProvider client={client}>
        <DatabaseChoice chosen="" problems={[]} onChoose={(name) => chosen.push(name)} />
      </QueryClientProvider>,
    );
    const choice = screen.getByRole("radio", { name: /^genes/ });
    const shown = within(choice.parentElement as HTMLElement);
    for (const told of ["All genes", "updated Mar 4, 2026", "3,456 · 2.0 KiB", "50% in memory"])
      expect(shown.getByText(told)).toBeTruthy();
    await userEvent.click(choice);
    expect(chosen).toEqual(["genes"]);
  });
});

describe("a draft", () => {
  function Form() {
    const [draft, change, lost] = useDraft("ada");
    return (
      <>
        <input aria-label="title" value={draft.title} onChange={(event) => change({ title: event.target.value })} />
        <button onClick={() => change({ file: { name: "a.fa", content: new Blob(["A"]) } })}>file</button>
        <button onClick={() => change({ lists: { seqidlist: { text: "A.1", file: null } } })}>list</button>
        <p>{`${draft.lists.seqidlist?.text ?? "no list"}; lost: ${lost.join()}`}</p>
      </>
    );
  }

  test("is kept with its lists, and names the files that were not kept", async () => {
    const first = render(<Form />);
    await userEvent.type(screen.getByRole("textbox"), "mine");
    await userEvent.click(screen.getByText("file"));
    await userEvent.click(screen.getByText("list"));
    fireEvent(window, new Event("pagehide"));
    first.unmount();
    render(<Form />);
    expect(screen.getByRole<HTMLInputElement>("textbox").value).toBe("mine");
    expect(screen.getByText("A.1; lost: query")).toBeTruthy();
  });

  test("that can't be read is dropped with a message", () => {
    localStorage.setItem("shardblast.draft ada", JSON.stringify({ text: "ACGT", values: { evalue: 10 } }));
    render(<Form />);
    expect(screen.getByRole<HTMLInputElement>("textbox").value).toBe("");
    expect(notices.get().map((one) => one.text)).toContain("A saved draft could not be read and was discarded.");
    expect(localStorage.getItem("shardblast.draft ada")).toBeNull();
  });

  test("keeps its settings when its query was submitted", () => {
    const draft = readDraft(JSON.stringify({ text: ">a\nACGT", title: "one", values: { evalue: "1" } }))?.draft;
    if (draft === undefined) throw new Error("not read");
    forgetQuery("ada", draft);
    const kept = readDraft(localStorage.getItem("shardblast.draft ada") ?? "")?.draft;
    expect(kept).toMatchObject({ text: "", title: "", values: { evalue: "1" } });
  });

  test.each(["", "[]", "null", '{"program":"rm"}', '{"lists":{"seqidlist":[]}}', '{"exactness":"most"}', '{"lost":3}'])(
    "is not read from %s",
    (text) => {
      expect(readDraft(text)).toBeNull();
    },
  );
});
