"""Cached compiled code, out of date as soon as any kernel's source changes."""

from pathlib import Path

import numba
import pytest

from kernels.contract import freshness
from kernels.cpu import non_temporal
from zfnet.data.drawing import brush

pytestmark = pytest.mark.quick


def stamp(function: object) -> object:
    return function._cache._impl.locator.get_source_stamp()  # type: ignore[attr-defined]


def test_what_kernels_are_built_from_is_in_their_stamp(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, other = stamp(non_temporal.use_non_temporal), stamp(brush.lay_solid)
    monkeypatch.setattr(freshness, "digest", lambda: "after a change")
    assert stamp(non_temporal.use_non_temporal) != ours
    assert stamp(brush.lay_solid) == other, "it is built from no kernel"


def test_a_users_file_of_kernels_has_the_digest_too(tmp_path: Path) -> None:
    for text, concerned in (("from kernels import kernel\n", True), ("import numpy\n", False)):
        file = tmp_path / f"mine_{concerned}.py"
        file.write_text(text)
        assert freshness.built_from_kernels(str(file)) is concerned


def test_the_digest_is_of_every_compiled_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("outer.py", "conv2d/direct.py", "cli/verify.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("before")
    monkeypatch.setattr(freshness, "FOLDER", tmp_path)
    digest = freshness.digest.__wrapped__
    before = digest()
    (tmp_path / "cli/verify.py").write_text("after")
    assert digest() == before, "nothing of it is compiled"
    for name in ("outer.py", "conv2d/direct.py"):
        (tmp_path / name).write_text("after")
        assert digest() != before
        before = digest()


def test_numba_asks_for_these_places() -> None:
    named = numba.config.CACHE_LOCATOR_CLASSES
    assert named.startswith(f"{freshness.__name__}.Provided"), named
