"""The databases and queries: real sequences, made once and kept in build/bench/data."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from bench import fasta
from bench.place import DATA, DEMO_DATA

SSU = Path("/usr/share/ncbi/data/SSU_nomito_nochloro_noplastid")
"""From Debian's ncbi-rrna-data: 202,914 sequences, 297,912,736 bases, one volume of version 4."""
SSU_STEP = 100
"""Every such sequence of it can become a query."""
HITLIST_SIZE = 500
"""``-max_target_seqs`` by default."""
GENOME_LENGTH = 4_000_000
"""Bases of a made genome."""
BASES = bytes(ord("ACGT"[byte % 4]) for byte in range(256))
"""The base that a random byte stands for, with which ``bytes.translate`` makes sequences as fast as memory."""


class NoData(Exception):
    """Something that a case needs is missing on this machine; the message names it."""


@dataclass(frozen=True, slots=True)
class Nucleotides:
    """The nucleotide database of a case."""

    database: Path
    what: str
    is_small: bool


def proteins() -> Path:
    """Return the database of the 7,310 proteins of demo/data."""
    return _database("proteins", "prot", fasta.read_packed(DEMO_DATA / "proteins.fa.gz"))


def protein_families(families: int, copies: int, sequences: int, volumes: int = 1) -> tuple[Path, Path]:
    """Return a database of families of proteins among unrelated ones, and 5 queries of each family.

    Args:
        families: How many.
        copies: Proteins of each family.
        sequences: Of the database.
        volumes: Into how many volumes it is cut, or one or two more.
    """
    real = list(fasta.read_packed(DEMO_DATA / "proteins.fa.gz"))
    chosen = [record for record in real if 250 < len(record.letters) < 350][:families]
    related = [copy for record in chosen for copy in fasta.copies(record, copies)]
    name = f"{families}-families-of-{copies}-in-{sequences}"
    queries = _queries(f"{name}.queries", fasta.every(iter(related), copies // 5))
    unrelated = list(fasta.shuffled(real, sequences - len(related)))
    if volumes == 1:
        return _database(name, "prot", fasta.mixed([*related, *unrelated])), queries
    most = max(sum(len(record.letters) for record in (*related, *unrelated)) // volumes, 20_000)
    name = f"{name}-{volumes}-volumes"
    return _database(name, "prot", fasta.mixed([*related, *unrelated]), "-max_file_sz", str(most)), queries


def gene_copies(copies: int, sequences: int) -> tuple[Path, Path]:
    """Return a database of nearly equal copies of a gene of 900 bases among unrelated ones, and 5 copies as queries.

    Args:
        copies: Of the gene, of which up to 2 % of the bases are exchanged.
        sequences: Of the database.
    """
    real = list(fasta.read_packed(DEMO_DATA / "proteins.fa.gz"))
    genes = [fasta.coding(record) for record in real if len(record.letters) == 300]
    related = list(fasta.copies(genes[0], copies, 0, 0.02))
    name = f"{copies}-genes-in-{sequences}"
    queries = _queries(f"{name}.queries", fasta.every(iter(related), copies // 5))
    unrelated = fasta.shuffled(genes, sequences - copies)
    return _database(name, "nucl", fasta.mixed([*related, *unrelated])), queries


def small_rrna() -> Path:
    """Return the database of the 2,754 16S sequences of demo/data, as the demonstration makes it."""
    return _database("16s", "nucl", fasta.read_packed(DEMO_DATA / "16s.fa.gz"))


def small_rrna_with_ids() -> Path:
    """Return the same made with ``-parse_seqids``."""
    return _database("16s-ids", "nucl", fasta.numbered(fasta.read_packed(DEMO_DATA / "16s.fa.gz")), "-parse_seqids")


def rrna_copies(copies: int) -> Path:
    """Return the 16S sequences of demo/data so many times, each with an id of its own, as a FASTA file."""
    records = list(fasta.read_packed(DEMO_DATA / "16s.fa.gz"))
    return _queries(f"16s-{copies}-times", fasta.numbered(record for _ in range(copies) for record in records))


def small_rrna_in_volumes() -> Path:
    """Return the same in eight volumes."""
    (DATA / "16s-volumes").mkdir(exist_ok=True)
    return _database("16s-volumes/16s", "nucl", fasta.read_packed(DEMO_DATA / "16s.fa.gz"), "-max_file_sz", "145000")


def nucleotides() -> Nucleotides:
    """Return Debian's large rRNA database, or the small one where it is not installed."""
    if has_ssu():
        return Nucleotides(SSU, "SSU rRNA of ncbi-rrna-data", False)
    return Nucleotides(small_rrna(), "the SMALL data (16S of demo/data), since ncbi-rrna-data is not installed", True)


def has_ssu() -> bool:
    return SSU.with_name(f"{SSU.name}.nsq").exists()


def ssu_copies(count: int) -> tuple[Path, int]:
    """Return an alias over ``count`` copies of Debian's database, and the bytes that a search of it has to read.

    Those are its index and its sequences; the headers are read for hits alone.

    Raises:
        NoData: It is not installed.
    """
    if not has_ssu():
        raise NoData("Debian's ncbi-rrna-data is not installed, and nothing else here is large enough")
    folder = DATA / "copies"
    folder.mkdir(exist_ok=True)
    scanned = 0
    for copy in range(count):
        for suffix in ("nin", "nsq", "nhr"):
            source, target = SSU.with_name(f"{SSU.name}.{suffix}"), folder / f"ssu{copy}.{suffix}"
            if not target.exists() or target.stat().st_size != source.stat().st_size:
                shutil.copyfile(source, target)
            scanned += target.stat().st_size if suffix != "nhr" else 0
    names = " ".join(f'"{folder / f"ssu{copy}"}"' for copy in range(count))
    alias = folder / f"copies{count}"
    alias.with_name(f"{alias.name}.nal").write_text(f"TITLE {count} copies of {SSU.name}\nDBLIST {names}\n")
    return alias, scanned


def genomes(count: int) -> tuple[Path, int]:
    """Return a database of so many genomes of random bases, and the bytes that a search of it has to read.

    Args:
        count: Genomes of 4 million bases; each takes 1 MB.
    """
    database = DATA / f"{count}-genomes"
    if not database.with_name(f"{database.name}.nal").exists():
        argv = ["makeblastdb", "-in", "-", "-dbtype", "nucl", "-title", database.name, "-out", str(database)]
        argv += [
            "-max_file_sz",
            f"{min(500, count // 2)}MB",
        ]  # several volumes, whose alias is the last file to be made
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as made:
            assert made.stdin is not None
            for number in range(count):
                made.stdin.write(b">genome%d\n%b\n" % (number, _genome(number)))
        if made.returncode:
            raise NoData(f"makeblastdb can't make {database}: it ended with status {made.returncode}")
    volumes = chain(DATA.glob(f"{database.name}.*.nin"), DATA.glob(f"{database.name}.*.nsq"))
    return database, sum(file.stat().st_size for file in volumes)


def genome_reads(genomes: int, count: int, length: int) -> Path:
    """Return reads of such genomes, of which up to two bases are exchanged."""
    draw = random.Random(count)

    def read(number: int) -> fasta.Record:
        letters = bytearray(_genome(number * genomes // count))
        start = draw.randrange(len(letters) - length)
        for place in draw.sample(range(length), 2):
            letters[start + place] = BASES[draw.randrange(256)]
        return fasta.Record(f"read{number}", letters[start : start + length].decode())

    return _queries(f"{count}-reads-of-{genomes}-genomes", map(read, range(count)))


def _genome(number: int) -> bytes:
    return random.Random(number).randbytes(GENOME_LENGTH).translate(BASES)


def random_queries(count: int, length: int) -> Path:
    """Return queries of random bases."""
    draw = random.Random(count)
    records = (fasta.Record(f"random{n}", "".join(draw.choices("ACGT", k=length))) for n in range(count))
    return _queries(f"random-{count}-{length}", records)


def short_reads(count: int) -> Path:
    """Return reads of 100 nt, of which every tenth is a piece of a 16S sequence and the others are random."""
    draw = random.Random(count)
    real = [record for record in fasta.read_packed(DEMO_DATA / "16s.fa.gz") if len(record.letters) > 100]

    def read(number: int) -> fasta.Record:
        if number % 10:
            return fasta.Record(f"read{number}", "".join(draw.choices("ACGT", k=100)))
        letters = draw.choice(real).letters
        start = draw.randrange(len(letters) - 100)
        return fasta.Record(f"read{number}", letters[start : start + 100])

    return _queries(f"reads-{count}", map(read, range(count)))


def single_reads(count: int) -> list[Path]:
    """Return reads of 16S sequences, each in a file of its own."""
    with short_reads(10 * count).open() as lines:
        reads = list(fasta.every(fasta.read(lines), 10))
    return [_queries(f"single-{record.title}", iter([record])) for record in reads]


def protein_queries(step: int) -> Path:
    """Return every ``step``-th protein of the database, as queries."""
    records = fasta.every(fasta.read_packed(DEMO_DATA / "proteins.fa.gz"), step)
    return _queries(f"proteins-every-{step}", records)


def coding_queries(step: int) -> Path:
    """Return genes of every ``step``-th protein."""
    records = fasta.every(fasta.read_packed(DEMO_DATA / "proteins.fa.gz"), step)
    return _queries(f"genes-every-{step}", map(fasta.coding, records))


def rrna_queries() -> Path:
    """Return the 40 16S queries of demo/data."""
    return _queries("16s-queries", fasta.read_packed(DEMO_DATA / "16s-queries.fa.gz"))


def tiny_query() -> Path:
    """Return one query of 100 nucleotides."""
    return _queries("tiny", islice(fasta.cut(fasta.read_packed(DEMO_DATA / "16s-queries.fa.gz"), 100), 1))


def small_pieces(count: int, length: int) -> Path:
    """Return ``count`` pieces of the 16S sequences of demo/data; several of each sequence if there are not enough."""
    records = list(fasta.read_packed(DEMO_DATA / "16s.fa.gz"))
    pieces = fasta.cut(records * (1 + 2 * count // len(records)), length)
    return _queries(f"16s-{count}-pieces-of-{length}", islice(pieces, count))


def mostly_shuffled(real: Path, number: int, count: int, length: int) -> Path:
    """Return a batch of queries of which one has hits.

    Args:
        real: Where that one is from.
        number: Of the batch, 0-based; each is different.
        count: Queries of the batch.
        length: Of each.
    """
    with real.open() as lines:
        related = list(fasta.read(lines))
    pieces = list(fasta.cut(fasta.read_packed(DEMO_DATA / "16s.fa.gz"), length))
    unrelated = islice(fasta.shuffled(pieces, count * (number + 1)), count * number, None)
    records = chain([related[number % len(related)]], islice(unrelated, 1, None))
    return _queries(f"{count}-of-{length}-batch-{number}-with-{len(related)}", records)


def selective_pieces(
    source: Nucleotides, options: tuple[str, ...], candidates: int, length: int, fewer_than: int = HITLIST_SIZE
) -> Path:
    """Return pieces cut out of a database that find few subjects in it.

    In a database of one gene most pieces find thousands. Those have cases of their own.

    Args:
        source: The database.
        options: Of blastn.
        candidates: How many pieces to try; by default a third to a half of them are left.
        length: Of a piece.
        fewer_than: Subjects; at most ``HITLIST_SIZE``.
    """
    size = "small" if source.is_small else "ssu"
    path = DATA / f"{size}{''.join(options)}-{candidates}-pieces-of-{length}-below-{fewer_than}.fa"
    if path.exists():
        return path
    step = 20 if source.is_small else SSU_STEP
    pieces = list(fasta.cut(fasta.every(_dumped(source.database), step, step // 2), length))
    pieces = pieces[:: max(1, len(pieces) // candidates)][:candidates]
    tried = path.with_suffix(".tried")
    fasta.write(tried, pieces)
    subjects = _subject_counts(source.database, options, tried)
    tried.unlink()
    kept = [piece for piece in pieces if 0 < subjects.get(piece.title.split()[0], 0) < fewer_than]
    if not kept:
        raise NoData(f"none of {len(pieces)} pieces finds fewer than {fewer_than} subjects")
    fasta.write(path, kept)
    return path


def count(queries: Path) -> int:
    """Return the number of records of a FASTA file."""
    with queries.open("rb") as file:
        return sum(line.startswith(b">") for line in file)


def _subject_counts(database: Path, options: tuple[str, ...], queries: Path) -> dict[str, int]:
    argv = ["blastn", *options, "-db", str(database), "-query", str(queries), "-max_hsps", "1"]
    argv += [
        "-outfmt",
        "6 qseqid",
        "-num_threads",
        "2",
        "-max_target_seqs",
        str(10 * HITLIST_SIZE),
    ]  # at the limit itself a list can be cut
    counts: dict[str, int] = {}
    for query in subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines():
        counts[query] = counts.get(query, 0) + 1
    return counts


def _dumped(database: Path) -> Iterator[fasta.Record]:
    argv = ["blastdbcmd", "-db", str(database), "-entry", "all", "-outfmt", "%f"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, errors="replace") as process:
        assert process.stdout is not None
        yield from fasta.read(process.stdout)
    if process.returncode:
        raise NoData(f"blastdbcmd can't read {database}")


def _queries(name: str, records: Iterator[fasta.Record]) -> Path:
    path = DATA / f"{name}.fa"
    if not path.exists():
        fasta.write(path, records)
    return path


def _database(name: str, dbtype: str, records: Iterator[fasta.Record], *options: str) -> Path:
    path = DATA / name
    if not any(path.with_name(f"{path.name}{volume}.{dbtype[0]}in").exists() for volume in ("", ".00")):
        source = _queries(f"{name}.source", records)
        argv = ["makeblastdb", "-in", str(source), "-dbtype", dbtype, "-title", name, "-out", str(path), *options]
        subprocess.run(argv, capture_output=True, check=True)
    return path
