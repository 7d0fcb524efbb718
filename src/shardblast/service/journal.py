"""What the log has of searches and requests: a line for each change of state, each failed piece, each request."""

from __future__ import annotations

import logging
from typing import Any

from shardblast.core.search import Search, State
from shardblast.service.observers import Answer, Observer, PieceFailure

logger = logging.getLogger(__name__)


class Journal(Observer):
    """Writes the log."""

    def search_changed(self, before: Search | None, after: Search) -> None:
        fields: dict[str, Any]
        lack = after.lack
        if lack is not None and (before is None or before.lack != lack):
            fields = {"search_id": after.id, "owner": after.owner, "code": lack.code.value}
            logger.warning("%s", lack.sentence, extra=fields)
        if before is not None and before.state is after.state:
            return
        fields = {"search_id": after.id, "owner": after.owner, "state": after.state.value}
        fields |= {"program": after.program, "database": after.database, "attempt": after.attempt}
        if after.state.is_final and after.started is not None and after.finished is not None:
            fields["seconds"] = round(after.finished - after.started, 3)
        if after.failure is not None:
            fields |= {"code": after.failure.code, "problem": after.failure.problem}
        level = logging.WARNING if after.state is State.FAILED else logging.INFO
        logger.log(level, "search %s", after.state, extra=fields)

    def piece_failed(self, failure: PieceFailure) -> None:
        fields = {"search_id": failure.search_id, "purpose": failure.purpose, "batch": failure.batch}
        fields |= {"shard": failure.shard, "code": failure.error.code, "problem": failure.error.problem}
        logger.warning("piece failed", extra=fields)

    def answered(self, answer: Answer) -> None:
        fields: dict[str, Any] = {"method": answer.method, "route": answer.route, "status": answer.status}
        fields |= {"seconds": round(answer.seconds, 4), "request_id": answer.request_id}
        if answer.code:
            fields["code"] = answer.code
        logger.log(logging.WARNING if answer.status >= 500 else logging.INFO, "request answered", extra=fields)
