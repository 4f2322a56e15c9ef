"""Grad-CAM and guided Grad-CAM (Selvaraju et al. 2017).

    w_k  = mean over the places of d score / d A_k        A the planes (K,P,Q) of a layer
    cam  = max(sum over k of w_k A_k, 0)                  (P,Q), resized to the image

Guided Grad-CAM is guided backpropagation times the resized cam. Both are Captum's `LayerGradCam`,
with `relu_attributions`, `LayerAttribution.interpolate` and `GuidedGradCam`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import Tensor, rules
from minidl import functional as F
from zfnet.attribution.method import Found
from zfnet.attribution.passes import Question, forward, gradients, in_batches
from zfnet.inspectable import InspectableGraph

UPSAMPLED = {
    "linear": {"mode": "linear"},
    "nearest": {"mode": "nearest", "coordinate_transformation_mode": "asymmetric",
                "nearest_mode": "floor"},
}  # fmt: skip
"""Arguments of `minidl.functional.resize` for PyTorch's "bilinear" and "nearest"."""


def gradcam(question: Question, *, cam_layer: str | None, upsample: str) -> Found:
    """Grad-CAM of the planes of `cam_layer`, the last layer with planes by default."""
    layer = _layer(question.model, question.target.layer, cam_layer)
    _check_upsample(upsample)
    parts = in_batches(question, "Grad-CAM", lambda some: _cam(some, layer))
    S = question.model.image_size
    return Found(np.concatenate([_resized(cam, S, upsample) for _, cam in parts]))


def guided_gradcam(question: Question, *, cam_layer: str | None, upsample: str) -> Found:
    """Guided backpropagation (N,3,S,S) times Grad-CAM."""
    cam = gradcam(question, cam_layer=cam_layer, upsample=upsample).values
    table = rules.by_definition(rules.guided)
    parts = in_batches(
        question, "guided backpropagation", lambda some: gradients(some, some.images, table)
    )
    return Found(np.concatenate([found for _, found in parts]) * cam)


def _cam(question: Question, layer: str) -> np.ndarray:
    """(N,1,P,Q)."""
    tape = forward(question, question.images, kept=True)
    a = tape.outputs[layer]
    (ga,) = tape.activation.backward(tape.cotangent(), rules=rules.gradient, inputs=[a])
    planar = question.model.layout(layer).planar
    planes, by = planar(a.numpy()), planar(ga.numpy())  # (N,K,P,Q)
    weights = by.mean(axis=(2, 3), keepdims=True)  # (N,K,1,1)
    cam: np.ndarray = np.maximum((weights * planes).sum(axis=1, keepdims=True), 0)
    return cam


def _resized(cam: np.ndarray, side: int, upsample: str) -> np.ndarray:
    """(N,1,P,Q) -> (N,1,S,S)."""
    arguments: dict[str, Any] = UPSAMPLED[upsample]
    return F.resize(Tensor(np.ascontiguousarray(cam)), sizes=(side, side), **arguments).numpy()


def _check_upsample(upsample: str) -> None:
    if upsample not in UPSAMPLED:
        raise ValueError(f"upsample is {upsample!r}: it takes {' or '.join(UPSAMPLED)}")


def _layer(model: InspectableGraph, units: str, given: str | None) -> str:
    """The layer of the planes: the given one, or the last with several places below the units'."""
    below, planes = model.below(units), model.planes()
    if given is None:
        found = [n for n in model.layer_names() if n in below and max(planes.get(n, (1, 1))) > 1]
        last = model.last_spatial_layer
        if not found:
            raise ValueError(f"Grad-CAM needs planes, and no layer below {units} has any")
        return last if last in found else found[-1]
    if given not in model.layer_names():
        model.layout(given)  # (the error lists the layers)
    if given not in below:
        raise ValueError(f"Grad-CAM: {units} is not computed from {given!r}")
    if given not in planes:
        known = ", ".join(n for n in model.layer_names() if n in planes and n in below)
        raise ValueError(
            f"Grad-CAM needs planes, and {given!r} has none; layers with planes: {known or 'none'}"
        )
    return given
