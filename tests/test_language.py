"""Language of the code: private names are refused where the field has a word."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("kernels", "minidl", "zfnet", "bench")
FIELD_WORD = {
    "door": "canonicalise operands",
    "admit": "canonicalise",
    "admitted": "canonical",
    "told": "parameters",
    "tall": "MR",
    "ahead": "prefetch distance",
    "soon": "prefetch",
    "turned": "transposed, or flipped",
    "lies": "stored as",
    "laid": "packed",
    "arrived": "scattered",
    "streaming": "non-temporal stores",
    "visible": "inspectable",
    "covered": "incremental",
    "payoff": "a name that says what is compared",
}
"""A part of an identifier that nobody could search for, and what the literature says instead."""
NOT_A_NOUN = re.compile(
    r"(What|Whether|Which|How|Where|When|Who|Why|Does|Do|Is|Are|Can|If)\b|.*\b(the door|told)\b"
)
"""First lines of modules that ask or tell a story, where a noun phrase names the thing."""


def parts(identifier: str) -> list[str]:
    """The words of an identifier, in lower case: of snake_case and of CamelCase."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", identifier)
    return [part.lower() for part in spaced.split("_") if part]


def refused(identifier: str) -> list[str]:
    """The private words in it."""
    words = parts(identifier)
    pairs = ["".join(pair) for pair in itertools.pairwise(words)]
    return [word for word in (*words, *pairs) if word in FIELD_WORD]


def identifiers(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """(name, line) of each definition: functions, classes, arguments, variables, attributes."""
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name, line
            case ast.arg(arg=name):
                yield name, line
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name, line


def modules() -> list[Path]:
    return sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))


def test_no_identifier_is_a_private_word() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{line}: {name}: {word} -> {FIELD_WORD[word]}"
        for file in modules()
        for name, line in identifiers(ast.parse(file.read_text(encoding="utf-8")))
        for word in refused(name)
    ]
    assert not found, "\n".join(found)


def test_no_module_is_named_by_a_private_word() -> None:
    assert not [file for file in modules() if refused(file.stem)]


def test_the_first_line_of_a_module_is_a_noun_phrase() -> None:
    found = []
    for file in modules():
        text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
        first = text.split("\n", 1)[0]
        if not first or NOT_A_NOUN.match(first) or first.endswith("?"):
            found.append(f"{file.relative_to(ROOT)}: {first!r}")
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("identifier", "words"),
    [
        ("outer_tall", ["tall"]),
        ("TALL", ["tall"]),
        ("_admit_device", ["admit"]),
        ("VisibleNetwork", ["visible"]),
        ("pay_off", ["payoff"]),
        ("prefetch_distance", []),
        ("installed", []),
    ],
)
def test_private_words_are_found_in_parts_of_identifiers(identifier: str, words: list[str]) -> None:
    assert refused(identifier) == words


def test_every_kind_of_definition_is_read() -> None:
    tree = ast.parse("class A:\n def b(self, c, *d):\n  e = 1\n  self.f = e\n  for g in c: pass")
    assert {name for name, _ in identifiers(tree)} == {"A", "b", "self", "c", "d", "e", "f", "g"}
