"""Options that a command gets from the fields of dataclasses."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from zfnet.cli.app import app
from zfnet.cli.groups import Options, grouped
from zfnet.cli.train import AFTER_THE_DATA
from zfnet.documented import documented
from zfnet.recipe import Recipe
from zfnet.settings import Settings


@dataclass(frozen=True)
class Longer(Recipe):
    """The recipe with one more field."""

    warm_up: int = documented(5, "Steps at a lower rate.", least=0)


@dataclass(frozen=True)
class Form:
    """A field of each kind."""

    size: int
    kind: Literal["a", "b"] | None = "a"
    shape: tuple[int, int] = (1, 2)
    numbers: tuple[int, ...] = (3, 4)
    fast: bool = False


def called(*typed: str, **how: Any) -> Any:
    """The `Form` that a command gets for these arguments."""
    found: list[Any] = []
    options = Options(**how)
    hint: Any = dict[str, Any] if options.given else Form

    def command(*, form: Annotated[hint, options]) -> None:
        found.append(form)

    command.__annotations__ = {"form": Annotated[hint, options], "return": None}
    own = typer.Typer()
    own.command()(grouped(command))
    outcome = CliRunner().invoke(own, typed)
    assert outcome.exit_code == 0, outcome.output
    return found[0]


def train_options() -> dict[str, Any]:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    return {parameter.name: parameter for parameter in commands["train"].loaded().params}


@pytest.mark.parametrize("described", [Recipe, Settings])
def test_zfnet_train_has_an_option_for_every_field(described: Any) -> None:
    options = train_options()
    expected = {f.name for f in fields(described)} - set(AFTER_THE_DATA)
    assert expected <= set(options)
    assert all(options[name].help for name in expected)


def test_the_defaults_are_the_recipes() -> None:
    options = train_options()
    for field in fields(Recipe):
        shown = options[field.name].default
        assert shown == ("" if field.name == "keep_epochs" else field.default)


def test_a_field_that_is_added_is_an_option() -> None:
    seen: list[Longer] = []

    def command(*, recipe: Longer) -> None:
        seen.append(recipe)

    command.__annotations__["recipe"] = Longer
    own = typer.Typer()
    own.command()(grouped(command))
    shown = CliRunner().invoke(own, ["--help"], env={"COLUMNS": "120"}).output
    assert "--warm-up" in shown and "Steps at a lower rate." in shown
    assert CliRunner().invoke(own, ["--warm-up", "7", "--lr", "0.5"]).exit_code == 0
    assert seen == [Longer(lr=0.5, warm_up=7)]
    assert CliRunner().invoke(own, ["--warm-up", "-1"]).exit_code == 2


def test_typed_words_become_the_fields_values() -> None:
    assert called("--size", "7") == Form(7)
    words = ["--kind", "none", "--shape", "5", "6", "--numbers", "8,9", "--fast"]
    assert called("--size", "7", *words) == Form(7, None, (5, 6), (8, 9), fast=True)


def test_a_field_left_unset_is_not_in_the_dict() -> None:
    how: dict[str, Any] = {"given": Form, "without": ("numbers",), "unset": ("shape", "fast")}
    assert called("--size", "7", **how) == {"size": 7, "kind": "a"}
    given = called("--size", "7", "--shape", "0", "0", "--fast", **how)
    assert given == {"size": 7, "kind": "a", "shape": (0, 0), "fast": True}


@pytest.mark.parametrize(
    "words",
    [
        ["--schedule", "linear"],
        ["--norm", "batch"],
        ["--epochs", "many"],
        ["--strides", "2", "two"],
    ],
)
def test_a_wrong_value_is_refused_with_status_2_and_named(words: list[str]) -> None:
    outcome = CliRunner().invoke(app, ["train", "--data", "scenes", "--out", "x", *words])
    assert outcome.exit_code == 2 and "Traceback" not in outcome.output
    assert f"Invalid value for '{words[0]}'" in outcome.output


def test_a_group_may_have_the_name_of_one_of_its_fields() -> None:
    found: list[Form] = []

    def command(*, size: Form) -> None:
        found.append(size)

    command.__annotations__.update(size=Form)
    grouped(command)(3)
    assert found == [Form(3)]


def test_a_command_can_be_called_with_the_fields_as_arguments() -> None:
    found: list[tuple[str, Form]] = []

    def command(*, name: str, form: Form) -> None:
        found.append((name, form))

    command.__annotations__.update(name=str, form=Form)
    grouped(command)("x", 3, shape=(9, 9))
    assert found == [("x", Form(3, shape=(9, 9)))]
