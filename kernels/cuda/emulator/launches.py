"""Launches `kernel<<<grid, block, shared, stream>>>(arguments)`, as calls that are C++.

    scale<float><<<blocks, 256>>>(x, n);
    host::launch(host::Configuration(blocks, 256), "scale<float>", __FILE__, __LINE__,
                 [=](auto... a) { scale<float>(a...); }, x, n);

Line breaks stay where they are. Comments are gone already.
"""

from __future__ import annotations

import re

_TEXT = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'')
_NAME = re.compile(r"[A-Za-z_][\w]*(?:\s*::\s*[A-Za-z_]\w*)*\s*$")
_LINE = re.compile(r'#line (\d+) "([^"]*)"')
_OPEN, _CLOSE = "([{", ")]}"


class Malformed(ValueError):
    """A launch that is not understood, with the file and line that `#line` gives it."""

    def __init__(self, text: str, at: int, why: str) -> None:
        file, line = "the program", 1
        for row in text[:at].split("\n"):
            if found := _LINE.match(row):
                file, line = found[2], int(found[1])
            else:
                line += 1
        super().__init__(f"{file}:{line - 1}: {why}")


def with_launches(text: str) -> str:
    """The text with every launch rewritten; Malformed for one that is not understood."""
    bare = without_texts(text)
    done, at = [], 0
    while (mark := bare.find("<<<", at)) >= 0:
        begin = _kernel(text, bare, mark)
        configuration_end = _end(text, bare, mark + 3, ">>>")
        opened = _next(bare, configuration_end + 3)
        if bare[opened : opened + 1] != "(":
            raise Malformed(text, mark, "a launch `kernel<<<...>>>` has no arguments after it")
        closed = _end(text, bare, opened + 1, ")")
        kernel = text[begin:mark].strip()
        configuration = text[mark + 3 : configuration_end]
        arguments = with_launches(text[opened + 1 : closed])
        given = re.sub(r"\bNULL\b", "nullptr", arguments)
        between = "\n" * text.count("\n", configuration_end, opened)
        done.append(text[at:begin])
        done.append(
            f"host::launch(host::Configuration({configuration}), {_quoted(kernel)}, __FILE__, "
            f"__LINE__, [=](auto... emulator_given) {{ {kernel}(emulator_given...); }}"
            f"{between}{', ' if given.strip() else ''}{given})"
        )
        at = closed + 1
    return "".join(done) + text[at:]


def without_texts(text: str) -> str:
    """The text with the characters of string literals blanked, of the same length."""
    return _TEXT.sub(lambda m: m[0][0] + " " * (len(m[0]) - 2) + m[0][0], text)


def _quoted(name: str) -> str:
    return '"' + " ".join(name.split()).replace('"', "'") + '"'


def _next(bare: str, at: int) -> int:
    while bare[at : at + 1].isspace():
        at += 1
    return at


def _kernel(text: str, bare: str, mark: int) -> int:
    """Where the kernel's name begins, of which template arguments are a part."""
    end = len(bare[:mark].rstrip())
    if bare[end - 1] == ">":
        depth = inner = 0
        for at in range(end - 1, -1, -1):
            inner += (bare[at] == ")") - (bare[at] == "(")
            depth += 0 if inner else (bare[at] == ">") - (bare[at] == "<")
            if depth == 0:
                end = at
                break
    elif bare[end - 1] == ")":  # (condition ? one : other)<<<...>>>
        return _opening(text, bare, end - 1)
    found = _NAME.search(bare[:end])
    if found is None:
        raise Malformed(text, mark, "no name of a kernel stands before `<<<`")
    return found.start()


def _opening(text: str, bare: str, closing: int) -> int:
    depth = 0
    for at in range(closing, -1, -1):
        depth += (bare[at] == ")") - (bare[at] == "(")
        if depth == 0:
            return at
    raise Malformed(text, closing, "a bracket is not opened")


def _end(text: str, bare: str, at: int, closing: str) -> int:
    """Where what was opened before `at` ends, outside of inner brackets."""
    began, depth = at, 0
    while at < len(bare):
        if depth == 0 and bare.startswith(closing, at):
            return at
        depth += (bare[at] in _OPEN) - (bare[at] in _CLOSE)
        at += 1
    raise Malformed(text, began, f"`{closing}` is missing")
