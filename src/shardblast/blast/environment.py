"""Variables of the environment by which BLAST+ searches or prints otherwise, without a word on its command line."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

_BATCHES = frozenset({"BATCH_SIZE", "BLAST_MT_QUERY_BATCH_SIZE", "CHUNK_SIZE", "OVERLAP_CHUNK_SIZE"})
"""They cut batches, on which linked E-values depend, and long queries."""
_SEARCH = frozenset({"ADAPTIVE_CBS", "BLASTINPUT_GEN_DELTA_SEQ", "OLD_FSC"})
_FORMATS = frozenset({"ARCHIVE_FORMAT", "BL2SEQ_LEGACY", "CTOOLKIT_COMPATIBLE"})
_FAILURES = frozenset(
    {
        "ABORT_ON_THROW",
        "BLAST_ALWAYS_KEEP_SEQUENCE",
        "DEBUG_CATCH_UNHANDLED_EXCEPTIONS",
        "EXCEPTION_STACK_TRACE_LEVEL",
        "NCBI_ABORT_ON_COBJECT_THROW",
        "NCBI_ABORT_ON_NULL",
        "OBJECTS_DENSE_SEG_RESERVE",
        "OBJECTS_SEQ_DESCR_ALLOW_EMPTY",
        "OBJMGR_BLOB_CACHE",
        "OBJMGR_BULK_CHUNKS",
        "OBJMGR_SCOPE_AUTORELEASE",
        "OBJMGR_SCOPE_AUTORELEASE_SIZE",
        "OBJMGR_SCOPE_POSTPONE_DELETE",
        "PRE_FETCH_SEQS_LIMIT",
        "SERIAL_READ_ANY_VISIBLESTRING_TAG",
        "SERIAL_VERIFY_DATA_GET",
        "SERIAL_VERIFY_DATA_READ",
        "SERIAL_VERIFY_DATA_WRITE",
    }
)
"""They end programs of BLAST+ at an exception that these otherwise handle, or at a value that these can't read."""
_NAMES = _BATCHES | _SEARCH | _FORMATS | _FAILURES
_SETTINGS = "NCBI_CONFIG_"
"""Begins the names of what may also stand in the file ``.ncbirc``, and of where that is."""
_HARMLESS = tuple(
    f"NCBI_CONFIG__{name}" for name in ("BLAST__BLASTDB", "BLAST__BLAST_USAGE_REPORT", "CONN__", "DIAG__", "LOG__")
)
_OFFLINE = {"CONN_DISPD_DISABLE": "1", "BLAST_USAGE_REPORT": "false"}
"""With these no program looks for a service at NCBI, as ``blast_formatter`` does for an id that it does not find.

Source: NCBI C++ Toolkit, connect/ncbi_service.c, and app/blast/blast_formatter.cpp (s_InitializeSubject).
"""


def changing(names: Iterable[str]) -> list[str]:
    """Return, of the names of variables, those that change what BLAST+ prints.

    Source:
        The names that the programs of BLAST+ 2.12 and 2.16 pass to getenv(), each tried with several
        values; NCBI C++ Toolkit, blastinput/blast_input_aux.cpp (GetQueryBatchSize), api/local_blast.cpp,
        api/split_query_aux_priv.cpp, core/blast_stat.c, core/blast_traceback.c, align_format/showdefline.cpp.
    """
    return sorted(
        name for name in names if name in _NAMES or (name.startswith(_SETTINGS) and not name.startswith(_HARMLESS))
    )


def environment_with(variables: Mapping[str, str] | None) -> dict[str, str]:
    """Return the environment of a program of BLAST+ that we run: ours and these variables.

    Without those that change what it prints; and it does not use the network.
    """
    ours = dict(os.environ)
    for name in changing(ours):
        del ours[name]
    return ours | _OFFLINE | dict(variables or {})
