"""Image: what the network sees, and the probabilities of classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from zfnet.look.engine import Job
from zfnet.look.frames import Frame
from zfnet.look.requests import Asked
from zfnet.look.session import Forward, Session
from zfnet.look.view import View

BEST = 5
THUMBNAIL = 72


def seen(session: Session, asked: Asked, job: Job) -> Frame:
    """The image as the network takes it (S,S,3), and the best classes."""
    picture, run = session.picture(asked), session.forward(asked)
    pixels = run.network.preprocess.to_pixels(run.image)
    header = {"image": picture.id, "name": picture.name, "best": best(run)}
    return Frame(header, {"pixels": pixels})


def best(run: Forward, probabilities: np.ndarray | None = None) -> list[dict[str, Any]]:
    """The most probable classes, the first of them first."""
    found = run.probabilities if probabilities is None else probabilities
    if found is None:
        return []
    order = np.argsort(-found, kind="stable")[:BEST]
    classes = run.network.classes
    return [{"class": int(c), "name": classes[c], "probability": float(found[c])} for c in order]


def listed(session: Session, asked: Asked, job: Job) -> Frame:
    """Ids and names of all images."""
    return Frame({"images": [{"id": i, "name": name} for i, name in session.gallery.listed()]})


def thumbnail(session: Session, asked: Asked, job: Job) -> Frame:
    """A small square of an image, (T,T,3)."""
    pixels = session.picture(asked).pixels
    side = min(pixels.shape[:2])
    top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
    at = (np.arange(THUMBNAIL) + 0.5) * side / THUMBNAIL
    rows, columns = (top + at).astype(int), (left + at).astype(int)
    return Frame({}, {"pixels": pixels[rows[:, None], columns]})


def uploaded(session: Session, asked: Asked, job: Job) -> Frame:
    """Keep an uploaded image; its id."""
    picture = session.gallery.add(asked.body, asked.text("name", "image"))
    return Frame({"image": picture.id, "name": picture.name})


VIEW = View(
    "image",
    "image.js",
    {"image": seen, "images": listed, "thumbnail": thumbnail},
    {"upload": uploaded},
    order=10,
)
