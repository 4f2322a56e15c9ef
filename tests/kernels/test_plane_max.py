"""The largest value of each plane and its switch, against NumPy's argmax."""

from __future__ import annotations

import numpy as np
import pytest

from kernels import pick

pytestmark = pytest.mark.quick


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (3, 5, 4, 7), (2, 33, 9, 2)])
def test_peaks_are_numpys_argmax(shape: tuple[int, ...], dtype: type) -> None:
    # Few whole numbers: most planes have their largest value several times.
    y = np.random.default_rng(1).integers(-4, 3, shape).astype(dtype)
    for planes in (y, np.asarray(y.transpose(0, 2, 3, 1), order="C").transpose(0, 3, 1, 2)):
        values, places = pick("plane_max", "cpu", shape)(planes)
        flat = y.reshape(*shape[:2], -1)  # (N,K,P,Q) -> (N,K,PQ)
        assert np.array_equal(values, flat.max(axis=2))
        assert np.array_equal(places, flat.argmax(axis=2))


def test_planes_without_pixels_are_refused() -> None:
    with pytest.raises(ValueError, match=r"no kernel on 'cpu' serves \(1, 2, 0, 3\)"):
        pick("plane_max", "cpu", (1, 2, 0, 3))
