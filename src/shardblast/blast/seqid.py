"""Ids of subjects as archives spell them, in the words by which ``blastdbcmd`` looks them up.

Source:
    NCBI C++ Toolkit, objects/seqloc/seqloc.asn (Seq-id).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from shardblast.blast.archive import ArchiveReader
from shardblast.blast.seqalign import alignment_ids, ordinal_id

_WORD = re.compile(rb"^(?:local|gi) (?:str \"((?:[^\"]|\"\")*)\"|id (\d+)|(\d+))$")
_GENERAL = re.compile(rb'^general \{\s+db "((?:[^"]|"")*)",\s+tag (?:str "((?:[^"]|"")*)"|id (\d+))\s+\}$')
_PDB = re.compile(rb'^pdb \{\s+mol "(\w+)".*?(?:chain-id "(\w+)")?\s+\}$', re.S)
_CHAIN = re.compile(rb"\n\s+chain (\d+)")
_ACCESSION = re.compile(rb'accession "([^"]+)"')
_VERSION = re.compile(rb"version (\d+)")
_NAMED = re.compile(rb'^(pir|prf) \{\s+name "([^"]+)"')


def subject_names(archive: Path) -> Iterator[bytes | int | None]:
    """Yield for each subject in an archive its id, or its OID if it has none, or None for an id of unknown kind."""
    last = b""
    with archive.open("rb") as stream:
        for found in ArchiveReader(stream, archive.name).alignments():
            for block in found.blocks:
                subject = alignment_ids(block).subject
                if subject != last:
                    last, ordinal = subject, ordinal_id(subject)
                    yield id_of(subject) if ordinal is None else ordinal


def id_of(subject: bytes) -> bytes | None:
    """Return the id that this text of a Seq-id means; None if it is of a kind that we don't know."""
    if word := _WORD.match(subject):
        return _unquoted(word[1]) if word[1] is not None else word[2] or word[3]
    if general := _GENERAL.match(subject):
        tag = general[3] if general[2] is None else _unquoted(general[2])
        return b"gnl|" + _unquoted(general[1]) + b"|" + tag
    if pdb := _PDB.match(subject):
        numbered = _CHAIN.search(subject)
        chain = pdb[2] or (bytes([int(numbered[1])]) if numbered else b"")
        return pdb[1] + b"_" + chain if chain else pdb[1]
    if accession := _ACCESSION.search(subject):
        version = _VERSION.search(subject)
        return accession[1] + b"." + version[1] if version else accession[1]
    named = _NAMED.match(subject)
    return named[1] + b"||" + named[2] if named else None


def _unquoted(text: bytes) -> bytes:
    return text.replace(b'""', b'"')
