"""The installed BLAST+: its programs, version and options."""

import re
import shutil
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from xml.etree import ElementTree

from shardblast.blast.process import run
from shardblast.core.errors import EngineError
from shardblast.core.formats import COLUMNS
from shardblast.core.program import Argument, Arguments, Kind, NumericRange, Program

_VERSION = re.compile(rb"^\S+: (\d+)\.(\d+)\.(\d+)\+", re.M)

_NS = "{ncbi:application}"
_KINDS = {kind.value: kind for kind in Kind}
_BOUND = r"(>=|<=|=<|>|<)(-?[0-9.]+)"
_BOUNDS = re.compile(rf"\(?{_BOUND}(?: and {_BOUND})?\)?")
_INTERVAL = re.compile(r"(-?[0-9]+(?:\.[0-9]+)?)\.\.(-?[0-9]+(?:\.[0-9]+)?)")
_QUOTED = re.compile(r"[`']([^']*)'")
_LISTED = "values between: "
_COLUMN = re.compile(r"^\s+(\w+) means ", re.M)
_END_OF_COLUMNS = "specifier for option 17"

Names = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Installation:
    """BLAST+ as found on ``PATH``."""

    folder: Path

    def program(self, name: str) -> str:
        path = self.folder / name
        if not path.exists():
            problem = f"{name} is missing in {self.folder}, next to blastn."
            raise EngineError(problem, remedy="Install the whole BLAST+ package.")
        return str(path)

    @cached_property
    def version(self) -> tuple[int, int, int]:
        match = _VERSION.search(run([self.program("blastn"), "-version"]).stdout)
        if match is None:
            raise EngineError("blastn does not print its version.", remedy="Install NCBI BLAST+ 2.12 or later.")
        major, minor, patch = (int(part) for part in match.groups())
        return major, minor, patch

    @property
    def release(self) -> str:
        """The version as people write it, such as 2.12.0."""
        return ".".join(map(str, self.version))


def find_installation() -> Installation:
    blastn = shutil.which("blastn")
    if blastn is None:
        problem = "BLAST+ is not installed: there is no blastn on PATH."
        remedy = "Install it: 'apt install ncbi-blast+', 'conda install -c bioconda blast' or 'brew install blast'."
        raise EngineError(problem, remedy=remedy)
    return Installation(Path(blastn).parent)


def read_arguments(xml: bytes) -> Arguments:
    """Parse the output of ``PROGRAM -xmlhelp``.

    Raises EngineError if it is not the output of a supported BLAST+ program. Source: NCBI C++ Toolkit,
    corelib/ncbiargs.cpp, CArgDescriptions::PrintUsageXml().
    """
    try:
        root = ElementTree.fromstring(xml)
        program = Program(_text(root, "program/name"))
    except (ElementTree.ParseError, ValueError) as error:
        problem = "A BLAST+ program did not describe its options."
        remedy = "Check that 'blastn -xmlhelp' prints XML. Otherwise install BLAST+ again."
        raise EngineError(problem, remedy=remedy) from error
    described = root.findall(f"{_NS}arguments/*")
    requires = _pairs(described, "first_requires_second")
    excludes = _pairs(described, "first_excludes_second")
    options = (_argument(element, requires, excludes) for element in described if element.get("name"))
    by_name = {option.name: option for option in options}
    formats = by_name["outfmt"].description.partition(_END_OF_COLUMNS)[0] if "outfmt" in by_name else ""
    columns = frozenset(_COLUMN.findall(formats)) or COLUMNS
    return Arguments(program, _text(root, "program/version"), by_name, columns)


def _argument(element: ElementTree.Element, requires: Names, excludes: Names) -> Argument:
    name = element.get("name", "")
    is_flag = element.tag == f"{_NS}flag"
    choices, bounds = _constraint(_text(element, "constraint/description"))
    return Argument(
        name=name,
        kind=Kind.FLAG if is_flag else _KINDS.get(element.get("type", ""), Kind.STRING),
        default=element.findtext(f"{_NS}default"),
        choices=choices,
        constraint=bounds,
        requires=requires.get(name, ()),
        excludes=excludes.get(name, ()),
        group=int(_text(element, "group") or 0),
        description=_text(element, "description"),
    )


def _constraint(text: str) -> tuple[tuple[str, ...], NumericRange | None]:
    """Return the choices or the range of a constraint; BLAST+ itself checks constraints of unknown form."""
    if bounds := _BOUNDS.fullmatch(text):
        return (), _range(bounds)
    if interval := _INTERVAL.fullmatch(text):
        return (), NumericRange(float(interval[1]), float(interval[2]))
    if text.startswith(_LISTED):
        return _listed(text.removeprefix(_LISTED)), None
    return tuple(_QUOTED.findall(text)), None


def _range(bounds: re.Match[str]) -> NumericRange:
    low = high = None
    low_inclusive = high_inclusive = True
    for sign, number in ((bounds[1], bounds[2]), (bounds[3], bounds[4])):
        if sign is None:
            continue
        if ">" in sign:
            low, low_inclusive = float(number), "=" in sign
        else:
            high, high_inclusive = float(number), "=" in sign
    return NumericRange(low, high, low_inclusive, high_inclusive)


def _listed(text: str) -> tuple[str, ...]:
    """Expand a list such as "1-6, 9-16, 33"."""
    numbers: list[str] = []
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        numbers.extend(str(number) for number in range(int(first), int(last or first) + 1))
    return tuple(numbers)


def _pairs(described: list[ElementTree.Element], relation: str) -> Names:
    """Map each option to the options that it requires or excludes, in the direction that BLAST+ lists."""
    pairs: defaultdict[str, list[str]] = defaultdict(list)
    for element in described:
        if element.tag == f"{_NS}dependencies":
            for pair in element.iter(f"{_NS}{relation}"):
                pairs[_text(pair, "arg1")].append(_text(pair, "arg2"))
    return {name: tuple(dict.fromkeys(others)) for name, others in pairs.items()}


def _text(element: ElementTree.Element, path: str) -> str:
    return element.findtext("/".join(f"{_NS}{name}" for name in path.split("/")), "")
