"""Concatenation of branches along channels, compared with NumPy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels import pick
from kernels.contract.plane_geometry import ConcatenateGeometry

pytestmark = pytest.mark.quick

sizes = st.integers(0, 5)


def side_by_side(arrays: list[np.ndarray]) -> np.ndarray:
    g = ConcatenateGeometry.of(*(a.shape for a in arrays))
    joined: np.ndarray = pick("concatenate", "cpu", g)(*arrays, g)
    return joined


@given(
    channels=st.lists(st.integers(0, 40), min_size=1, max_size=5),
    N=sizes,
    H=sizes,
    W=sizes,
    dtype=st.sampled_from([np.float32, np.float64]),
    last=st.booleans(),
)
def test_channels_follow_each_other_as_numpy_puts_them(
    channels: list[int], N: int, H: int, W: int, dtype: type, last: bool
) -> None:
    rng = np.random.default_rng(sum(channels))
    arrays = [rng.standard_normal((N, C, H, W)).astype(dtype) for C in channels]
    given_ = [np.asfortranarray(a) for a in arrays] if last else arrays
    assert np.array_equal(side_by_side(given_), np.concatenate(arrays, 1))


def test_two_types_are_refused() -> None:
    x = np.zeros((1, 2, 3, 3), np.float32)
    with pytest.raises(TypeError, match="float32, float64"):
        side_by_side([x, x.astype(np.float64)])
