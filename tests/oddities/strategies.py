"""Odd searches as they occur: titles, ids, letters, line ends, lists, names of files and databases."""

from __future__ import annotations

import random
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from hypothesis import strategies as st

from tests.identity.comparison import DATABASE_TYPE, QUERY_TYPE
from tests.sequences import CODONS, LETTERS

PROGRAMS = ("blastn", "blastp") * 4 + ("blastx", "tblastn", "tblastx", "tblastx")
FORMATS = (
    *("0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "12", "13", "14", "15", "16", "18"),
    *("6 qseqid sseqid qaccver saccver stitle salltitles sallseqid evalue", "7 std stitle", "10 std salltitles"),
)
SAM = ("17", "17 SQ")
NUMBERED = ("13", "14", "15", "16")
"""Formats whose text holds the number of a query."""
MASKED = {
    "blastn": "-dust yes -soft_masking false",
    **dict.fromkeys(("blastp", "blastx", "tblastn", "tblastx"), "-seg yes"),
}
LINKED = {"tblastx": "-evalue 50 -seg no"}
FOUNDERS = 6


def founders() -> dict[str, tuple[str, ...]]:
    """Return proteins, and genes of them, that all queries and subjects are made of."""
    chance = random.Random(7)
    proteins = ["".join(chance.choices(LETTERS["prot"], k=chance.randint(40, 110))) for _ in range(FOUNDERS)]
    return {"prot": tuple(proteins), "nucl": tuple("".join(CODONS[one] for one in text) for text in proteins)}


POOL = founders()

MARKERS = (
    *("hits found", "x 0 hits found", "# 5 hits found", "# Query: a", "# Database: d", "# Fields: a, b"),
    *("# BLAST processed 2 queries", "# BLASTN 2.12.0+", "# BLASTP 2.12.0+", "BLASTP 2.12.0+"),
    *("Query=", "Query= a", "Query_1", "Query_2 Query_3", "x Query_1 y", "query_1", "Length=9", "> a", "Lambda      K"),
    *("Effective search space used: 12", "***** No hits found *****", "  Database: d", "Matrix: BLOSUM62"),
    *("<Iteration>", "</Iteration>", "</BlastOutput_iterations>", "<BlastOutput2>", "</BlastOutput2>", "<Hit_num>"),
    *(
        '"}',
        '{"report": {',
        "},",
        "]",
        "{",
        '"BlastOutput2": [',
        "&amp;",
        "<b>&",
        "]]>",
        '"quoted"',
        "it's",
        "\\",
        "\\n",
    ),
    *("@SQ\tSN:a", "@PG", "a\tb", "100\t200", "Blast4-archive ::= {", 'local str "Query_1"', "tag id 3", "seq-align"),
    *("CONTENT", "gnl|BL_ORD_ID|1", "lcl|Query_1", "<>", "%s", "N/A", "Unknown", "unnamed", "[blastn]", "Warning:"),
)
"""Words by which the program that prints or reads BLAST+'s formats might be misled."""
BYTES = (
    "a\x7fb",
    "\x7f",
    "a\x01b",
    "a\x02b",
    "a\x1bb",
    "a\x0bb",
    "caf\xe9",
    "na\u00efve \u4e2d",
    "\xa0",
    "a  b ",
    " ",
    "",
)
QUERIES = ("Query_1", "x Query_1 y", "Query_2 Query_3", "x hits found", "no hits found", "word " * 300)


def titles() -> st.SearchStrategy[str]:
    """Return titles, most of them plain."""
    plain = st.sampled_from(("a title", "title of the second kind"))
    return st.one_of(plain, plain, st.sampled_from(MARKERS), st.sampled_from(QUERIES), st.sampled_from(BYTES))


STYLES: Mapping[str, Callable[[int], str]] = {
    "plain": lambda n: f"s{n}",
    "queries": lambda n: f"Query_{n + 1}",
    "other queries": lambda n: f"Query_1{n}",
    "local queries": lambda n: f"lcl|Query_{n + 1}",
    "small queries": lambda n: f"query_{n + 1}",
    "ordinals": lambda n: f"gnl|BL_ORD_ID|{(n + 1) % 5}" if n < 5 else f"gnl|BL_ORD_ID|{n + 90}",
    "accessions": lambda n: f"M3666{n}",
    "small accessions": lambda n: f"m3666{n}",
    "proteins": lambda n: f"P1234{n}",
    "versions": lambda n: f"AB00000{n}.{n % 2 + 1}",
    "references": lambda n: f"NM_00012{n}.{n % 3 + 1}",
    "numbers": lambda n: str(n + 1),
    "gis": lambda n: f"gi|{1000 + n}|gb|AA00000{n}.1|",
    "bars": lambda n: f"gnl|lab|x{n}",
    "long": lambda n: f"{'x' * 47}{n}",
    "quoted": lambda n: f"a'b\"{n},c;{n}",
    "alignments": lambda n: f"tag_id_{n}{{",
}
"""How people name sequences: the id of each number."""
ACCESSIONS = {name: STYLES[name] for name in ("accessions", "small accessions", "proteins", "versions", "references")}
QUERY_STYLES: Mapping[str, Callable[[int], str]] = {
    **STYLES,
    "none": lambda n: "",
    "same": lambda n: "same",
    "very long": lambda n: f"{'y' * 300}{n}",
}


@st.composite
def ids(draw: st.DrawFn, styles: Mapping[str, Callable[[int], str]], count: int) -> list[str]:
    """Draw ids of one style, of which some may be of another."""
    common_ones = ("plain",) * 4 + ("queries", "other queries", "small accessions", "accessions", "ordinals")
    names = (*styles, *(name for name in common_ones if name in styles))
    common, other = draw(st.sampled_from(names)), draw(st.sampled_from(names))
    odd = draw(st.integers(0, 3 * count))
    return [styles[other if number == odd else common](number) for number in range(count)]


def random_letters(kind: str, count: int) -> str:
    """Return letters that are like no founder, each time the same."""
    return "".join(random.Random(count).choices(LETTERS[kind], k=count))


CHANGES: Mapping[str, Callable[[str, str], str]] = {
    "copy": lambda text, kind: text,
    "relative": lambda text, kind: "".join(
        LETTERS[kind][place % len(LETTERS[kind])] if place % 11 == 5 else letter for place, letter in enumerate(text)
    ),
    "piece": lambda text, kind: text[len(text) // 4 : len(text) * 3 // 4],
    "repeated": lambda text, kind: text + text[: len(text) // 2],
    "lower": lambda text, kind: text[:9] + text[9:60].lower() + text[60:],
    "ambiguous": lambda text, kind: text[:20] + ("RYKMSWBDHVN" if kind == "nucl" else "BZX") + text[20:],
    "masked": lambda text, kind: text[:20] + ("N" if kind == "nucl" else "X") * 18 + text[20:],
    "only masked": lambda text, kind: ("N" if kind == "nucl" else "X") * 30,
    "low complexity": lambda text, kind: ("AT" if kind == "nucl" else "P") * 40,
    "short": lambda text, kind: text[:2],
    "one": lambda text, kind: text[:1],
    "replaced": lambda text, kind: text[:20] + "OUJ*" + text[20:],
    "gaps": lambda text, kind: f"{text[:9]}---{text[9:20]}...{text[20:]}",
    "numbered": lambda text, kind: f"1 {text[:10]} {text[10:20]} 61 {text[20:]}",
    "many gaps": lambda text, kind: text + "-" * 10_100,
    "long with many gaps": lambda text, kind: text + random_letters(kind, 9_000) + "-" * 10_100,
    "empty": lambda text, kind: "",
    "stars": lambda text, kind: "****",
    "digits": lambda text, kind: "12345",
    "hyphens": lambda text, kind: "-----",
    "foreign": lambda text, kind: "FLIPEQ",
    "O": lambda text, kind: "O" * 19,
}
"""How sequences are made of a founder, of each kind."""
OF_SUBJECTS = (
    "copy",
    "relative",
    "relative",
    "piece",
    "repeated",
    "lower",
    "ambiguous",
    "masked",
    "only masked",
    "one",
)
OF_QUERIES = (
    *("copy",) * 6,
    *("relative", "piece", "repeated", "lower", "ambiguous", "masked", "only masked", "low complexity"),
    *("short", "one", "replaced", "gaps", "numbered", "many gaps"),
)
WITHOUT_LETTERS = ("empty", "stars", "digits", "hyphens", "foreign", "O")
"""Queries of which BLAST+ reads no letters, in at least one molecule; such a search is left to BLAST+."""


@dataclass(frozen=True)
class Theme:
    """Common properties of the searches of a kind, so that few examples show its special behaviour."""

    programs: Sequence[str] = PROGRAMS
    subject_styles: Mapping[str, Callable[[int], str]] = field(default_factory=lambda: STYLES)
    query_changes: Sequence[str] = OF_QUERIES
    titles: Sequence[str] = ()
    """The molecule of the queries; any if there are none."""
    least_records: int = 1
    first_query: str | None = None
    """The change of the first query."""
    lists: bool = False
    """Whether the search has a list of ids, and the databases are of a kind whose ids BLAST+ looks up for it."""
    options: Mapping[str, str] = field(default_factory=dict)
    """The option that comes first, by program."""
    formats: Sequence[str] = FORMATS
    printed: int = 1
    """In how many of the formats each search is printed."""
    batches: Sequence[int] = (1, 2, 5000)
    plain: bool = True
    """Whether the search has none of the oddities for which it is left to BLAST+."""


NO_THEME = Theme(printed=2, plain=False)
THEMES = (
    *(NO_THEME,) * 6,
    Theme(subject_styles=ACCESSIONS, least_records=3, lists=True, formats=("0", "5", "6", "7", "10", "15"), printed=2),
    Theme(
        programs=("blastn",),
        query_changes=("copy", "copy", "only masked"),
        titles=("Query_1", "x Query_1 y", "Query_2 Query_3"),
        least_records=4,
        formats=("5", *NUMBERED),
        batches=(2, 3),
    ),
    Theme(
        programs=("blastp", "blastx", "tblastn", "tblastx"),
        query_changes=("only masked", "low complexity"),
        options=MASKED,
        formats=("7", "7 std", "7 std stitle", "0", "15"),
    ),
    Theme(
        programs=("tblastx",),
        query_changes=("relative", "piece", "repeated"),
        least_records=5,
        first_query="long with many gaps",
        options=LINKED,
        formats=("6", "7", "10", "0"),
        batches=(1,),
    ),
)


def happens(draw: st.DrawFn, one_in: int) -> bool:
    """Draw whether something rare happens; Hypothesis draws the smallest and largest numbers more often than others."""
    return draw(st.integers(0, one_in - 1)) == one_in // 2


@st.composite
def records(
    draw: st.DrawFn,
    kind: str,
    styles: Mapping[str, Callable[[int], str]],
    changes: Sequence[str],
    least: int = 1,
    titled: st.SearchStrategy[str] | None = None,
) -> list[tuple[str, str, str]]:
    """Draw ids, titles and letters."""
    count = draw(st.integers(least, 7))
    named = draw(ids(styles, count))
    chosen = draw(st.lists(st.sampled_from(changes), min_size=count, max_size=count))
    of = draw(st.lists(st.integers(0, FOUNDERS - 1), min_size=count, max_size=count))
    words = draw(st.lists(titled if titled is not None else titles(), min_size=count, max_size=count))
    made = [CHANGES[change](POOL[kind][founder], kind) for founder, change in zip(of, chosen, strict=True)]
    return list(zip(named, words, made, strict=True))


@st.composite
def asked(draw: st.DrawFn, kind: str, theme: Theme) -> bytes:
    """Draw queries."""
    styles = {name: STYLES[name] for name in ("plain", "queries", "numbers")} if theme.plain else QUERY_STYLES
    titled = st.sampled_from(theme.titles) if theme.titles else st.just("a title") if theme.plain else titles()
    made = draw(records(kind, styles, theme.query_changes, theme.least_records, titled))
    if theme.first_query is not None:
        made[0] = (*made[0][:2], CHANGES[theme.first_query](POOL[kind][0], kind))
    if not theme.plain and happens(draw, 8):
        place = draw(st.integers(0, len(made) - 1))
        made[place] = (*made[place][:2], CHANGES[draw(st.sampled_from(WITHOUT_LETTERS))]("", kind))
    return draw(fasta(kind, made, ENDS[2:6] if theme.plain else ENDS))


ENDS = ("\n", "\n", "\n", "\n", "\r\n", "\r\n", "\r")


@st.composite
def fasta(draw: st.DrawFn, kind: str, made: list[tuple[str, str, str]], ends: Sequence[str]) -> bytes:
    """Draw how the records are written."""
    end = draw(st.sampled_from(ends))
    width = draw(st.sampled_from((70, 70, 70, 60, 60, 60, 1, 100_000)))
    blank = end if happens(draw, 7) else ""
    text = ""
    for name, title, sequence in made:
        lines = [sequence[at : at + width] for at in range(0, len(sequence), width)][:12_000]
        text += end.join([f">{name} {title}".rstrip(" ") if not title.strip() else f">{name} {title}", *lines, blank])
    if happens(draw, 8):
        text = text.rstrip("\r\n")
    return text.encode()


@dataclass(frozen=True)
class Database:
    """A database to be made."""

    name: str
    fasta: bytes
    options: tuple[str, ...]


@dataclass(frozen=True)
class Oddity:
    """A search."""

    program: str
    databases: tuple[Database, ...]
    query: bytes
    options: tuple[str, ...]
    formats: tuple[str, ...]
    out: str | None
    shards: int
    batch_queries: int
    files: Mapping[str, bytes] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    def words(self, outfmt: str) -> list[str]:
        """Return the command's arguments in a folder beside the files."""
        searched = " ".join(f'"../{one.name}"' if " " in one.name else f"../{one.name}" for one in self.databases)
        out = [] if self.out is None else ["-out", self.out]
        return ["-query", "../q.fa", "-db", searched, *self.options, "-outfmt", outfmt, *out]

    def script(self, outfmt: str) -> str:
        """Return commands for a shell that show it."""
        dbtype = DATABASE_TYPE[self.program]
        lines = [f"printf %b {shlex.quote(_escaped(self.query))} > q.fa"]
        lines += [f"printf %b {shlex.quote(_escaped(text))} > {name}" for name, text in self.files.items()]
        for one in self.databases:
            made = shlex.join(["makeblastdb", "-in", "-", "-dbtype", dbtype, *one.options, "-out", one.name])
            lines.append(f"printf %b {shlex.quote(_escaped(one.fasta))} | {made} -title {shlex.quote(one.name)}")
        variables = "".join(f"{name}={value} " for name, value in self.environment.items())
        command = shlex.join([self.program, *self.words(outfmt)])
        ours = f"--shards {self.shards}  # batches of {self.batch_queries} queries"
        return "\n".join([*lines, f"mkdir here; cd here; {variables}shardblast {command} {ours}"])


def _escaped(text: bytes) -> str:
    return "".join(chr(one) if 32 <= one < 127 and one != 92 else f"\\0{one:03o}" for one in text)


NAMES = (
    "result",
    "result",
    "[1]",
    "r.json",
    "r.xml",
    "r_2.json",
    "a b",
    "what?",
    "it's",
    '"q"',
    "*",
    "folder",
    ".json",
)
DATABASE_NAMES = ("db",) * 16 + ("d.b", "my db", "db[1]", "d'b", "hits found", "Query_1", "d;b", "caf\xe9")
OPTIONS = {
    "blastn": ("-task blastn", "-dust no", "-dust yes -soft_masking false", "-lcase_masking", "-strand minus"),
    "blastp": ("-seg yes", "-seg yes", "-comp_based_stats 0", "-lcase_masking", "-comp_based_stats 3"),
    "blastx": ("-seg no", "-lcase_masking", "-strand plus"),
    "tblastn": ("-seg yes", "-comp_based_stats 0"),
    "tblastx": ("-seg no", "-evalue 50 -seg no"),
}
COMMON = ("-max_target_seqs 1", "-max_target_seqs 5", "-evalue 1000", "-html", "-show_gis")


@st.composite
def lists(draw: st.DrawFn, names: list[str]) -> tuple[tuple[str, ...], bytes]:
    """Draw an option with a list of ids, and the list, where ids are written otherwise than in the database."""
    option = draw(st.sampled_from(("-seqidlist", "-negative_seqidlist")))
    ways: tuple[Callable[[str], str], ...] = (
        str,
        str,
        str.lower,
        str.upper,
        lambda name: name.partition(".")[0],
        lambda name: f"{name.partition('.')[0]}.9",
        lambda name: f"lcl|{name}",
        lambda name: name.strip("|").rpartition("|")[2],
    )
    way, other = draw(st.sampled_from(ways)), draw(st.sampled_from(ways))
    chosen = [name for name in names if draw(st.booleans())] or names[:1]
    lines = [way(name) if number else other(name) for number, name in enumerate(chosen)]
    end = draw(st.sampled_from(("\n", "\n", "\r\n")))
    return (option, "../ids"), end.join([*lines, ""]).encode()


@st.composite
def databases(draw: st.DrawFn, dbtype: str, theme: Theme) -> tuple[tuple[Database, ...], list[str]]:
    """Draw databases that are searched together, and the ids in them that lists can name."""
    made, named = [], []
    version = "5" if theme.lists else draw(st.sampled_from(("5", "5", "4")))
    for number in range(1 + happens(draw, 5)):
        parsed = theme.lists or draw(st.sampled_from((True, True, False)))
        sequences = draw(records(dbtype, theme.subject_styles, OF_SUBJECTS, theme.least_records))
        if happens(draw, 5):
            sequences = [(name, f"{title}\x01{name}x second", text) for name, title, text in sequences]
        if number and parsed:
            sequences = [(f"second{place}", title, text) for place, (_, title, text) in enumerate(sequences)]
        if parsed:
            named += [name for name, _, _ in sequences]
        text = draw(fasta(dbtype, [one for one in sequences if one[2]], ENDS[2:6] if theme.plain else ENDS))
        options = ("-blastdb_version", version, *(("-parse_seqids",) if parsed else ()))
        name = "second" if number else "db" if theme.plain else draw(st.sampled_from(DATABASE_NAMES))
        made.append(Database(name, text, options))
    return tuple(made), named


@st.composite
def oddities(draw: st.DrawFn) -> Oddity:
    """Draw a search."""
    theme = draw(st.sampled_from(THEMES))
    program = draw(st.sampled_from(theme.programs))
    searched, named = draw(databases(DATABASE_TYPE[program], theme))
    query = draw(asked(QUERY_TYPE[program], theme))
    words = [word for option in draw(options(program, theme)) for word in option.split()]
    files = {}
    if named and (theme.lists or happens(draw, 3)):
        more, files["ids"] = draw(lists(named))
        words += more
    formats = (*FORMATS, *SAM) if program == "blastn" and theme is NO_THEME else theme.formats
    chosen = draw(st.lists(st.sampled_from(formats), min_size=theme.printed, max_size=theme.printed, unique=True))
    several = any(one[:2] in ("13", "14") for one in chosen)
    rare = not theme.plain and happens(draw, 30)
    return Oddity(
        program,
        searched,
        query,
        tuple(words),
        tuple(chosen),
        draw(st.sampled_from(NAMES[: 6 if theme.plain else None])) if several or happens(draw, 6) else None,
        draw(st.integers(1, 3)),
        draw(st.sampled_from(theme.batches)),
        files,
        {"BATCH_SIZE": draw(st.sampled_from(("0", "300", "20000")))} if rare else {},
    )


@st.composite
def options(draw: st.DrawFn, program: str, theme: Theme) -> list[str]:
    """Draw options of different names."""
    drawn = draw(st.lists(st.sampled_from((*OPTIONS[program], *COMMON)), max_size=2, unique_by=_first_name))
    first = [theme.options[program]] if program in theme.options else []
    options = [*first, *(one for one in drawn if not {_first_name(one)} & {*" ".join(first).split()})]
    return [*options, "-parse_deflines"] if not theme.plain and happens(draw, 12) else options


def _first_name(option: str) -> str:
    return option.split()[0]
