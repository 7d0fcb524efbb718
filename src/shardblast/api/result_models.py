"""What goes over HTTP of a finished search: rows for pages, and the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, Field


class QueryRow(BaseModel):
    """A query."""

    number: int = Field(description="0-based among all queries")
    id: str
    length: int | None = Field(description="Letters; null if it has no hits")
    hits: int
    hsps: int
    verdict: str = Field(description="merged, researched, unsharded or complete")


class HitRow(BaseModel):
    """A subject with hits of a query; scores are those of its best HSP."""

    query: int
    rank: int = Field(description="0-based, in BLAST+'s order")
    id: str = Field(description="sseqid")
    subject: str = Field(description="saccver")
    title: str
    length: int
    taxids: str | None
    names: str | None = Field(description="Scientific names")
    evalue: float
    bit_score: float
    total_score: float
    coverage: float = Field(description="qcovs, in percent")
    identity: float = Field(description="In percent")
    hsps: int


class HspRow(BaseModel):
    """An HSP with the rows of its alignment; places are 1-based, both ends inclusive."""

    query: int
    rank: int
    number: int = Field(description="0-based in its hit")
    evalue: float
    bit_score: float
    raw_score: int
    identities: int
    positives: int
    length: int
    gaps: int
    gap_openings: int
    query_start: int
    query_end: int
    subject_start: int
    subject_end: int
    query_frame: int
    subject_frame: int
    coverage: float = Field(description="qcovhsp, in percent")
    query_row: str
    middle: str = Field(description="What BLAST+ prints between the rows: letters or bars, and + for positive pairs")
    subject_row: str


class QueriesOut(BaseModel):
    """A part of the queries."""

    rows: Sequence[QueryRow]
    next: int | None = Field(description="Where the next part begins; null if there is none")


class HitsOut(BaseModel):
    """A part of the hits of a query."""

    rows: Sequence[HitRow]
    next: int | None = Field(description="Where the next part begins; null if there is none")
    total: int = Field(description="How many hits fit, in all parts")


class HspsOut(BaseModel):
    """A part of the HSPs of a hit."""

    rows: Sequence[HspRow]
    next: int | None = Field(description="Where the next part begins; null if there is none")


class OrganismRow(BaseModel):
    """A taxid that hits have, or below which there are several of them."""

    taxid: int
    name: str | None = Field(description="Scientific name")
    parent: int | None = Field(description="The next listed taxid above it")
    via: Sequence[str] = Field(description="What is between the two and not listed, the highest first")
    level: int = Field(description="How many listed ones are above it")
    hits: int = Field(description="At it or below it")
    own_hits: int = Field(description="At it")
    bit_score: float = Field(description="The highest of the hits")
    evalue: float = Field(description="The lowest of the hits")


class OrganismsOut(BaseModel):
    """The organisms of a query's hits."""

    rows: Sequence[OrganismRow] = Field(description="Each after the one above it")
    unknown: int = Field(description="Hits without a taxid")
    has_lineages: bool = Field(description="Whether the service knows what descends from what; else it is a list")


class SpansOut(BaseModel):
    """Where HSPs lie on a query: a list for each column, so that tens of thousands are small."""

    # Lists, since pydantic writes other sequences many times slower.
    rank: list[int]
    query_start: list[int]
    query_end: list[int]
    bit_score: list[float]
    evalue: list[float]
    identity: list[float] = Field(description="In percent")
    length: list[int] = Field(description="Of the alignment")
    is_whole: bool = Field(description="Whether no HSP is left out")
    coverage: list[float] = Field(description="Of all hits of the query, by rank, in percent")


class PieceOut(BaseModel):
    """A BLAST+ process that ended."""

    purpose: str
    batch: int = Field(description="0-based")
    shard: int | None
    seconds: float
    peak_memory_bytes: int
    node: str
    finished: float
    is_doubled: bool = Field(description="Whether it was started on a second node as well")


class RunningPieceOut(BaseModel):
    """A BLAST+ process that has not ended."""

    purpose: str
    batch: int = Field(description="0-based")
    shard: int | None
    node: str
    started: float


class EntryOut(BaseModel):
    """A line of a search's log."""

    at: float | None = Field(description="Seconds since 1970; null where an earlier version did not note it")
    level: Literal["note", "warning", "problem"]
    text: str


class DatabaseOfReport(BaseModel):
    """What was searched."""

    name: str
    generation: str


class ReportOut(BaseModel):
    """What was done."""

    program: str
    blast_version: str
    shardblast_version: str
    database: DatabaseOfReport
    shards: int | None
    why: str | None
    command: list[str] = Field(description="The BLAST+ command that finds the same")
    commands: list[list[str]] = Field(description="Those of BLAST+ that print the same, one after the other")
    taxids: dict[str, object] | None
    queries: int
    verdicts: dict[str, int]
    not_merged: dict[str, list[str]] = Field(description="Ids of the queries of every verdict but merged")
    pieces: list[PieceOut]
    self_contained: bool = Field(description="Whether results are printed without the database")
    seconds: float
    citation: str
