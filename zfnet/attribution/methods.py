"""Methods of attribution by the names that `--rules` takes."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from minidl import rules
from minidl.relevance import (
    EPSILON_ALPHA2_BETA1,
    EPSILON_ALPHA2_BETA1_FLAT,
    EPSILON_GAMMA_BOX,
    EPSILON_PLUS,
    EPSILON_PLUS_FLAT,
    STABILISER,
    AlphaBeta,
    Composite,
    Epsilon,
    Flat,
    Gamma,
    LayerRule,
    WSquare,
    ZPlus,
)
from minidl.rules import Rules
from zfnet.attribution.gradcam import gradcam, guided_gradcam
from zfnet.attribution.method import Found, Method
from zfnet.attribution.passes import Question, gradients, in_batches
from zfnet.attribution.relevance import propagated
from zfnet.attribution.smoothed import Fold, integrated, smoothed


def by_table(table: Rules, question: Question) -> Found:
    """A 1 at each unit, propagated to the pixels by the rules of `table`."""
    exact = rules.by_definition(table)
    parts = in_batches(question, table.name, lambda some: gradients(some, some.images, exact))
    return Found(np.concatenate([found for _, found in parts]))


def gradient_times_input(question: Question) -> Found:
    """The gradient times the preprocessed pixels."""
    return Found(by_table(rules.gradient, question).values * question.images)


def _smooth(name: str, title: str, source: str, fold: Fold) -> Method:
    settings = {"smooth": 50, "sigma": 0.15, "seed": 0}
    kind = "colours" if name == "smoothgrad" else "positive"
    return Method(name, title, source, kind, partial(smoothed, fold), settings)  # type: ignore[arg-type]


def _lrp(name: str, title: str, source: str, rules: Composite, **settings: Any) -> Method:
    numbers = {**settings, "stabiliser": STABILISER, "first": None, "concept": None}
    return Method(name, title, source, "signed", partial(propagated, name, rules), numbers)


def _uniform(name: str, title: str, source: str, rule: LayerRule, **settings: Any) -> Method:
    return _lrp(name, title, source, Composite(name, rule, rule), **settings)


def _composite(title: str, rules: Composite, **settings: Any) -> Method:
    name = f"lrp-{rules.name.replace(' ', '-')}"
    made = f"relevance by the composite {title}"
    return _lrp(name, made, "Anders et al. 2021", rules, epsilon=1e-6, **settings)


CAM = {"cam_layer": None, "upsample": "linear"}
_ALL = (
    Method("deconvnet", "the deconvnet", "Zeiler, Fergus 2013", "colours",
           partial(by_table, rules.deconvnet)),
    Method("guided", "guided backpropagation", "Springenberg et al. 2014", "colours",
           partial(by_table, rules.guided)),
    Method("gradient", "the gradient", "Simonyan et al. 2013", "colours",
           partial(by_table, rules.gradient)),
    Method("gradient-x-input", "the gradient times the input", "Shrikumar et al. 2016", "signed",
           gradient_times_input),
    _smooth("smoothgrad", "SmoothGrad", "Smilkov et al. 2017", lambda g, squares: g),
    _smooth("smoothgrad-squared", "SmoothGrad with squares", "Hooker et al. 2019",
            lambda g, squares: squares),
    _smooth("vargrad", "VarGrad", "Adebayo et al. 2018", lambda g, squares: squares - g * g),
    Method("integrated-gradients", "integrated gradients", "Sundararajan et al. 2017", "signed",
           integrated, {"steps": 50, "baseline": "mean"}),
    Method("gradcam", "Grad-CAM", "Selvaraju et al. 2017", "positive", gradcam, CAM),
    Method("guided-gradcam", "guided Grad-CAM", "Selvaraju et al. 2017", "colours",
           guided_gradcam, CAM),
    _uniform("lrp-epsilon", "relevance by the epsilon rule", "Bach et al. 2015", Epsilon(),
             epsilon=1e-6),
    _uniform("lrp-zplus", "relevance by the z+ rule", "Montavon et al. 2017", ZPlus()),
    _uniform("lrp-alpha-beta", "relevance by the alpha-beta rule", "Bach et al. 2015", AlphaBeta(),
             alpha=2.0),
    _uniform("lrp-gamma", "relevance by the gamma rule", "Montavon et al. 2019", Gamma(),
             gamma=0.25),
    _uniform("lrp-flat", "relevance by the flat rule", "Lapuschkin et al. 2019", Flat()),
    _uniform("lrp-wsquare", "relevance by the w-square rule", "Montavon et al. 2017", WSquare()),
    _composite("epsilon plus", EPSILON_PLUS),
    _composite("epsilon plus flat", EPSILON_PLUS_FLAT),
    _composite("epsilon alpha2 beta1", EPSILON_ALPHA2_BETA1),
    _composite("epsilon alpha2 beta1 flat", EPSILON_ALPHA2_BETA1_FLAT),
    _composite("epsilon gamma box", EPSILON_GAMMA_BOX, gamma=0.25),
)  # fmt: skip

METHODS: dict[str, Method] = {method.name: method for method in _ALL}
"""All methods, by their names."""


def method_named(name: str) -> Method:
    """The method; ValueError lists the names."""
    if name not in METHODS:
        raise ValueError(f"no method {name!r}; the methods are {', '.join(METHODS)}")
    return METHODS[name]
