import { describe, expect, test } from "vitest";
import { viewOf } from "../src/addresses";
import { lines } from "../src/model/alignment";
import { bins } from "../src/model/bins";
import { asFasta, fastaRecord, survey } from "../src/model/fasta";
import { bytes, count, duration, evalue, percent } from "../src/model/display";
import { entries, withoutLists } from "../src/model/lists";
import { numbersOf, written } from "../src/model/numbers";
import { commandLine, defaultOf, given, quoted, valuesOf } from "../src/model/options";
import { formatName, formatOf, outputOf, outputValues } from "../src/model/formats";
import { placed, runningAfter, united } from "../src/model/pieces";
import { fits, programFor } from "../src/model/program";
import { band, bars, ranges, ticks } from "../src/model/spans";
import { csv } from "../src/results/hits";
import { moved, visible } from "../src/model/tree";

describe("queries", () => {
  test("are counted, and their molecule is recognised", () => {
    expect(survey(">a one\nACGT\nAC GT\n>b\nACGTN\n")).toEqual({
      queries: 2,
      letters: 13,
      longest: 8,
      molecule: "nucleotide",
    });
    expect(survey(">p\nMVHLTPEEKSAV").molecule).toBe("protein");
    expect(survey("").molecule).toBeNull();
  });

  test("have the letters that BLAST+ keeps: no numbers, gaps, dots and comments", () => {
    expect(survey(">a\n   1 acgt-acgt ..acgt\n;ACGT\n #ACGT\nACGT;ACGT\n")).toEqual({
      queries: 1,
      letters: 16,
      longest: 16,
      molecule: "nucleotide",
    });
  });

  test("without a defline get one", () => {
    expect(asFasta("ACGT\nACGT")).toBe(">Query_1\nACGT\nACGT");
    expect(asFasta("\n  >a\nACGT")).toBe(">a\nACGT");
    expect(asFasta(" \n")).toBe("");
  });

  test("are folded into lines", () => {
    expect(fastaRecord("a", "ACGTACGTAC", 4)).toBe(">a\nACGT\nACGT\nAC\n");
    expect(fastaRecord("a", "ACGT", 4)).toBe(">a\nACGT\n");
  });
});

describe("the output", () => {
  const printing = {
    formats: [
      { number: 0, name: "Pairwise", columns: [], options: ["num_alignments", "html"] },
      { number: 6, name: "Tabular", columns: ["qaccver"], options: [] },
    ],
    output: [
      { name: "num_alignments", kind: "whole" },
      { name: "html", kind: "flag" },
    ],
  };

  test("contains the entered options that the format takes", () => {
    const values = { outfmt: "6", columns: " std  qlen ", num_alignments: "3", html: "true" };
    expect(outputOf(values, printing)).toEqual({ outfmt: "6 std qlen" });
    expect(outputOf({ ...values, outfmt: "0" }, printing)).toEqual({ num_alignments: "3", html: true });
    expect(outputOf({}, printing)).toEqual({});
    expect(formatOf(printing.formats, { outfmt: "17" })?.number).toBe(0);
  });

  test("is read from a search's options", () => {
    const flags = new Set(["html"]);
    expect(outputValues(["-outfmt", "7 std staxids"], flags)).toEqual({ outfmt: "7", columns: "std staxids" });
    expect(outputValues(["-html", "-num_alignments", "3"], flags)).toMatchObject({ num_alignments: "3", html: "true" });
    expect(formatName(printing.formats, ["-html", "-outfmt", "6 std"])).toBe("Tabular");
    expect(formatName(printing.formats, ["-html"])).toBe("Pairwise");
  });
});

describe("the program", () => {
  const PROGRAMS = [
    { name: "blastn", query: "nucleotide", database: "nucleotide" },
    { name: "blastp", query: "protein", database: "protein" },
    { name: "blastx", query: "nucleotide", database: "protein" },
    { name: "tblastn", query: "protein", database: "nucleotide" },
    { name: "tblastx", query: "nucleotide", database: "nucleotide" },
  ] as const;

  test("follows from the molecules", () => {
    expect(programFor(PROGRAMS, "nucleotide", "nucleotide", null)).toBe("blastn");
    expect(programFor(PROGRAMS, "protein", "protein", null)).toBe("blastp");
    expect(programFor(PROGRAMS, "nucleotide", "protein", null)).toBe("blastx");
    expect(programFor(PROGRAMS, "protein", "nucleotide", null)).toBe("tblastn");
    expect(programFor(PROGRAMS, null, null, null)).toBeNull();
  });

  test("that was chosen stays as long as it fits", () => {
    expect(programFor(PROGRAMS, "nucleotide", "nucleotide", "tblastx")).toBe("tblastx");
    expect(programFor(PROGRAMS, "protein", "protein", "tblastx")).toBe("blastp");
  });

  test("fits unknown molecules", () => {
    expect(PROGRAMS.filter((one) => fits(one, null, "protein")).map((one) => one.name)).toEqual(["blastp", "blastx"]);
  });
});

describe("options", () => {
  test("have BLAST+'s defaults, wherever it states them", () => {
    expect(defaultOf({ name: "evalue", default: "10" }, "blastn")).toBe("10");
    expect(defaultOf({ name: "word_size", default: null }, "megablast")).toBe("28");
    expect(defaultOf({ name: "gapopen", default: null }, "megablast")).toBeNull();
  });

  test("that are empty or unknown are not sent", () => {
    const known = new Set(["evalue", "ungapped", "word_size"]);
    expect(given({ evalue: " 1e-5 ", ungapped: "true", word_size: " ", matrix: "PAM30" }, known)).toEqual({
      evalue: "1e-5",
      ungapped: true,
    });
  });

  test("make a command that a shell reads back", () => {
    const search = ["blastn", "-db", "nt", "-dust", "20 64 1", "-out", "search.asn"];
    expect(commandLine([search, ["blast_formatter", "-html"]])).toBe(
      "blastn -db nt -dust '20 64 1' -out search.asn && blast_formatter -html",
    );
    expect(quoted("it's")).toBe(`'it'\\''s'`);
  });

  test("have lists as separate fields", () => {
    expect(withoutLists({ evalue: "1", seqidlist: "seqidlist.txt" })).toEqual([{ evalue: "1" }, ["seqidlist"]]);
    expect(entries("a\n\n  b\r\n \n")).toBe(2);
  });

  test("are read from a search's options", () => {
    expect(valuesOf(["-evalue", "-1", "-ungapped", "-dust", "no"], new Set(["ungapped"]))).toEqual({
      evalue: "-1",
      ungapped: "true",
      dust: "no",
    });
  });
});

describe("numbers", () => {
  test("are grouped, and have the right unit", () => {
    expect(count(1234567)).toBe("1,234,567");
    expect(bytes(0)).toBe("0 B");
    expect(bytes(1536)).toBe("1.5 KiB");
    expect(bytes(5 * 2 ** 40)).toBe("5.0 TiB");
    expect(duration(3.21)).toBe("3.2 s");
    expect(duration(119.7)).toBe("2 min 00 s");
    expect(duration(7322)).toBe("2 h 02 min");
    expect(percent(0.9999)).toBe("100%");
    expect(percent(0.9)).toBe("90%");
  });

  test("are E-values as BLAST+ writes them", () => {
    expect([0, 1e-200, 2e-35, 3e-5, 0.004, 0.15, 2.3, 12].map(evalue)).toEqual([
      "0.0",
      "0.0",
      "2e-35",
      "3e-05",
      "0.004",
      "0.15",
      "2.3",
      "12",
    ]);
  });
});

describe("alignments", () => {
  const one = { query_start: 1, query_end: 6, subject_start: 12, subject_end: 7 };

  test("are cut into lines with places that skip gaps and go down on the minus strand", () => {
    const rows = { query_row: "ACG-TACG".slice(0, 7), middle: "||| || ", subject_row: "ACGTTA-" };
    const found = lines({ ...one, ...rows }, 4);
    expect(found.map((line) => [line.query, line.middle, line.subject])).toEqual([
      ["ACG-", "||| ", "ACGT"],
      ["TAC", "|| ", "TA-"],
    ]);
    expect(found.map((line) => [line.queryFrom, line.queryTo, line.subjectFrom, line.subjectTo])).toEqual([
      [1, 3, 12, 9],
      [4, 6, 8, 7],
    ]);
  });

  test("of translated rows count three bases for a letter", () => {
    const rows = { query_row: "MK", middle: "M+", subject_row: "MR" };
    const places = { query_start: 6, query_end: 1, subject_start: 3, subject_end: 4 };
    expect(lines({ ...rows, ...places })[0]).toMatchObject({ queryFrom: 6, queryTo: 1, middle: "M+" });
  });
});

describe("the graphic summary", () => {
  const spans = { rank: [0, 0, 2], query_start: [1, 41, 100], query_end: [50, 60, 91], bit_score: [30, 90, 500] };

  test("has the best band where HSPs overlap, and one bar for a run of pixels", () => {
    const rows = ranges(spans);
    expect([...rows]).toEqual([
      [0, [0, 2]],
      [2, [2, 3]],
    ]);
    expect(bars(spans, rows.get(0) ?? [0, 0], 1, 100, 100)).toEqual([
      { from: 0, to: 40, band: 0 },
      { from: 40, to: 60, band: 3 },
    ]);
    expect(bars(spans, rows.get(2) ?? [0, 0], 1, 100, 10)).toEqual([{ from: 9, to: 10, band: 4 }]);
    expect(bars(spans, rows.get(2) ?? [0, 0], 1, 50, 10)).toEqual([]);
  });

  test("has at most one bar for each pixel, however many HSPs there are", () => {
    const many = Array.from({ length: 50_000 }, (_, at) => at);
    const columns = {
      rank: many.map(() => 0),
      query_start: many,
      query_end: many,
      bit_score: many.map((at) => at % 300),
    };
    expect(bars(columns, [0, many.length], 1, 50_000, 800).length).toBeLessThanOrEqual(800);
  });

  test("has NCBI's bands and round places", () => {
    expect([0, 39.9, 40, 79, 80, 200].map(band)).toEqual([0, 0, 1, 2, 3, 4]);
    expect(ticks(1, 1000, 10)).toEqual([100, 200, 300, 400, 500, 600, 700, 800, 900, 1000]);
  });
});

describe("pieces", () => {
  const piece = (node: string, started: number, seconds: number) => ({
    ...{ purpose: "search", batch: 0, shard: 0, node, seconds, finished: started + seconds },
  });

  test("that ran at the same time have separate lanes", () => {
    const [a, b] = placed([piece("b", 0, 1), piece("a", 0, 3), piece("a", 1, 1), piece("a", 3, 1)]);
    expect([a?.name, a?.lanes, b?.name, b?.lanes]).toEqual(["a", 2, "b", 1]);
    expect(a?.pieces.map((one) => one.lane)).toEqual([0, 1, 0]);
  });

  test("that are both read and streamed appear once", () => {
    const [one, other] = [piece("a", 0, 1), piece("b", 1, 1)];
    expect(united([one, other], [{ ...other }, piece("a", 2, 1)])).toEqual([one, other, piece("a", 2, 1)]);
  });

  test("that take more than twice the median are stragglers", () => {
    const found = placed([1, 1, 1.5, 1, 4].map((seconds, at) => piece("a", 10 * at, seconds)));
    expect(found[0]?.pieces.map((one) => one.isStraggler)).toEqual([false, false, false, false, true]);
  });
});

test("tables are quoted, and contain no formulas", () => {
  expect(
    csv(
      ["a", "b"],
      [
        ['say "hi"', 1],
        ["=1+1", null],
      ],
    ),
  ).toBe('a,b\r\n"say ""hi""",1\r\n\'=1+1,\r\n');
});

test("histograms count every value once", () => {
  const found = bins([0, 5, 10, 10], 2);
  expect(found.map((bin) => bin.count)).toEqual([1, 3]);
  expect(bins([], 2)).toEqual([]);
  expect(bins([3, 3], 2).reduce((sum, bin) => sum + bin.count, 0)).toBe(2);
});

describe("pieces that run", () => {
  const begun = (batch: number, node = "a", started = 0) => ({ purpose: "search", batch, shard: 0, node, started });

  test("are those that began and have not ended", () => {
    const both = runningAfter([begun(0)], "started", begun(0, "b"));
    expect(both.map((one) => one.node)).toEqual(["a", "b"]);
    expect(runningAfter(both, "stopped", begun(0, "a"))).toEqual([begun(0, "b")]);
    expect(runningAfter([...both, begun(1)], "piece", begun(0, "b"))).toEqual([begun(1)]);
    expect(runningAfter(both, "searching", begun(0))).toEqual([]);
    expect(runningAfter(both, "started", begun(0, "b", 7))).toHaveLength(2);
  });

  test("are placed beside those that ended, and may be late", () => {
    const ended = [1, 2, 3, 4].map((batch) => ({ ...begun(batch), seconds: 1, finished: batch }));
    const [node] = placed(ended, [{ ...begun(5), seconds: 5, finished: 5 }]);
    expect(node?.lanes).toBe(2);
    const late = node?.pieces.filter((one) => one.isStraggler);
    expect(late?.map((one) => [one.piece.batch, one.isRunning])).toEqual([[5, true]]);
  });
});

describe("numbers in addresses", () => {
  test("are written as ranges and read again", () => {
    expect(written([7, 0, 1, 2, 9, 8, 4])).toBe("0-2,4,7-9");
    expect(written([])).toBe("");
    expect([...numbersOf("0-2,4,7-9")]).toEqual([0, 1, 2, 4, 7, 8, 9]);
  });

  test("that are invalid or too many yield no numbers", () => {
    for (const list of [undefined, "", "a", "1,", "-1", "1--2", "1;2", "0-999999999"])
      expect(numbersOf(list).size).toBe(0);
  });
});

describe("an address of a view", () => {
  test("contains only valid values", () => {
    const given = { view: "taxonomy", evalue: "1e-5", identity: "101", coverage: "50", selected: "0-2,7", text: " x" };
    expect(viewOf(given)).toEqual({ view: "taxonomy", evalue: 1e-5, coverage: 50, selected: "0-2,7", text: " x" });
    const strange = { view: "x", evalue: "-1", coverage: "", selected: "2,1", organism: "o".repeat(201), hit: "-1" };
    expect(viewOf(strange)).toEqual({});
  });
});

describe("a tree", () => {
  const rows = [0, 1, 2, 2, 1, 0].map((level) => ({ level }));

  test("hides what is below closed rows", () => {
    expect(visible(rows, new Set())).toEqual([0, 1, 2, 3, 4, 5]);
    expect(visible(rows, new Set([1]))).toEqual([0, 1, 4, 5]);
    expect(visible(rows, new Set([0, 1]))).toEqual([0, 5]);
  });

  test("is navigated with keys", () => {
    const at = (key: string, from: number, ...closed: number[]) => moved(key, from, rows, new Set(closed));
    expect(at("ArrowDown", 1, 1)).toEqual({ at: 4 });
    expect(at("ArrowUp", 4, 1)).toEqual({ at: 1 });
    expect(at("ArrowUp", 0)).toEqual({ at: 0 });
    expect(at("ArrowRight", 1, 1)).toEqual({ at: 1, toggles: true });
    expect(at("ArrowRight", 1)).toEqual({ at: 2 });
    expect(at("ArrowLeft", 1)).toEqual({ at: 1, toggles: true });
    expect(at("ArrowLeft", 3)).toEqual({ at: 1 });
    expect(at("End", 0)).toEqual({ at: 5 });
    expect(at("x", 0)).toBeNull();
  });
});
