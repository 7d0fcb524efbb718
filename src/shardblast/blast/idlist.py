"""Lists of ids as BLAST+ looks them up, and the sequences that a list of ids not to see hides without saying so."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

from shardblast.blast.installation import Installation
from shardblast.blast.process import Processes, checked, was_killed
from shardblast.core.errors import LeftToBlast
from shardblast.core.lists import BINARY, listed_ids

_WHAT = "the look at a list of ids"
_LONG = 0xFF
"""In place of the length of an id: four bytes with its length follow."""
_TRACES = ("gnl|ti|", "gi|")
"""Ids that no list of ids can name, so that BLAST+ hides their sequences if they have no other id."""

_WITHOUT_ACCESSION = frozenset({"lcl", "gnl", "pat", "bbs", "bbm", "gim"})


def write_looked_up(installation: Installation, processes: Processes, path: Path, folder: Path, target: Path) -> None:
    """Write a list, text or binary, as BLAST+ looks it up in a database of version 5.

    BLAST+ normalises the ids of a list that a user gives before it looks them up: an accession in lower case becomes
    one in upper case. It does not normalise a list that an alias names. blastdb_aliastool normalises ids as a search
    does, and the binary lists that it makes are looked up as they are, whoever names them.

    Args:
        installation: Of BLAST+.
        processes: Runs it.
        path: The user's list.
        folder: For what is needed meanwhile.
        target: The file to write.

    Raises:
        LeftToBlast: BLAST+ takes none of the ids.
        ShardblastError: BLAST+ was killed.

    Source:
        NCBI C++ Toolkit, objtools/blast/seqdb_reader/seqdbgilistset.cpp (s_ProcessSeqIDsForV5) and
        objtools/blast/seqdb_writer/seqidlist_writer.cpp (WriteBlastSeqidlistFile).
    """
    text = path.read_bytes()
    if text.startswith(BINARY):
        shutil.copyfile(path, target)
        return
    words = folder / f"{target.name}.words"
    words.write_bytes(b"".join(b"%s\n" % word for word in listed_ids(text)))
    argv = [installation.program("blastdb_aliastool"), "-seqid_file_in", str(words), "-seqid_file_out", str(target)]
    finished = processes.run(argv)
    if was_killed(finished):
        checked(finished, _WHAT)
    if finished.status:
        raise LeftToBlast(" ".join(finished.stderr.decode(errors="replace").split()) or "BLAST+ takes none of the ids.")


def hides_others(binary: bytes, ids: Iterable[tuple[int, str]], named: bytes) -> bool:
    """Tell whether a list of ids not to see, of a database of version 5, may hide sequences that it does not name.

    BLAST+ leaves out of its totals the sequences that it finds by the ids of the list. From the hits it then drops
    every title with an id that the list has in lower case, or without what follows its first dot; a sequence without
    titles is no hit, but the totals count it. This compares a little more loosely than BLAST+ does.

    Args:
        binary: The list as ``write_looked_up`` writes it.
        ids: All ids of the database with the OIDs of their sequences, as ``blastdbcmd`` prints them.
        named: For each OID 1 if the list names it, else 0.

    Source:
        NCBI C++ Toolkit, objtools/blast/seqdb_reader/seqdbcommon.cpp (CSeqDBNegativeList::FindId).
    """
    listed = set(_ids_of(binary))
    return any(
        not named[oid] and (one.startswith(_TRACES) or not listed.isdisjoint(_spellings(one))) for oid, one in ids
    )


def differ_in_kind(ids: Iterable[tuple[int, str]]) -> bool:
    """Tell whether a sequence has titles with an accession and titles without one.

    Of a sequence that a list names, BLAST+ notes the accessions in each alignment, or the GIs if it has these. Where it
    has noted some, it shows no other titles of the sequence.

    Args:
        ids: The OID of each title with its id, as ``blastdbcmd`` prints it.

    Source:
        NCBI C++ Toolkit, algo/blast/api/blast_seqinfosrc_aux.cpp (GetFilteredRedundantSeqids) and
        objtools/align_format/showdefline.cpp (use_this_seqid).
    """
    kinds: dict[int, str] = {}
    return any(kinds.setdefault(oid, _kind_of(one)) != _kind_of(one) for oid, one in ids)


def _kind_of(one: str) -> str:
    """Return which kind of id BLAST+ notes for a title: "gi", "accession" or none."""
    kind, _, name = one.partition("|")
    if kind == "gi":
        return kind
    return "" if kind in _WITHOUT_ACCESSION or not name.strip("|") else "accession"


def _spellings(one: str) -> Iterator[str]:
    """Yield the words by which BLAST+ finds an id in a list."""
    kind, *parts = one.strip("|").split("|")
    for word in (one, *parts, ":".join(parts), "_".join(parts)):
        yield from (word, word.lower(), word.lower().partition(".")[0])
        if kind != "lcl":
            yield word.partition(".")[0]


def _ids_of(binary: bytes) -> Iterator[str]:
    """Yield the ids of a binary list.

    Source:
        NCBI C++ Toolkit, objtools/blast/seqdb_reader/seqidlist_reader.cpp (CSeqidlistRead).
    """
    (count,) = struct.unpack_from("<Q", binary, 9)
    at = _end_of_text(binary, 17, "<I")
    at = _end_of_text(binary, at, "<B")
    (letters,) = struct.unpack_from("<Q", binary, at)
    at += 8
    if letters:
        at = _end_of_text(binary, _end_of_text(binary, at, "<B"), "<I")
    for _ in range(count):
        begin, size = (at + 5, "<I") if binary[at] == _LONG else (at + 1, "<B")
        end = _end_of_text(binary, begin - struct.calcsize(size), size)
        yield binary[begin:end].decode(errors="replace")
        at = end


def _end_of_text(binary: bytes, at: int, size: str) -> int:
    """Return where a text ends whose length stands before it."""
    (length,) = struct.unpack_from(size, binary, at)
    return at + struct.calcsize(size) + int(length)
