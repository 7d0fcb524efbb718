"""What goes over HTTP of databases and tasks, both ways."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from shardblast.api.models import FailureOut, SearchOut, StateName
from shardblast.core.catalogue import CataloguedDatabase
from shardblast.core.nodeplan import NodePlan
from shardblast.core.program import Molecule
from shardblast.core.task import Task, task_document
from shardblast.service.databases import Presence, Updates


class DatabaseIn(BaseModel):
    """A database to serve."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=100)
    source: str = Field(
        description="A BLAST database on the server (without suffix), FASTA, ncbi:NAME, or another storage's database",
        max_length=4096,
    )
    copy_files: bool = Field(
        False, alias="copy", description="Copy a BLAST database into the storage in place of serving it where it lies"
    )
    replace: bool = Field(
        False, description="Replace a database of this name from another source; never one of the other molecule"
    )
    molecule: Molecule | None = Field(None, description="Of a FASTA file; null: as it looks")
    title: str = Field("", max_length=1000, description="Of a database made of a FASTA file")
    taxid_map: str | None = Field(
        None, max_length=4096, description="A file on the server with an id and a taxid a line"
    )
    base: str | None = Field(None, max_length=1000, description="Where NCBI's databases are published, if not at NCBI")

    def wanted(self) -> dict[str, Any]:
        """Return what the service takes."""
        settings: dict[str, Any] = {
            "molecule": self.molecule,
            "title": self.title,
            "taxid_map": self.taxid_map,
            "ncbi_base": self.base,
        }
        wanted = {"text": self.source, "settings": {name: value for name, value in settings.items() if value}}
        return {**wanted, "replace": True} if self.replace else wanted


class PresenceOut(BaseModel):
    """How much of a database is where, now: read from the disk and from the kernel."""

    staged_bytes: int = Field(description="On the server's disk")
    resident_bytes: int | None = Field(description="In its memory, of mapped_bytes; null if the kernel does not tell")
    mapped_bytes: int = Field(description="What a search maps into memory")
    problem: str | None = Field(description="Why it can't be searched as it is; null if it can")


class DatabaseOut(BaseModel):
    """A database."""

    name: str
    molecule: Literal["nucleotide", "protein"]
    generation: str
    title: str
    date: str
    num_seqs: int
    letters: int
    max_length: int
    volumes: int
    size_bytes: int = Field(description="Of all files")
    mapped_bytes: int = Field(description="Of what a search maps into memory")
    has_ids: bool
    has_taxids: bool
    masks: list[str]
    source_version: str
    in_place: bool
    added: float
    here: PresenceOut

    @classmethod
    def of(cls, one: CataloguedDatabase, here: Presence) -> DatabaseOut:
        """Return a database as it is answered: without its source, which is the server's own."""
        facts = one.facts
        same = ("molecule", "title", "date", "num_seqs", "letters", "max_length", "size_bytes", "mapped_bytes")
        values = {name: getattr(facts, name) for name in (*same, "has_ids", "has_taxids", "source_version")}
        return cls(
            name=one.name,
            generation=one.generation,
            volumes=len(facts.volumes),
            masks=list(facts.masks),
            in_place=one.path is not None,
            added=one.added,
            here=PresenceOut(**asdict(here)),
            **values,
        )


class UpdatesOut(BaseModel):
    """Whether a source has something newer."""

    current: str
    offered: str
    is_newer: bool

    @classmethod
    def of(cls, found: Updates) -> UpdatesOut:
        """Return what a source said as it is answered."""
        return cls(**asdict(found))


class ShareOfNodeOut(BaseModel):
    """What one node would hold and search."""

    volumes: list[str]
    first_oid: int | None = Field(description="0-based in the one volume, of a part of it; null for whole volumes")
    end_oid: int | None = Field(description="One more than the last")
    letters: int
    staged_bytes: int
    mapped_bytes: int


class PlanOut(BaseModel):
    """How a database would be cut for nodes."""

    fits: bool
    problem: str | None
    remedy: str | None
    memory_bytes: int = Field(description="Of each node")
    balance: float = Field(description="Letters of the largest shard over the mean")
    shares: list[ShareOfNodeOut]

    @classmethod
    def of(cls, plan: NodePlan) -> PlanOut:
        """Return a plan as it is answered."""
        return cls(
            fits=plan.fits,
            problem=plan.problem,
            remedy=plan.remedy,
            memory_bytes=plan.memory_bytes,
            balance=plan.balance,
            shares=[
                ShareOfNodeOut(
                    volumes=list(one.volumes),
                    first_oid=one.shard.oids.start if one.shard.oids else None,
                    end_oid=one.shard.oids.stop if one.shard.oids else None,
                    letters=one.shard.letters,
                    staged_bytes=one.staged_bytes,
                    mapped_bytes=one.mapped_bytes,
                )
                for one in plan.shares
            ],
        )


class TaskOut(BaseModel):
    """Work on a database; times are seconds since 1970."""

    id: str
    kind: Literal["add", "update", "warm"]
    database: str
    owner: str
    state: StateName
    step: Literal["bringing", "checking", "storing", "staging", "warming", "switching"] | None
    done: int = Field(description="Bytes of the step")
    total: int = Field(description="Bytes of the step; 0 as long as it is not known")
    created: float
    started: float | None
    finished: float | None
    outcome: str | None
    failure: FailureOut | None

    @classmethod
    def of(cls, task: Task) -> TaskOut:
        """Return a task as it is answered."""
        return cls.model_validate(task_document(task))


class UseOut(BaseModel):
    """What uses a database, or changes it."""

    searches: int = Field(description="That are not over")
    first: list[SearchOut] = Field(description="Some of them")
    tasks: list[TaskOut] = Field(description="That are not over")
