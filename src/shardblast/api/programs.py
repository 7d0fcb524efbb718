"""``/api/v1/programs``: the programs of the installed BLAST+, and the options that searches may have."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from shardblast.api.context import CallerDep, ServiceDep
from shardblast.core.arguments import Argument, Kind
from shardblast.core.program import Molecule, Program
from shardblast.service.callers import Scope

router = APIRouter(prefix="/programs", tags=["programs"])
KindName = Literal["flag", "text", "whole", "real", "boolean"]
KINDS: dict[Kind, KindName] = {
    Kind.FLAG: "flag",
    Kind.INTEGER: "whole",
    Kind.BIG_INTEGER: "whole",
    Kind.REAL: "real",
    Kind.BOOLEAN: "boolean",
}
"""All others are text."""


class OptionOut(BaseModel):
    """An option of BLAST+, in its own words."""

    name: str = Field(description="Without the dash")
    kind: KindName
    default: str | None = Field(description="null where BLAST+ has none, or it depends on the task")
    choices: list[str] = Field(description="All that may be given; empty: anything of this kind")
    least: float | None
    most: float | None
    description: str

    @classmethod
    def of(cls, one: Argument) -> OptionOut:
        """Return an option as it is answered."""
        bounds = one.constraint
        return cls(
            name=one.name,
            kind=KINDS.get(one.kind, "text"),
            default=one.default,
            choices=list(one.choices),
            least=bounds.low if bounds else None,
            most=bounds.high if bounds else None,
            description=" ".join(one.description.split()),
        )


class ProgramOut(BaseModel):
    """A program."""

    name: Program
    query: Molecule
    database: Molecule
    version: str = Field(description="Of BLAST+")
    options: list[OptionOut]


@router.get("")
def list_programs(service: ServiceDep, caller: CallerDep) -> list[ProgramOut]:
    """List the programs, with the options that searches may have."""
    caller.check(Scope.READ)
    return [_told(service.preflights.arguments(one), one) for one in Program]


def _told(known: tuple[str, list[Argument]], program: Program) -> ProgramOut:
    version, options = known
    return ProgramOut(
        name=program,
        query=program.query_molecule,
        database=program.database_molecule,
        version=version,
        options=[OptionOut.of(one) for one in options],
    )
