"""What whoever came by a share link is shown of a search: all but whose it is, and the names of the nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from shardblast.bootstrap.service import Service
from shardblast.core.errors import without_node
from shardblast.core.search import SearchId

Shown = Callable[[Mapping[str, Any]], dict[str, Any]]
"""Returns what a reader may see of the document of a search, of a piece or of a report."""


def shown_to(link: str | None, service: Service, search_id: SearchId) -> Shown:
    """Return what the reader of a search may see, by the link that they came by; None: all."""
    return dict if link is None else _Outsider(service, search_id).shown


class _Outsider:
    """Calls nodes by number, in the order in which their first pieces ended."""

    def __init__(self, service: Service, search_id: SearchId) -> None:
        known = service.store.nodes(search_id)
        self._numbers = {name: number for number, name in enumerate(known, 1)}

    def shown(self, told: Mapping[str, Any]) -> dict[str, Any]:
        shown = dict(told)
        if "owner" in told:
            shown["owner"] = None
        if told.get("failure") is not None:
            shown["failure"] = {**told["failure"], "problem": without_node(told["failure"]["problem"])}
        if "node" in told:
            shown["node"] = f"node {self._numbers.setdefault(told['node'], len(self._numbers) + 1)}"
        if "pieces" in told:
            shown["pieces"] = [self.shown(piece) for piece in told["pieces"]]
        return shown
