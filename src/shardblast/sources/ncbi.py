"""NCBI's published databases, from its bucket, from its FTP site over HTTPS, or from a mirror of either.

The bucket holds one folder per publication, which contains the database files. ``latest-dir`` names the newest folder.
The FTP site holds one publication, as an archive per volume (``NAME.00.tar.gz``) with its checksum (``.md5``). In both,
``NAME-nucl-metadata.json`` or ``NAME-prot-metadata.json`` lists the files of a database.

Source: NCBI's update_blastdb.pl, and the documentation of ElasticBLAST on metadata of databases.
"""

import json
import re
import shutil
import tarfile
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from shardblast.blast.database import TAXONOMY
from shardblast.blast.installation import Installation
from shardblast.core.database import checked_name
from shardblast.core.errors import DamagedError, DatabaseError, InputError, NotFoundError, SourceChanged, file_errors
from shardblast.core.units import split_address
from shardblast.sources.download import CHECK_MIRROR, RemoteFile, Web
from shardblast.sources.source import (
    NCBI,
    Ledger,
    Offer,
    Progress,
    SourceSettings,
    checked_file_name,
    find_database,
    generation_of,
    require_room,
    side_by_side,
)

ARCHIVE = ".tar.gz"
METADATA = ("{}-nucl-metadata.json", "{}-prot-metadata.json", "{}.njs", "{}.pjs")
MANIFEST = "blastdb-manifest.json"
_TAXONOMY = (*TAXONOMY, f"taxdb{ARCHIVE}")
_FOLDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_MD5 = re.compile(rb"([0-9a-f]{32})\s")
_SMALL_BYTES, _METADATA_BYTES = 1 << 12, 1 << 25
_MOST_FILES = 100_000

LARGEST_RATIO = 100
"""Maximum ratio of an archive's content to its size; sequence data compresses by a tenth of it."""
ALLOWED_BYTES = 1 << 26
"""Bytes that any archive may contain in addition, since small databases are mostly zeros."""


class NcbiSource:
    """A source of the form ``ncbi:NAME``."""

    def __init__(self, text: str, installation: Installation, settings: SourceSettings) -> None:
        """Check the base address and the name."""
        if not settings.ncbi_base.startswith(("http://", "https://")):
            problem = f"{settings.ncbi_base!r} is not an HTTP address."
            raise InputError(problem, remedy="Give the address of a mirror that begins with https://.")
        address = split_address(settings.ncbi_base, "base address")
        if "@" in address.netloc or address.query or address.fragment:
            problem = "The base address contains a password or a query, which other users could read."
            raise InputError(problem, remedy="Remove it, and use a mirror that needs no credentials.")
        self.text = text
        self._name = checked_name(text.removeprefix(NCBI))
        self._installation = installation
        self._settings = settings

    def offer(self) -> Offer:
        """Return the version that is published now."""
        with self._web() as web:
            folder = self._folder(web)
            prefix = f"{folder}/" if folder else ""
            metadata = self._metadata(web, prefix)
            files = self._files(web, prefix, metadata)
        own = [file for file in files if file.name not in _TAXONOMY]  # the taxonomy changes every day
        return Offer(
            generation_of((file.name, file.size_bytes, file.validator, file.md5) for file in own),
            folder or str(metadata.get("last-updated", "")),
            sum(file.size_bytes for file in files),
            {
                "prefix": prefix,
                "files": [asdict(file) for file in files],
                "num_seqs": metadata.get("number-of-sequences"),
                "letters": metadata.get("number-of-letters"),
                "unpacked_bytes": metadata.get("bytes-total"),
            },
        )

    @file_errors()
    def bring(self, offer: Offer, folder: Path, report: Callable[[int, int], None], stopped: Callable[[], bool]) -> str:
        """Download the files of an offer in parallel and verify each; see ``Source.bring``."""
        ledger = Ledger(folder, offer.generation)
        progress = Progress(offer.size_bytes, report, stopped)
        ranked = [(RemoteFile(**file), rank) for rank, file in enumerate(offer.details["files"])]
        missing = [(file, rank) for file, rank in ranked if not ledger.is_whole(file.name)]
        progress.add(offer.size_bytes - sum(file.size_bytes for file, _ in missing))
        if missing:
            require_room(
                folder, max(offer.size_bytes, _whole_number(offer.details["unpacked_bytes"])) - ledger.size_bytes
            )
        with self._web() as web:

            def bring_one(ranked_file: tuple[RemoteFile, int]) -> None:
                file, rank = ranked_file
                partial = ledger.work / f"{file.name}.partial"
                _fetch(web, offer.details["prefix"] + file.name, file, partial, progress)
                if file.name.endswith(ARCHIVE):
                    _keep_archive(ledger, file.name, partial, rank)
                else:
                    ledger.keep(file.name, [partial])

            side_by_side(bring_one, missing, self._settings.parallel, progress)
        ledger.tidy()
        try:
            self._require_whole(folder, offer)
        except DatabaseError:
            ledger.forget()
            raise
        progress.flush()
        return self._name

    def _web(self) -> Web:
        return Web(self._settings.ncbi_base, self._settings.timeout_s, self._settings.retry_s)

    def _folder(self, web: Web) -> str:
        content = web.read("latest-dir", _SMALL_BYTES, time.sleep)
        if content is None:
            return ""
        folder = content.decode(errors="replace").strip()
        if _FOLDER.fullmatch(folder) is None:
            raise DatabaseError(f"{web.base}/latest-dir does not contain a folder name.", remedy=CHECK_MIRROR)
        return folder

    def _metadata(self, web: Web, prefix: str) -> dict[str, Any]:
        for pattern in METADATA:
            document = _read_json(web, prefix + pattern.format(self._name))
            if isinstance(document, dict):
                return document
        manifest = _read_json(web, prefix + MANIFEST)
        if isinstance(manifest, dict) and isinstance(manifest.get(self._name), dict):
            return dict(manifest[self._name])
        problem = f"There is no database {self._name} at {web.base}."
        raise NotFoundError(problem, remedy=f"Check its name, and that the files are publicly readable. {CHECK_MIRROR}")

    def _files(self, web: Web, prefix: str, metadata: dict[str, Any]) -> list[RemoteFile]:
        names = sorted(set(self._listed(metadata)))
        archived = names[0].endswith(ARCHIVE)
        letter = "p" if str(metadata.get("dbtype", "")).lower().startswith("p") else "n"
        unlisted = (
            [f"taxdb{ARCHIVE}"] if archived else [f"{self._name}.{letter}{end}" for end in ("al", "js")] + [*TAXONOMY]
        )
        optional = [name for name in unlisted if name not in names]
        with ThreadPoolExecutor(self._settings.parallel) as pool:
            files = pool.map(lambda name: _look(web, prefix, name, required=name not in optional), optional + names)
            return [file for file in files if file is not None]

    def _listed(self, metadata: dict[str, Any]) -> Iterator[str]:
        where = f"The metadata of {self._name}"
        listed = metadata.get("files")
        if not isinstance(listed, list) or not 0 < len(listed) <= _MOST_FILES:
            raise DatabaseError(f"{where} lists no files.", remedy=CHECK_MIRROR)
        for entry in map(str, listed):
            name = entry.rpartition("/")[2] if "://" in entry else entry
            if name.endswith(ARCHIVE):
                checked_file_name(f"{name.removesuffix(ARCHIVE)}.nin", where)
                yield name
            else:
                yield checked_file_name(name, where)

    def _require_whole(self, folder: Path, offer: Offer) -> None:
        database = find_database(self._installation, folder / self._name)
        for unit, expected, actual in (
            ("sequences", offer.details["num_seqs"], database.num_seqs),
            ("letters", offer.details["letters"], database.letters),
        ):
            if _whole_number(expected) not in (0, actual):
                problem = f"{self._name} does not match its metadata: it has {actual:,} {unit} instead of {expected:,}."
                raise DatabaseError(problem, remedy="NCBI may be publishing a new version; try again later.")


def unpack(archive: Path, folder: Path, name: str) -> list[Path]:
    """Unpack an archive, in messages ``name``. Raises DatabaseError if it is damaged or has other files."""
    allowed = archive.stat().st_size * LARGEST_RATIO + ALLOWED_BYTES
    files = []
    try:
        with tarfile.open(archive, "r|gz") as members:
            for member in members:
                file = checked_file_name(member.name.removeprefix("./"), name)
                allowed -= member.size
                if not member.isreg() or allowed < 0:
                    problem = f"{name} contains {file}, which is not a plain file of plausible size."
                    raise DatabaseError(problem, remedy="Nothing of it was added; use another source.")
                members.extract(member, folder, filter="data")
                files.append(folder / file)
    except (tarfile.TarError, zlib.error, EOFError) as error:
        raise DatabaseError(f"{name} is not a readable archive: {error}.", remedy="Use another source.") from error
    return files


def _look(web: Web, prefix: str, name: str, *, required: bool) -> RemoteFile | None:
    file = web.look(prefix + name, name, time.sleep)
    if file is None:
        if required:
            problem = f"{name} is missing at {web.base}, although the metadata lists it."
            raise DatabaseError(problem, remedy=f"Try again later. {CHECK_MIRROR}")
        return None
    if not name.endswith(ARCHIVE):
        return file
    md5 = _published_md5(web, prefix + name)
    if not md5:
        raise DatabaseError(f"{name} has no checksum at {web.base}.", remedy=f"Try again later. {CHECK_MIRROR}")
    return replace(file, validator="", md5=md5)


def _published_md5(web: Web, path: str) -> str:
    content = web.read(f"{path}.md5", _SMALL_BYTES, time.sleep)
    match = _MD5.match((content or b"") + b"\n")
    return match[1].decode() if match else ""


def _fetch(web: Web, path: str, file: RemoteFile, partial: Path, progress: Progress) -> None:
    try:
        web.fetch(path, file, partial, progress)
    except DamagedError as error:
        if file.name.endswith(ARCHIVE) and _published_md5(web, path) != file.md5:
            raise SourceChanged(file.name, "its checksum has changed") from error
        raise


def _keep_archive(ledger: Ledger, name: str, partial: Path, rank: int) -> None:
    folder = ledger.work / f"{name}.unpacked"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    ledger.keep(name, unpack(partial, folder, name), rank)
    shutil.rmtree(folder)
    partial.unlink()


def _read_json(web: Web, path: str) -> Any:
    content = web.read(path, _METADATA_BYTES, time.sleep)
    try:
        return None if content is None else json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DatabaseError(f"{web.base}/{path} is not valid JSON: {error}.", remedy=CHECK_MIRROR) from error


def _whole_number(value: Any) -> int:
    return value if isinstance(value, int) else 0
