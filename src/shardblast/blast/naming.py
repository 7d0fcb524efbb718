"""Names of subjects by which BLAST+ takes a sequence for another one, or for none.

BLAST+ prints what it finds by a subject's id, first among the queries and then in the database. It names queries
``Query_N``, whatever the case of letters, and a sequence without an id by its OID, ``gnl|BL_ORD_ID|N``. In a database
made with ``-parse_seqids`` a sequence can have such an id of its own. What is printed of it depends on the queries that
are searched together and on the part of the database that is searched, so BLAST+ alone prints what it prints.

Source:
    NCBI C++ Toolkit, algo/blast/blastinput/blast_fasta_input.cpp (ids of queries), objects/seqloc/seqloc.asn (Seq-id).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from shardblast.blast.database import Database
from shardblast.core.errors import LeftToBlast

_LIKE_A_QUERY = re.compile(rb'(?:local str ")?query_([1-9]\d*)"?', re.IGNORECASE)
_LIKE_AN_OID = re.compile(rb'general \{\s+db "BL_ORD_ID",\s+tag (?:id (\d+)|str .*)\s+\}', re.IGNORECASE | re.DOTALL)
_NOT_FOUND = b"Unknown"
"""What BLAST+ prints in a table for the id of a subject that it does not find."""
_FOUND_AGAIN = frozenset(
    b"local gi genbank embl ddbj tpg tpe tpd other gpipe swissprot pir prf pdb patent general".split()
)
"""Kinds of ids by which ``blast_formatter`` finds a sequence; measured for all kinds that makeblastdb takes."""


@dataclass(frozen=True, slots=True)
class Naming:
    """The names in one database."""

    first_oids: tuple[int, ...]
    """The OID of each volume's first sequence, and at the end the number of sequences."""
    with_ids: tuple[bool, ...]
    """For each volume whether its sequences have ids of their own."""

    @classmethod
    def of(cls, database: Database) -> Naming:
        """Return that of a database."""
        return cls(database.first_oids, tuple(volume.id_index is not None for volume in database.volumes))

    def is_numbered(self, oid: int) -> bool:
        """Tell whether a sequence has no id, so that its OID stands for one."""
        volume = bisect_right(self.first_oids, oid) - 1
        return 0 <= volume < len(self.with_ids) and not self.with_ids[volume]

    def check(self, subjects: Iterable[bytes], last_query: int) -> None:
        """Check that each subject is printed as itself.

        Args:
            subjects: Their ids, as archives spell them with OIDs of the whole database, or as ``sseqid`` prints them.
            last_query: The number of the last query that may be searched together with theirs, 1-based.

        Raises:
            LeftToBlast: One is not.
        """
        if any(self.with_ids):
            for subject in subjects:
                self._check(subject, last_query)

    def _check(self, subject: bytes, last_query: int) -> None:
        if (query := _LIKE_A_QUERY.fullmatch(subject)) and int(query[1]) <= last_query:
            raise LeftToBlast("a sequence of the database has the name that BLAST+ gives to a query")
        if (ordinal := _LIKE_AN_OID.fullmatch(subject)) and not (ordinal[1] and self.is_numbered(int(ordinal[1]))):
            raise LeftToBlast("a sequence of the database has an id that stands for the number of another")
        kind, blank, _ = subject.partition(b" ")
        if subject == _NOT_FOUND or (blank and kind not in _FOUND_AGAIN):
            raise LeftToBlast("a sequence of the database has an id by which BLAST+ does not find it")
