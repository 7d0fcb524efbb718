"""The five BLAST+ programs, and the options of a program in one version."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum

from shardblast.core.errors import InputError

Value = bool | int | float | str
"""A converted option value."""

_INTEGER = re.compile(r"[+-]?[0-9]{1,400}")
_HEX_INTEGER = re.compile(r"0[xX][0-9a-fA-F]*")
_REAL = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)[eE]?")
_HEX_REAL = re.compile(r"[+-]?0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)(?:[pP][+-]?[0-9]+)?")
_TRUE = frozenset({"true", "t", "yes", "y", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "0"})


class Molecule(StrEnum):
    """The molecule of a query or a database."""

    NUCLEOTIDE = "nucleotide"
    PROTEIN = "protein"

    @property
    def alias_suffix(self) -> str:
        """The suffix of alias files, without the dot."""
        return f"{self.letter}al"

    @property
    def dbtype(self) -> str:
        """The value of ``-dbtype`` for makeblastdb and blastdbcmd."""
        return self.value[:4]

    @property
    def letter(self) -> str:
        """The first letter of the suffixes of all files of a database."""
        return self.value[0]


class Program(StrEnum):
    """A BLAST+ program; the value is the name of its executable."""

    BLASTN = "blastn"
    BLASTP = "blastp"
    BLASTX = "blastx"
    TBLASTN = "tblastn"
    TBLASTX = "tblastx"

    @property
    def query_molecule(self) -> Molecule:
        """The molecule of the queries before translation."""
        return Molecule.PROTEIN if self in _PROTEIN_QUERY else Molecule.NUCLEOTIDE

    @property
    def translates_query(self) -> bool:
        """Whether a query is searched in six frames, each with its own search space.

        An HSP can then have a lower score and a better E-value than an HSP of another frame.
        """
        return self in (Program.BLASTX, Program.TBLASTX)

    @property
    def is_composition_based(self) -> bool:
        """Whether the program by default adjusts scores to the composition of the two sequences."""
        return self not in (Program.BLASTN, Program.TBLASTX)

    @property
    def database_molecule(self) -> Molecule:
        """The molecule of the database before translation."""
        return Molecule.PROTEIN if self in _PROTEIN_DATABASE else Molecule.NUCLEOTIDE

    def objection(self, database: str, molecule: Molecule) -> str | None:
        """Return why the program can't search a database with this name and molecule, or None."""
        wanted = self.database_molecule
        return None if molecule is wanted else f"{self} searches a {wanted} database, and {database} is {molecule}."


class Kind(Enum):
    """The type of an option; the values are the names in ``-xmlhelp``."""

    FLAG = "Flag"
    STRING = "String"
    INTEGER = "Integer"
    BIG_INTEGER = "Int8"
    REAL = "Real"
    BOOLEAN = "Boolean"
    FILE_IN = "File_In"
    FILE_OUT = "File_Out"


@dataclass(frozen=True, slots=True)
class NumericRange:
    """An interval; an end that is None is unbounded."""

    low: float | None = None
    high: float | None = None
    low_inclusive: bool = True
    high_inclusive: bool = True

    def __contains__(self, number: float) -> bool:
        if self.low is not None and (number < self.low or (number == self.low and not self.low_inclusive)):
            return False
        return self.high is None or number < self.high or (number == self.high and self.high_inclusive)


@dataclass(frozen=True, slots=True)
class Argument:
    """One option of a BLAST+ program."""

    name: str
    """The name without the dash."""
    kind: Kind
    default: str | None = None
    """The default in BLAST+'s notation; None if there is none, or only the description states it."""
    choices: tuple[str, ...] = ()
    """The permitted strings or integers; empty if any value is permitted."""
    constraint: NumericRange | None = None
    requires: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    group: int = 0
    """The number of BLAST+'s group of options; 0 for no group."""
    description: str = ""

    def value_of(self, text: str) -> Value:
        """Convert a value as BLAST+ does; raise InputError if BLAST+ rejects it.

        Source:
            NCBI C++ Toolkit, corelib/ncbiargs.cpp (CArg_Integer and following), and experiments: hexadecimal
            numbers and ``1e`` are accepted; blanks, size suffixes, ``inf`` and ``nan`` are not.
        """
        value = self._converted(text)
        if value is None:
            raise self._refused(text, f"is not of type {self.kind.value}")
        if self.choices and not self._is_choice(text):
            raise self._refused(text, f"is none of {', '.join(self.choices)}")
        if self.constraint is not None and not self._is_in_range(text):
            raise self._refused(text, "is out of range")
        return value

    def _converted(self, text: str) -> Value | None:
        match self.kind:
            case Kind.FLAG:
                return True
            case Kind.INTEGER:
                return _integer(text, bits=32)
            case Kind.BIG_INTEGER:
                return _integer(text, bits=64)
            case Kind.REAL:
                return _real(text)
            case Kind.BOOLEAN:
                return _boolean(text)
            case _:
                return text

    def _is_choice(self, text: str) -> bool:
        if self.kind is not Kind.INTEGER:
            return text in self.choices
        # BLAST+ converts the value a second time here, and that conversion rejects hexadecimal numbers.
        return _INTEGER.fullmatch(text) is not None and str(int(text)) in self.choices

    def _is_in_range(self, text: str) -> bool:
        # BLAST+ compares reals even for integers. This matters for "0x", which is an integer but not a real.
        number = _real(text)
        return number is not None and self.constraint is not None and number in self.constraint

    def _refused(self, text: str, why: str) -> InputError:
        described = " ".join(self.description.split())
        return InputError(f"-{self.name}: {text!r} {why}.", remedy=f"BLAST+ describes -{self.name} as: {described}.")


@dataclass(frozen=True, slots=True)
class Arguments(Mapping[str, Argument]):
    """Every option of a program in the installed version, by name without the dash, in BLAST+'s order."""

    program: Program
    version: str
    """A version such as "2.12.0"."""
    by_name: Mapping[str, Argument] = field(repr=False)
    columns: frozenset[str] = field(repr=False)
    """The columns of tabular formats in this version."""

    def __getitem__(self, name: str) -> Argument:
        return self.by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.by_name)

    def __len__(self) -> int:
        return len(self.by_name)


_PROTEIN_QUERY = frozenset({Program.BLASTP, Program.TBLASTN})
_PROTEIN_DATABASE = frozenset({Program.BLASTP, Program.BLASTX})


def _integer(text: str, *, bits: int) -> int | None:
    if _INTEGER.fullmatch(text):
        number = int(text)
    elif _HEX_INTEGER.fullmatch(text):
        number = int(text[2:] or "0", 16)
    else:
        return None
    limit = 1 << (bits - 1)
    return number if -limit <= number < limit else None


def _real(text: str) -> float | None:
    if match := _REAL.fullmatch(text):
        return float(match[1])
    if _HEX_REAL.fullmatch(text):
        return float.fromhex(text)
    return None


def _boolean(text: str) -> bool | None:
    word = text.lower()
    if word in _TRUE:
        return True
    return False if word in _FALSE else None
