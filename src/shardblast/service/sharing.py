"""Share links: whoever has one may read its search, without signing in."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence

from shardblast.core.errors import NotFoundError
from shardblast.core.search import Event, SearchId
from shardblast.service.events import ReadAfter
from shardblast.service.secret import hashed, new_secret
from shardblast.store.shares import Share, ShareStore

PREFIX = "sbs_"


class Sharing:
    """Makes, checks and revokes share links."""

    def __init__(self, store: ShareStore, announce: Callable[[SearchId], None]) -> None:
        """Keep links in a store; ``announce`` has the readers of a search look again whether theirs is good."""
        self._store = store
        self._announce = announce

    def create(self, search_id: SearchId) -> tuple[Share, str]:
        """Make a link; return it with its token, which is told once.

        Raises:
            NotFoundError: The search has been deleted meanwhile.
        """
        token = PREFIX + new_secret()
        share = Share(secrets.token_hex(8), search_id, hashed(token), time.time())
        self._store.add(share)
        return share, token

    def all(self, search_id: SearchId) -> Sequence[Share]:
        """Return the links of a search, oldest first."""
        return self._store.of_search(search_id)

    def check(self, search_id: SearchId, token: str) -> None:
        """Refuse a token that is not of this search, as if there were no such search.

        Raises:
            NotFoundError: It is not, or no longer.
        """
        found = self._store.find(hashed(token))
        if found is None or found.search_id != search_id:
            raise NotFoundError("There is no such search.", remedy="Ask for a new link; it may have been revoked.")

    def reader(self, token: str | None, read_after: ReadAfter) -> ReadAfter:
        """Return what reads a search's events from the store as long as a link is good; None needs none.

        Raises (when it reads):
            NotFoundError: The link has been revoked.
        """
        if token is None:
            return read_after

        def read(search_id: SearchId, last: int, limit: int) -> Sequence[Event]:
            self.check(search_id, token)
            return read_after(search_id, last, limit)

        return read

    def revoke(self, search_id: SearchId, share_id: str) -> None:
        """Make a link void at once, and end the event streams that were opened by it.

        Raises:
            NotFoundError: The search has no such link.
        """
        self._store.remove(search_id, share_id)
        self._announce(search_id)
