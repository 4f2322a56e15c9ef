"""Two networks on the live page: routes of each, and forward passes that are kept apart."""

from __future__ import annotations

import numpy as np
import pytest

from tests.zfnet.tiny import network
from zfnet.look.gallery import Gallery
from zfnet.look.requests import Asked
from zfnet.look.session import KEPT, Opened, Session


@pytest.fixture(scope="module")
def session() -> Session:
    return Session([Opened(network(0), "a"), Opened(network(1), "b")], Gallery())


def test_each_network_has_its_own_forward_pass(session: Session) -> None:
    runs = [session.forward(Asked({"network": str(n)})) for n in (0, 1)]
    for n, run in enumerate(runs):
        assert run is session.forward(Asked({"network": str(n)}))
        own = session.networks[n].network.probabilities(run.image[None])[0]
        np.testing.assert_allclose(run.probabilities, own, rtol=1e-5)
    assert not np.array_equal(runs[0].planes("conv1"), runs[1].planes("conv1"))


def test_no_more_forward_passes_are_kept_than_are_looked_at(session: Session) -> None:
    for image in ("s0", "s1"):
        for n in ("0", "1"):
            session.forward(Asked({"network": n, "image": image}))
    assert len(session._passes) == KEPT


def test_a_third_network_does_not_exist(session: Session) -> None:
    with pytest.raises(ValueError, match="network 2 of 2"):
        session.forward(Asked({"network": "2"}))
