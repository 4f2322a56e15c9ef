"""Catalogue of the properties: a page of Markdown, from the code and a record of mutation tests.

It states for each property its sentence, the kernels that it concerns, the drawn calls, the planted
bugs that it has caught, and the usual causes of its failure; at the end, for each bug, the
properties that caught it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import numpy as np

from kernels.contract.registry import all_kernels
from kernels.verify.calls import OPERATIONS
from kernels.verify.mutants import MUTANTS
from kernels.verify.mutants.record import Hunted, Record
from kernels.verify.property import PROPERTIES, Property
from kernels.verify.readings import READINGS
from kernels.verify.runner import PROFILES

MOST_NAMED = 3
"""Number of caught bugs that are listed for each property; the record has all."""

HEAD = """# Catalogue of properties

Written by `python -m kernels verify --catalogue docs/properties.md`, from the code and from \
[properties.json](properties.json); a test holds that it is up to date. \
[your-own-kernel.md](your-own-kernel.md) shows the suite at work on a kernel of yours.

## How to read a failure

`python -m kernels verify my_kernel.py` prints for each property that does not hold:

- **the property's name and its sentence**, as below: the law that should hold for every call;
- **the violation**: the index of the worst element, the kernel's value and the expected one, \
the error and its bound, and the number of elements beyond their bound. Bounds are derived from \
the number format (`kernels/bounds.py`), so "slightly more" is a bug as well. If the kernel raised \
an exception, this is the line that raised it;
- **the smallest program that reproduces it**: the drawn call, simplified as far as possible. \
Run it. What remains is what the bug needs: a pad that did not become 0, a second group, a \
stride, 17 channels.

Several failures often have one cause. Begin with `definition`: it has the fewest conditions. If \
it holds and another property fails, the bug needs what that property draws: large sizes, NaN, \
another memory layout, threads, a second call.

"Drawn" says what a property draws besides its operation's geometry. Names such as `seed` (of \
further arrays) and `guise` (the operands' memory layout) are arguments of its function, which \
stands in `kernels/verify/properties` and says what they are.
"""


def page(record: Record) -> str:
    """The catalogue; `record` has the properties that caught each planted bug."""
    subjects: dict[str, list[Property]] = {}
    for each in PROPERTIES.values():
        subjects.setdefault(each.check.__module__, []).append(each)
    parts = [HEAD, _coverage(record)]
    for module, properties in subjects.items():
        parts.append(_subject(module, properties, record))
    parts.append(_bugs(record))
    return "\n".join(parts)


def _bugs(record: Record) -> str:
    """A row for each planted bug that was hunted, with the properties that caught it."""
    head = "## Planted bugs\n\n| kernel | bug | caught by | of |\n| --- | --- | --- | ---: |\n"
    rows = []
    for mutant in MUTANTS:
        entry = record.get(mutant.name)
        if entry is not None and not entry.amiss:
            kernel = mutant.name.removesuffix(f": {mutant.kind}")
            caught = [name for name in PROPERTIES if name in entry.caught]
            cells = kernel, mutant.kind, ", ".join(caught) or "nothing", str(len(entry.tried))
            rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n")
    return head + "".join(rows)


def _coverage(record: Record) -> str:
    """The bugs that were hunted, with the command, and those that were not yet."""
    hunted = [m for m in MUTANTS if m.name in record and not record[m.name].amiss]
    missing = [m for m in MUTANTS if m not in hunted]
    text = (
        "## What was hunted\n\nPlanted bugs (`kernels/verify/mutants`) are hunted with every "
        "property that concerns their kernel, each bug by itself, in turn:\n\n```\n"
        "python -m kernels verify --mutants --every --profile dev --record docs/properties.json\n"
        "```\n\n"
    )
    if not hunted:
        return f"{text}None of {len(MUTANTS)} planted bugs has been hunted yet.\n"
    entries = [record[m.name] for m in hunted]
    dates = sorted({e.date for e in entries})
    profiles = ", ".join(
        f"`{name}` ({PROFILES[name]} examples)" for name in sorted({e.profile for e in entries})
    )
    escaped = [m.name for m in hunted if not record[m.name].caught]
    text += (
        f"{len(hunted)} of {len(MUTANTS)} planted bugs were hunted, from {dates[0]} to "
        f"{dates[-1]}, in the profile {profiles}; {len(hunted) - len(escaped)} were caught. "
        "More examples catch more: a bug that a property missed here is not proved to be out of "
        "its reach.\n"
    )
    if escaped:
        text += f"\nNot caught with so few examples:\n\n{_list(escaped)}"
    if missing:
        names = [f"{m.operation} {m.kernel}{' on cuda' * (m.device == 'cuda')}" for m in missing]
        counted = ", ".join(f"{name} ({names.count(name)})" for name in dict.fromkeys(names))
        text += f"\nNot yet hunted by {dates[-1]}: {len(missing)}, of {counted}.\n"
    return text


def _list(lines: Sequence[str]) -> str:
    return "".join(f"- {line}\n" for line in lines)


def _subject(module: str, properties: Sequence[Property], record: Record) -> str:
    first = (sys.modules[module].__doc__ or "").strip().split("\n\n")[0]
    heading = " ".join(first.split()).removesuffix(".")
    file = module.replace(".", "/") + ".py"
    head = f"## {heading}\n\n[{file}](../{file})\n"
    return "\n".join([head, *(_entry(each, record) for each in properties)])


def _entry(each: Property, record: Record) -> str:
    lines = [
        f"**Covers**: {_covers(each)}",
        f"**Drawn**: {_drawn(each)}",
        f"**Catches**: {_catches(each.name, record)}",
        f"**When it fails**: {READINGS[each.name]}",
    ]
    return f"### {each.name}\n\n{each.sentence}\n\n{_list(lines)}"


def _covers(each: Property) -> str:
    operations = "every operation" if set(each.operations) == set(OPERATIONS) else None
    named = operations or ", ".join(f"`{name}`" for name in each.operations)
    return f"{named}{_condition(each)}; {', '.join(np.dtype(d).name for d in each.drawn['dtypes'])}"


def _condition(each: Property) -> str:
    """The kernels it concerns, if not all; independent of the installed packages."""
    if each.check.__module__.endswith("peers"):
        return ", where that library is installed"
    ours = [k for k in all_kernels() if k.operation in each.operations]
    ours = [k for k in ours if k.function.__module__.startswith("kernels.")]
    some = [k for k in ours if each.concerns(k)]
    if len(some) == len(ours):
        return ""
    names = ", ".join(dict.fromkeys(f"{k.operation} {k.name}" for k in some))
    return f" ({len(some)} of {len(ours)} kernels: {names})" if len(some) <= 8 else (
        f" ({len(some)} of {len(ours)} kernels)"
    )  # fmt: skip


FILLED = {
    "normal": "normally distributed",
    "integers": "small integer",
    "scaled": "widely scaled",
    "positive": "positive",
}
"""Values of arrays, by the name of their fill (`arrays.py`)."""


def _drawn(each: Property) -> str:
    sizes = {False: "small sizes", True: "large sizes", None: "small and large sizes"}
    fills = ", ".join(FILLED[fill] for fill in each.drawn["fills"])
    listed = each.listed and f"the sizes listed in `strata/{each.listed.name}.py`"
    parts = [f"{fills} values", listed or sizes[each.drawn["large"]]]
    if each.drawn["optional"]:
        parts.append("with and without optional arrays")
    if each.extras:
        parts.append("its own " + ", ".join(f"`{name}`" for name in each.extras))
    parts.append("every thread" if each.threads else "one thread")
    return "; ".join(parts)


def _catches(name: str, record: Record) -> str:
    tried = dict(_tried(name, record))
    if not tried:
        return "not yet hunted"
    caught = {bug: entry for bug, entry in tried.items() if name in entry.caught}
    alone = [bug for bug, entry in caught.items() if len(entry.caught) == 1]
    text = f"{len(caught)} of {len(tried)} planted bugs"
    text += f", {len(alone)} of them alone" if alone else ""
    first = [*alone, *sorted(caught, key=lambda bug: (len(caught[bug].caught), bug))]
    some = list(dict.fromkeys(first))[:MOST_NAMED]
    return f"{text}; for example {'; '.join(some)}" if some else text


def _tried(name: str, record: Record) -> Iterator[tuple[str, Hunted]]:
    for mutant in MUTANTS:
        entry = record.get(mutant.name)
        if entry is not None and not entry.amiss and name in entry.tried:
            yield mutant.name, entry
