"""Where things lie in the storage: the generations of databases, and what is kept of searches."""

from __future__ import annotations

import json

from shardblast.core.errors import DatabaseError
from shardblast.core.generation import Generation
from shardblast.storage.objects import Objects

METADATA = "metadata.json"
"""What a generation is; written last, so that its files are whole when it is there."""


def database_key(database: str) -> str:
    """Return what the keys of all that belongs to a database begin with."""
    return f"databases/{database}/"


def current_key(database: str) -> str:
    """Return the key of the object that names the generation that new searches use."""
    return f"databases/{database}/current"


def generation_key(database: str, generation: str, name: str = "") -> str:
    """Return the key of one of a generation's files; without a name, what all of them begin with."""
    return f"databases/{database}/{generation}/{name}"


def search_key(search_id: str, name: str = "") -> str:
    """Return the key of one of a search's objects; without a name, what all of them begin with."""
    return f"searches/{search_id}/{name}"


def read_generation(objects: Objects, database: str, name: str) -> Generation:
    """Return a generation, as the storage describes it.

    Raises:
        DatabaseError: It does not, or its description is damaged.
        NotFoundError: There is none.
    """
    try:
        return Generation.of(json.loads(objects.read(generation_key(database, name, METADATA))))
    except ValueError as error:
        raise DatabaseError(
            f"The description of database {database!r} is damaged: {error}.", remedy="Update the database."
        ) from error
