"""Translation of a `.cu` file to C++ for g++, with the line numbers kept.

Only the constructs that are not C++ are rewritten:

- `__shared__ float tile[16][17];` becomes a reference to memory that the runtime allocates, with a
  descriptor (size, declared alignment, name, line). `extern __shared__ float rows[];` becomes a
  pointer to the launch's dynamic shared memory.
- `__constant__` becomes `const`, and `#pragma unroll` becomes g++'s pragma.
- `#include "geometry.cuh"` is replaced by that file, rewritten in the same way, once.

Comments are blanked first, so that no word in them is taken for code.
"""

from __future__ import annotations

import re
from pathlib import Path

INCLUDE = Path(__file__).parent.parent / "include"

_COMMENT = re.compile(
    r'//(?:\\\n|[^\n])*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S
)
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"\n]+)"[^\n]*$', re.M)
_ONCE = re.compile(r"^[ \t]*#[ \t]*pragma[ \t]+once[^\n]*$", re.M)
_UNROLL = re.compile(r"^([ \t]*)#[ \t]*pragma[ \t]+unroll\b[ \t]*\(?[ \t]*(\w*)[^\n]*$", re.M)
_ALIGNED = re.compile(r"(?:__align__|alignas)\s*\(((?:[^()]|\([^()]*\))*)\)")
_DYNAMIC = re.compile(r"\bextern\s+([^;{}]*?)\b__shared__\b([^;{}]*?)\b(\w+)\s*\[\s*\]\s*;")
_CONSTANT = re.compile(r"\b__constant__\b(?=([^;={]*))")
_SIZES = r"(?:\s*\[(?:[^\[\]]|\[[^\[\]]*\])*\])*"
_STATIC = re.compile(
    r"(?:\bstatic\s+)?((?:\bvolatile\s+)?)\b__shared__\b([^;{}=]*?)\b(\w+)\s*(" + _SIZES + r")\s*;"
)
_SEVERAL = re.compile(
    r"\b__shared__\b\s*([\w:\s]+?)\s+(\w+" + _SIZES + r"(?:\s*,\s*\w+" + _SIZES + r")+)\s*;"
)
"""Several arrays of one type in a declaration."""


def rewritten(path: Path, constants: bool = True) -> str:
    """The text of `path` and of its includes, for g++; `#line` keeps files and line numbers.

    constants:  `__constant__` variables are const; otherwise ordinary ones, which a host can write.
    ValueError: the declaration of a shared variable is not understood.
    """
    return _rewritten(path.resolve(), set(), constants)


def included(path: Path) -> list[Path]:
    """`path` and the files that it includes in quotes, directly or not."""
    found: dict[Path, None] = {}
    waiting = [path.resolve()]
    while waiting:
        file = waiting.pop()
        if file in found:
            continue
        found[file] = None
        names = _INCLUDE.findall(without_comments(file.read_text(encoding="utf-8")))
        waiting += [beside for name in names if (beside := _beside(file, name))]
    return list(found)


def _rewritten(file: Path, seen: set[Path], constants: bool) -> str:
    seen.add(file)
    text = without_comments(file.read_text(encoding="utf-8"))
    text = _ONCE.sub("", text)
    text = _UNROLL.sub(_unroll, text)
    text = _CONSTANT.sub(_const if constants else "", text)
    text = _DYNAMIC.sub(_dynamic, text)
    text = _STATIC.sub(_static, _SEVERAL.sub(_separated, text))
    if stray := re.search(r"\b__shared__\b", text):
        line = text.count("\n", 0, stray.start()) + 1
        raise ValueError(
            f"{file}:{line}: this `__shared__` is not understood: one variable per statement would "
            "be, `__shared__ float tile[16][17];`, or `extern __shared__ float rows[];`"
        )

    def insert(match: re.Match[str]) -> str:
        inner = _beside(file, match[1])
        if inner is None:
            return match[0]
        line = text.count("\n", 0, match.start()) + 2
        return (
            "" if inner in seen else _rewritten(inner, seen, constants)
        ) + f'\n#line {line} "{file}"'

    return f'#line 1 "{file}"\n' + _INCLUDE.sub(insert, text)


def _beside(file: Path, name: str) -> Path | None:
    """The file that an include in quotes names: beside `file`, or in the project's folder."""
    places = (file.parent / name, INCLUDE / name)
    return next((place.resolve() for place in places if place.is_file()), None)


def without_comments(text: str) -> str:
    """The text with each comment blanked, its line breaks kept."""

    def blank(match: re.Match[str]) -> str:
        comment = match[0]
        return " " + "\n" * comment.count("\n") if comment[0] == "/" else comment

    return _COMMENT.sub(blank, text)


def _const(match: re.Match[str]) -> str:
    return "" if re.search(r"\bconst(expr)?\b", match[1]) else "const"


def _unroll(match: re.Match[str]) -> str:
    """g++ needs a number, at most 65534; CUDA needs none for a loop of constant length."""
    count = match[2] if match[2].isdigit() else "64"
    return f"{match[1]}#pragma GCC unroll {min(int(count), 64)}"


def _alignment(declaration: str) -> tuple[str, str]:
    """(the declaration without its alignment, the alignment)."""
    asked = _ALIGNED.findall(declaration)
    return _one_line(_ALIGNED.sub("", declaration)), _one_line(asked[0]) if asked else "1"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _broken(match: re.Match[str]) -> str:
    """The line breaks of a declaration that was joined into one line."""
    return "\n" * match[0].count("\n")


def _dynamic(match: re.Match[str]) -> str:
    kind, alignment = _alignment(match[1] + match[2])
    name = match[3]
    return (
        f"{kind}* const {name} = static_cast<{kind}*>(emulator_dynamic_shared("
        f'emulator::larger(alignof({kind}), {alignment}), sizeof({kind}), "{name}"));'
        + _broken(match)
    )


def _separated(match: re.Match[str]) -> str:
    """A declaration for each variable."""
    declared = re.findall(r"\w+" + _SIZES, match[2])
    names = (_one_line(name) for name in declared)
    return " ".join(f"__shared__ {_one_line(match[1])} {name};" for name in names) + _broken(match)


def _static(match: re.Match[str]) -> str:
    if "," in re.sub(r"<[^;]*>|\([^;]*\)", "", match[2]):
        return match[0]
    kind, alignment = _alignment(match[1] + match[2])
    name, sizes = match[3], _one_line(match[4])
    return (
        f"typedef {kind} {name}_shared{sizes}; static emulator::Slot {name}_slot = "
        f'emulator::slot<{name}_shared>({alignment}, "{name}", __FILE__, __LINE__); '
        f"{name}_shared& {name} = *static_cast<{name}_shared*>(emulator_shared(&{name}_slot));"
        + _broken(match)
    )
