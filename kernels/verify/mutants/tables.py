"""Tables of a mutation run: a row for each mutant, and a row for each property."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text

from kernels.contract.registry import all_kernels
from kernels.verify.mutants.hunt import Result
from kernels.verify.property import PROPERTIES


def table(results: Iterable[Result]) -> Table:
    """A row for each mutant: the property that caught it, at which example, in how many seconds."""
    rows = Table("kernel", "bug", "in", "caught by", title="planted bugs", title_justify="left")
    rows.add_column("example", justify="right")
    rows.add_column("s", justify="right")
    for result in results:
        bug = result.mutant
        names = Text("\n".join(catch.property for catch in result.catches) or _missed(result))
        names.style = "" if result.caught else "bold red"
        examples = "\n".join(str(catch.examples or "") for catch in result.catches)
        kernel = Text(f"{bug.operation} {bug.kernel}")
        rows.add_row(
            kernel, Text(bug.kind), Text(bug.file), names, examples, f"{result.seconds:.1f}"
        )
    return rows


def _missed(result: Result) -> str:
    return result.amiss or "nothing: it escaped"


def by_property(results: Sequence[Result]) -> Table:
    """A row for each property: numbers of mutants that it was tried on, caught, and alone caught.

    For a run with `every`, where each property was tried on each mutant that it concerns. A
    property that catches none may be superfluous.
    """
    rows = Table("property", title="what each property catches", title_justify="left")
    for heading in ("concerns", "catches", "alone"):
        rows.add_column(heading, justify="right")
    for name in PROPERTIES:
        concerned = [r for r in results if _concerns(name, r)]
        caught = [r for r in concerned if name in {c.property for c in r.catches}]
        alone = [r for r in caught if len(r.catches) == 1]
        style = "bold red" if concerned and not caught else ""
        counts = (str(len(found)) for found in (concerned, caught, alone))
        rows.add_row(name, *counts, style=style)
    return rows


def _concerns(name: str, result: Result) -> bool:
    bug = result.mutant
    same = ((k, (k.name, k.device)) for k in all_kernels(bug.operation))
    sound = [kernel for kernel, called in same if called == (bug.kernel, bug.device)]
    return any(PROPERTIES[name].concerns(kernel) for kernel in sound)
