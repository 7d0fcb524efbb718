"""Share links of searches, kept as hashes; they go with their search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import delete, insert, select

from shardblast.core.errors import NotFoundError
from shardblast.core.search import SearchId
from shardblast.store.connection import Database
from shardblast.store.peers import tell_peers
from shardblast.store.tables import searches, shares


@dataclass(frozen=True, slots=True)
class Share:
    """What is kept of a share link."""

    id: str
    search_id: SearchId
    hash: str
    created: float


class ShareStore:
    """Reads and changes share links."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, share: Share) -> None:
        """Keep a share link.

        Raises:
            NotFoundError: The search has been deleted meanwhile.
        """
        search = select(searches.c.id).where(searches.c.id == share.search_id)
        with self._database.writing() as connection:
            if connection.scalar(search.with_for_update()) is None:
                raise NotFoundError("There is no such search.", remedy="It may have been deleted; list the searches.")
            connection.execute(insert(shares).values(asdict(share)))

    def find(self, hashed: str) -> Share | None:
        """Return the share link with this hash."""
        with self._database.reading() as connection:
            row = connection.execute(select(shares).where(shares.c.hash == hashed)).one_or_none()
        return None if row is None else Share(**row._mapping)

    def of_search(self, search_id: SearchId) -> Sequence[Share]:
        """Return the share links of a search, oldest first."""
        query = select(shares).where(shares.c.search_id == search_id).order_by(shares.c.created, shares.c.id)
        with self._database.reading() as connection:
            return [Share(**row._mapping) for row in connection.execute(query)]

    def remove(self, search_id: SearchId, share_id: str) -> None:
        """Remove a share link of a search, and have the other servers look again at the search.

        Raises:
            NotFoundError: The search has no such link.
        """
        this = (shares.c.search_id == search_id, shares.c.id == share_id)
        with self._database.writing() as connection:
            if not connection.execute(delete(shares).where(*this)).rowcount:
                raise NotFoundError("There is no such share link.", remedy="List those of the search.")
            tell_peers(connection, self._database.server, search_id)
