"""Options of the commands that project: methods of attribution and their settings."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, Any

import typer

from zfnet.attribution.gradcam import UPSAMPLED
from zfnet.attribution.methods import METHODS, method_named
from zfnet.attribution.projector import ChosenMethod
from zfnet.attribution.relevance import FIRST
from zfnet.attribution.smoothed import BASELINES
from zfnet.cli.options import names, whole_numbers

RulesName = Annotated[
    str,
    typer.Option(
        "--rules",
        metavar="NAME[,NAME]",
        help=f"Methods of projection: {', '.join(METHODS)}. docs/rules.md explains them.",
    ),
]
OneRule = Annotated[
    str, typer.Option("--rules", metavar="NAME", help="Method of projection, as of features.")
]
PANEL = "Settings of --rules"


def _option(help: str, **options: Any) -> Any:
    return typer.Option(help=help, rich_help_panel=PANEL, show_default=False, **options)


@dataclass(frozen=True)
class RuleSettings:
    """Settings of the methods; None: the method's own default."""

    smooth: Annotated[int | None, _option("Noisy copies of smoothgrad and vargrad (50).")] = None
    sigma: Annotated[
        float | None, _option("Their noise's deviation, a share of the image's range (0.15).")
    ] = None
    steps: Annotated[int | None, _option("Points of integrated-gradients (50).")] = None
    baseline: Annotated[
        str | None, _option(f"Where they start: {', '.join(BASELINES)}, or a number (mean).")
    ] = None
    cam_layer: Annotated[
        str | None, _option("Whose planes Grad-CAM weighs (the last layer with planes).")
    ] = None
    upsample: Annotated[
        str | None, _option(f"How they are resized: {' or '.join(UPSAMPLED)} (linear).")
    ] = None
    epsilon: Annotated[float | None, _option("Of lrp's epsilon rule (1e-6).")] = None
    gamma: Annotated[float | None, _option("Of lrp's gamma rule (0.25).")] = None
    alpha: Annotated[float | None, _option("Of lrp-alpha-beta; beta is 1 less (2).")] = None
    stabiliser: Annotated[float | None, _option("Of lrp's other rules and sums (1e-6).")] = None
    first: Annotated[
        str | None, _option(f"lrp's rule of the first layer: {', '.join(FIRST)} (the method's).")
    ] = None
    concept: Annotated[
        str | None,
        _option("LAYER:MAP[,MAP]: relevance through these maps alone.", metavar="LAYER:MAP"),
    ] = None

    def given(self) -> dict[str, Any]:
        """Those that were given, as the methods take them; ValueError for one of another form."""
        found = {f.name: getattr(self, f.name) for f in fields(self)}
        found = {name: value for name, value in found.items() if value is not None}
        if "concept" in found:
            layer, _, maps = found["concept"].rpartition(":")
            found["concept"] = layer, whole_numbers(maps, "--concept LAYER:MAP")
        if "baseline" in found and found["baseline"] not in BASELINES:
            found["baseline"] = _number(found["baseline"])
        return found


def chosen(rules: str, settings: RuleSettings, seed: int = 0) -> list[ChosenMethod]:
    """The methods of `--rules`, each with its settings.

    ValueError for no method, one that does not exist, or a setting that none of them has.
    """
    methods = [method_named(name) for name in dict.fromkeys(names(rules))]
    if not methods:
        raise ValueError(f"--rules names no method; the methods are {', '.join(METHODS)}")
    given = settings.given()
    for name in given:
        if not any(name in method.settings for method in methods):
            having = ", ".join(m.name for m in METHODS.values() if name in m.settings)
            option = name.replace("_", "-")
            raise ValueError(
                f"--{option} is no setting of {', '.join(m.name for m in methods)}; it is one of "
                f"{having}"
            )
    everything = {"seed": seed, **given}
    return [
        ChosenMethod(m.name, {k: v for k, v in everything.items() if k in m.settings})
        for m in methods
    ]


def chosen_one(rules: str, settings: RuleSettings, seed: int = 0) -> ChosenMethod:
    """The one method of `--rules`; ValueError for several."""
    methods = chosen(rules, settings, seed)
    if len(methods) > 1:
        raise ValueError(f"--rules takes one method here, got {', '.join(m.name for m in methods)}")
    return methods[0]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(
            f"--baseline takes {', '.join(BASELINES)} or a number, got {text!r}"
        ) from None
