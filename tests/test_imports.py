"""Imports of the four packages: downward only, and never in a circle.

Every import statement counts, within functions too; only packages that are not ours are left out.
A failure lists the offending imports as `file:line -> file`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.shared.import_graph import Arrow, circular, read_arrows, upward

ROOT = next(p for p in Path(__file__).resolve().parents if (p / "pyproject.toml").exists())

PACKAGES = ("kernels", "minidl", "zfnet", "bench")

ROWS = (
    ("kernels/*",),
    ("minidl/*",),
    ("zfnet/*",),
    ("bench/*",),
)
"""The packages, from the lowest to the highest."""

KERNELS = (
    ("kernels/storage/*",),
    ("kernels/contract/*",),
    ("kernels/cpu/*",),
    ("kernels/winograd/*",),
    ("kernels/cuda/*",),
    ("kernels/*",),  # anything else is an operation
    (
        "kernels/bounds.py",
        "kernels/definition/*",
        "kernels/reference.py",
        "kernels/reference_elements.py",
        "kernels/reference_groups.py",
        "kernels/reference_norm.py",
        "kernels/reference_planes.py",
    ),
    ("kernels/__init__.py",),  # it imports every operation
    ("kernels/verify/*", "kernels/ladder/*"),
    ("kernels/show/*", "kernels/judge/*", "kernels/terminal/*"),
    ("kernels/cli/*",),
    ("kernels/__main__.py",),
)
"""The rooms of kernels/, from the lowest to the highest."""

MINIDL = (
    (
        "minidl/identity.py",
        "minidl/sharing.py",
        "minidl/dtypes.py",
        "minidl/handed_array.py",
        "minidl/printing.py",
        "minidl/randomness.py",
    ),
    ("minidl/device.py", "minidl/init.py", "minidl/recording.py", "minidl/serialize.py"),
    ("minidl/versions.py",),
    ("minidl/stored.py", "minidl/tape.py"),
    ("minidl/methods/*",),
    ("minidl/tensor.py",),
    ("minidl/separate.py",),
    ("minidl/prepared_weights.py", "minidl/rules.py", "minidl/backward_pass.py"),
    ("minidl/functional/*",),
    ("minidl/in_place.py",),
    ("minidl/operators.py",),
    ("minidl/nn/*",),
    ("minidl/*",),  # anything else: the optimisers, the check of gradients, the tuning
    ("minidl/formats/*",),
    ("minidl/saving.py",),
    ("minidl/__init__.py",),
)
"""The same for minidl/."""


@pytest.fixture(scope="module")
def arrows() -> list[Arrow]:
    return read_arrows(ROOT, PACKAGES)


def test_the_packages_import_downward_only(arrows: list[Arrow]) -> None:
    _expect_none(upward(arrows, ROWS))


def test_the_rooms_of_kernels_import_downward_only(arrows: list[Arrow]) -> None:
    _expect_none(upward(arrows, KERNELS))


def test_the_rooms_of_minidl_import_downward_only(arrows: list[Arrow]) -> None:
    _expect_none(upward(arrows, MINIDL))


def test_no_modules_import_each_other_in_a_circle(arrows: list[Arrow]) -> None:
    _expect_none(circular(arrows))


def test_no_folders_of_kernels_import_each_other_in_a_circle(arrows: list[Arrow]) -> None:
    _expect_none(circular(arrows, _folder_of_kernels))


def _expect_none(found: list[str]) -> None:
    """Fail with every arrow on a line; pytest shortens a comparison of lists."""
    assert not found, "\n".join(["", *found])


def _folder_of_kernels(path: str) -> str | None:
    """kernels/conv2d/im2col.py -> kernels/conv2d; None for a file of the root, or elsewhere."""
    package, folder, *inside = path.split("/")
    return f"{package}/{folder}" if package == "kernels" and inside else None


def test_every_package_is_read(arrows: list[Arrow]) -> None:
    """An empty list of arrows would pass every test above."""
    assert {arrow.file.split("/")[0] for arrow in arrows} == set(PACKAGES)
    crossing = {(arrow.file.split("/")[0], arrow.target.split("/")[0]) for arrow in arrows}
    assert {("minidl", "kernels"), ("zfnet", "minidl"), ("bench", "zfnet")} <= crossing


# The helpers, on a package that is planted.


def _planted(root: Path, files: dict[str, str]) -> list[Arrow]:
    """The arrows of a package `p` with a folder `q`, and these files in it."""
    for name, text in {"__init__.py": "", "q/__init__.py": "", **files}.items():
        path = root / "p" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return read_arrows(root, ["p"])


@pytest.mark.parametrize(
    ("statement", "line", "target"),
    [
        ("import p", 1, "p/__init__.py"),
        ("import p.q.high", 1, "p/q/high.py"),
        ("import p.q.high as other", 1, "p/q/high.py"),
        ("import numpy, p.low", 1, "p/low.py"),
        ("from p import low", 1, "p/low.py"),
        ("from p import name", 1, "p/__init__.py"),
        ("from p.q import high as other", 1, "p/q/high.py"),
        ("from p.q.high import name", 1, "p/q/high.py"),
        ("from p.q.high import name, other", 1, "p/q/high.py"),
        ("from p.q import *", 1, "p/q/__init__.py"),
        ("from . import high", 1, "p/q/high.py"),
        ("from .high import name", 1, "p/q/high.py"),
        ("from .. import low", 1, "p/low.py"),
        ("from ..low import name", 1, "p/low.py"),
        ("def f():\n    from p import low", 2, "p/low.py"),
        ("class C:\n    def f(self):\n        import p.low", 3, "p/low.py"),
        ("if TYPE_CHECKING:\n    from p.low import name", 2, "p/low.py"),
        ("try:\n    import p.low\nexcept ImportError:\n    pass", 2, "p/low.py"),
    ],
)
def test_an_import_names_the_file_of_the_module(
    tmp_path: Path, statement: str, line: int, target: str
) -> None:
    found = _planted(tmp_path, {"low.py": "", "q/high.py": "", "q/file.py": statement})
    assert [str(arrow) for arrow in found] == [f"p/q/file.py:{line} -> {target}"]


def test_one_dot_in_an_init_file_stands_for_its_own_package(tmp_path: Path) -> None:
    found = _planted(tmp_path, {"q/__init__.py": "from .high import name", "q/high.py": ""})
    assert [str(arrow) for arrow in found] == ["p/q/__init__.py:1 -> p/q/high.py"]


def test_packages_that_are_not_ours_are_left_out(tmp_path: Path) -> None:
    text = "import numpy\nfrom os import path\ndef f():\n    import torch\n"
    assert _planted(tmp_path, {"file.py": text}) == []


def test_a_planted_circle_is_reported(tmp_path: Path) -> None:
    found = _planted(
        tmp_path,
        {
            "a.py": "from p import b",
            "b.py": "from p.c import name\nimport p.leaf",
            "c.py": "def late():\n    from p.a import name\n",
            "leaf.py": "",
            "above.py": "import p.a",
        },
    )
    assert sorted(circular(found)) == [
        "p/a.py:1 -> p/b.py",
        "p/b.py:1 -> p/c.py",
        "p/c.py:2 -> p/a.py",
    ]


def test_each_of_two_circles_is_reported(tmp_path: Path) -> None:
    found = _planted(
        tmp_path,
        {
            "a.py": "import p.b",
            "b.py": "import p.a",
            "c.py": "import p.d\nimport p.a",
            "d.py": "import p.c",
        },
    )
    assert sorted(circular(found)) == [
        "p/a.py:1 -> p/b.py",
        "p/b.py:1 -> p/a.py",
        "p/c.py:1 -> p/d.py",
        "p/d.py:1 -> p/c.py",
    ]


def test_folders_can_be_in_a_circle_when_no_files_are(tmp_path: Path) -> None:
    found = _planted(
        tmp_path,
        {"a.py": "import p.q.high", "b.py": "", "q/high.py": "", "q/low.py": "import p.b"},
    )
    assert circular(found) == []
    assert sorted(circular(found, lambda path: "q" if "/q/" in path else "p")) == [
        "p/a.py:1 -> p/q/high.py",
        "p/q/low.py:1 -> p/b.py",
    ]
    assert circular(found, lambda path: "q" if "/q/" in path else None) == []


def test_a_planted_upward_import_is_reported(tmp_path: Path) -> None:
    found = _planted(
        tmp_path,
        {
            "low.py": "import os\nimport p.q.high\n",
            "q/high.py": "import p.low",
            "without_a_row.py": "import p.low",
        },
    )
    assert upward(found, [["p/low.py"], ["p/q/*"]]) == ["p/low.py:2 -> p/q/high.py"]
    assert upward(found, [["p/q/*"], ["p/low.py"]]) == ["p/q/high.py:1 -> p/low.py"]
    assert upward(found, [["p/low.py", "p/q/*"]]) == []


def test_the_longest_pattern_places_a_file(tmp_path: Path) -> None:
    found = _planted(
        tmp_path, {"low.py": "", "q/high.py": "import p.low", "q/file.py": "import p.q.high"}
    )
    assert upward(found, [["p/q/*"], ["p/*"]]) == ["p/q/high.py:1 -> p/low.py"]
    assert upward(found, [["p/q/file.py"], ["p/low.py"], ["p/q/*"]]) == [
        "p/q/file.py:1 -> p/q/high.py"
    ]
