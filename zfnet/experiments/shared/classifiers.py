"""Linear classifiers on features: a softmax and a support vector machine, by scikit-learn.

Features are standardised with the mean and the standard deviation of the training images, and
divided by the square root of their number: an image then has a norm of about 1, and one C has
about the same effect at every layer. C is given, or chosen from GRID by the accuracy on a third of
the training images, held out class by class; the classifier is then fitted to all training images.
The test images take no part in this.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedShuffleSplit
from sklearn.svm import LinearSVC

Kind = Literal["svm", "softmax"]
GRID = (0.01, 0.1, 1.0, 10.0)
HELD_OUT = 1 / 3
DESCRIBED = (
    "Features are standardised with the mean and the standard deviation of the images that are "
    "learned from, and divided by the square root of their number, so that an image has a norm of "
    "about 1. C is {c}."
)


def described(c: float | None) -> str:
    """A page's sentence about the scaling of features and the choice of C."""
    grid = ", ".join(f"{value:g}" for value in GRID)
    chosen = f"chosen among {grid} on a third of the images that are learned from, held out"
    return DESCRIBED.format(c=chosen if c is None else f"{c:g}")


@dataclass(frozen=True, eq=False)
class Scaling:
    """x -> (x - mean) / divisor, both (D,) float32."""

    mean: np.ndarray
    divisor: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray) -> Scaling:
        """From the training features (n,D); a constant feature becomes 0."""
        spread = x.std(axis=0, dtype=np.float64)
        spread[spread == 0] = 1
        divisor = spread * np.sqrt(x.shape[1])
        return cls(x.mean(axis=0, dtype=np.float64).astype(np.float32), divisor.astype(np.float32))

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """(n,D) -> (n,D) float32, a copy."""
        scaled = x - self.mean
        scaled /= self.divisor
        return scaled


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fitted classifier; `c` is its C."""

    c: float
    _scaling: Scaling
    _estimator: Any

    def predict(self, x: np.ndarray) -> np.ndarray:
        """The class of each of the features (n,D): (n,)."""
        return self._estimator.predict(self._scaling(x))

    def scores(self, x: np.ndarray) -> np.ndarray:
        """The signed distance of each of (n,D) to the second of two classes' side: (n,)."""
        return self._estimator.decision_function(self._scaling(x))


def fit(
    kind: Kind,
    x: np.ndarray,
    labels: np.ndarray,
    *,
    c: float | None = None,
    seed: int = 0,
    scoring: str = "accuracy",
) -> Fitted:
    """Fit a classifier to features (n,D) float32 and labels (n,).

    c: None chooses it by scikit-learn's score `scoring`.
    ValueError for a c that is not above 0, or where a class is too small to hold images out.
    """
    scaling = Scaling.of(x)
    scaled, made = scaling(x), _made(kind, seed)
    if c is not None:
        if not c > 0:
            raise ValueError(f"C is {c}: it must be above 0")
        return Fitted(c, scaling, made.set_params(C=c).fit(scaled, labels))
    _check_room(labels)
    split = StratifiedShuffleSplit(1, test_size=HELD_OUT, random_state=seed)
    search = GridSearchCV(made, {"C": GRID}, cv=split, scoring=scoring).fit(scaled, labels)
    return Fitted(float(search.best_params_["C"]), scaling, search.best_estimator_)


def _made(kind: Kind, seed: int) -> Any:
    if kind == "svm":
        return LinearSVC(max_iter=2_000, random_state=seed)
    return LogisticRegression(max_iter=2_000)


def _check_room(labels: np.ndarray) -> None:
    names, counts = np.unique(labels, return_counts=True)
    held_out = int(np.ceil(len(labels) * HELD_OUT))
    if counts.min() < 2 or held_out < len(names):
        raise ValueError(
            f"C cannot be chosen on a third of {len(labels)} images of {len(names)} classes, the "
            f"smallest with {counts.min()}: give C, or learn from at least 3 images per class"
        )
