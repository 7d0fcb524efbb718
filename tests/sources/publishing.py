"""Databases laid out as NCBI publishes them: its bucket, and its FTP site."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

FOLDER = "2026-11-20-01-05-02"
TAXONOMY = {"taxdb.btd": b"names", "taxdb.bti": b"index", "taxonomy4blast.sqlite3": b"tree"}


def metadata(database: Path, files: list[str], last_updated: str = "2026-11-19T00:00:00") -> dict[str, Any]:
    """Describe a database in the way of NCBI."""
    output = subprocess.run(
        ["blastdbcmd", "-db", database.name, "-info", "-exact_length"],
        cwd=database.parent,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    counts = re.search(r"([\d,]+) sequences; ([\d,]+) total (bases|residues)", output)
    assert counts is not None
    parts = parts_of(database)
    return {
        "dbname": database.name,
        "version": "1.1",
        "dbtype": "Nucleotide" if counts[3] == "bases" else "Protein",
        "description": f"{database.name} of tests",
        "number-of-letters": int(counts[2].replace(",", "")),
        "number-of-sequences": int(counts[1].replace(",", "")),
        "files": files,
        "last-updated": last_updated,
        "bytes-total": sum(part.stat().st_size for part in parts),
        "number-of-volumes": len(list(database.parent.glob(f"{database.name}*.?in"))),
    }


def parts_of(database: Path) -> list[Path]:
    """Return all files of a database that has its folder for itself."""
    return sorted(database.parent.iterdir())


def publish_bucket(root: Path, database: Path, folder: str = FOLDER) -> Path:
    """Publish a database, and the taxonomy, as in NCBI's bucket; return the publication's folder."""
    where = root / folder
    where.mkdir(parents=True, exist_ok=True)
    parts = parts_of(database)
    for part in parts:
        shutil.copy2(part, where)
    for name, content in TAXONOMY.items():
        (where / name).write_bytes(content)
    document = metadata(database, [f"s3://ncbi-blast-databases/{folder}/{part.name}" for part in parts])
    (where / metadata_name(document)).write_text(json.dumps(document))
    (root / "latest-dir").write_text(f"{folder}\n")
    return where


def publish_archives(root: Path, database: Path) -> list[str]:
    """Publish a database as on NCBI's FTP site; return the archives' names.

    Each archive has a volume; what all volumes have in common, and the taxonomy, are in the first one.
    """
    root.mkdir(parents=True, exist_ok=True)
    volumes = sorted(index.stem for index in database.parent.glob(f"{database.name}*.?in"))
    common = [part for part in parts_of(database) if part.stem not in volumes]
    for name in volumes:
        own = [part for part in parts_of(database) if part.stem == name]
        pack(root / f"{name}.tar.gz", [*own, *(common if name == volumes[0] else [])])
    taxonomy = root.parent / "taxonomy"
    taxonomy.mkdir(exist_ok=True)
    for name, content in TAXONOMY.items():
        (taxonomy / name).write_bytes(content)
    pack(root / "taxdb.tar.gz", sorted(taxonomy.iterdir()))
    archives = [f"{name}.tar.gz" for name in volumes]
    document = metadata(database, [f"ftp://ftp.ncbi.nlm.nih.gov/blast/db/{name}" for name in reversed(archives)])
    (root / metadata_name(document)).write_text(json.dumps(document))
    return archives


def metadata_name(document: dict[str, Any]) -> str:
    return f"{document['dbname']}-{document['dbtype'][:4].lower()}-metadata.json"


def pack(archive: Path, files: list[Path]) -> None:
    with tarfile.open(archive, "w:gz") as packed:
        for file in files:
            packed.add(file, file.name)
    sign(archive)


def sign(archive: Path) -> None:
    """Write an archive's checksum beside it."""
    digest = hashlib.md5(archive.read_bytes()).hexdigest()
    archive.with_name(f"{archive.name}.md5").write_text(f"{digest}  {archive.name}\n")
