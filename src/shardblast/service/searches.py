"""What users do with searches: submit, read, cancel, retry, delete."""

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from shardblast.blast.compression import pack
from shardblast.core.errors import ConflictError, NotFoundError, RefusedError
from shardblast.core.option_table import file_of, listed
from shardblast.core.search import Search, SearchId, State, cancelled, retried
from shardblast.engine.stored import QUERY
from shardblast.service.catalogue import Catalogue
from shardblast.service.folders import Folders
from shardblast.service.preflight import Preflight, Preflights, Wanted
from shardblast.service.runner import Runner
from shardblast.storage.objects import Objects, search_key
from shardblast.store.searches import SearchStore


@dataclass(frozen=True, slots=True)
class SearchService:
    store: SearchStore
    objects: Objects
    catalogue: Catalogue
    folders: Folders
    runner: Runner
    released: Callable[[str, str], object]
    """Called with each generation of a database that a search no longer needs."""
    preflights: Preflights
    end: Callable[[Search], object]
    """Called with a search that was cancelled while it was queued; returns when it has ended."""

    def submit(self, wanted: Wanted, owner: str, idempotency_key: str | None) -> Search:
        """Queue a search, or return that of its key. Raises RefusedError with all problems, DiskFull, ConflictError."""
        checked = self.preflights.of(wanted)
        if checked.problems:
            raise RefusedError(checked.problems)
        self.folders.check_space()
        search = _new_search(wanted, checked, owner)
        fingerprint = _fingerprint(search, [wanted.query, *(wanted.lists[name] for name in sorted(wanted.lists))])
        if idempotency_key is not None:
            known = self.store.find(owner, idempotency_key, fingerprint)
            if known is not None:
                return known
        self._keep(search.id, QUERY, wanted.query)
        for name, path in wanted.lists.items():
            self._keep(search.id, file_of(name), path)
        try:
            added = self.store.add(search, fingerprint, idempotency_key)
        except ConflictError:
            self.runner.forget(search.id)
            raise
        if added.id != search.id:
            self.runner.forget(search.id)
        return added

    def get(self, search_id: SearchId, owner: str | None) -> Search:
        """Return a search; ``owner`` None may see all. Raises NotFoundError if the owner may not see it."""
        search = self.store.get(search_id)
        if owner is not None and search.owner != owner:
            raise NotFoundError("There is no such search.", remedy="It may belong to another user.")
        return search

    def list_of(self, search: Search, name: str) -> Path:
        """Return the file of one of a search's lists as the user sent it."""
        if name not in listed(search.options):
            raise NotFoundError("The search has no such list.", remedy="See the options of the search for its lists.")
        return self.runner.sent(search.id, file_of(name))

    def cancel(self, search: Search) -> Search:
        """Stop a search for good. It becomes ``cancelled`` when none of its processes runs."""
        search = self.store.change(search.id, lambda current: cancelled(current, time.time()))
        self.runner.stop(search)
        if search.state is State.CANCELLING and search.started is None:  # it was queued: it has nothing that ends it
            self.end(search)
            return self.store.get(search.id)
        return search

    def retry(self, search: Search) -> Search:
        """Run a search again. A failed search resumes from its finished pieces; a cancelled one starts anew."""
        retried(search, time.time())
        self.catalogue.get(search.database, search.generation)
        self.folders.check_space()
        return self.store.change(search.id, lambda current: retried(current, time.time()))

    def delete(self, search: Search) -> None:
        self.store.delete(search.id)
        self.runner.forget(search.id)
        self.released(search.database, search.generation)  # it may have been kept for this result

    def expire(self, days: float) -> int:
        """Remove searches that ended more than this number of days ago; return how many."""
        expired = self.store.ended_before(time.time() - days * 86400)
        for search_id in expired:
            self.delete(self.store.get(search_id))
        return len(expired)

    def _keep(self, search_id: SearchId, name: str, path: Path) -> None:
        compressed = path.with_name(path.name + ".zst")
        pack(path, compressed)
        self.objects.put(search_key(search_id, f"{name}.zst"), compressed)
        compressed.unlink()


def _new_search(wanted: Wanted, checked: Preflight, owner: str) -> Search:
    assert checked.survey is not None
    assert checked.database is not None
    return Search(
        id=SearchId(secrets.token_hex(16)),
        owner=owner,
        title=wanted.title.strip() or f"{wanted.program} in {wanted.database}",
        program=wanted.program,
        database=checked.database.name,
        generation=checked.database.generation,
        options=checked.words,
        exactness=wanted.exactness,
        output=checked.output,
        created=time.time(),
        queries=checked.survey.queries,
        letters=checked.survey.letters,
    )


def _fingerprint(search: Search, files: Sequence[Path]) -> str:
    """Return a hash that distinguishes different requests."""
    blank = replace(search, id=SearchId(""), created=0.0)
    request: Any = [blank.owner, blank.title, blank.program, blank.database, blank.options, blank.exactness]
    request += [blank.output] if blank.output else []
    digest = hashlib.sha256(json.dumps(request).encode())
    for path in files:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
