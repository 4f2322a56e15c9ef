"""Command-line options from the fields of dataclasses.

A command takes a dataclass in place of a list of parameters:

    @grouped
    def train_command(*, out: Path, recipe: Annotated[Recipe, Options("Recipe")]) -> None: ...

`grouped` returns the same command with one parameter for each field, which Typer shows as one
option: `Recipe.batch_size` is `--batch-size`. A field's type is the option's type, a `Literal` its
choices, its default the option's. The help text is in the field's metadata (`zfnet/documented.py`)
or in a `typer.Option` in its annotation. A field that is added to the dataclass is an option of
every command that takes it. A parameter of type `Given` gets the names of the options that the user
typed.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass, replace
from functools import wraps
from typing import Annotated, Any, Literal, NewType, Union, get_args, get_origin, get_type_hints

import typer
from typer.models import ParameterInfo

from zfnet.cli.options import whole_numbers
from zfnet.documented import HELP, LEAST

Command = Callable[..., None]
Given = NewType("Given", frozenset[str])
"""Names of the parameters whose options the user typed; the others have their defaults."""
CONTEXT = "context"
"""The parameter by which Typer gives its context."""
NONE = "none"
"""The choice that means None."""


@dataclass(frozen=True)
class Options:
    """How the fields of a dataclass become options.

    panel:   the heading of the options in --help; empty: among the command's other options.
    outside: fields whose options are among the command's other options all the same.
    without: fields that are no options; the dataclass's own defaults stand.
    given:   a dataclass. The command then takes a dict of its fields in place of an instance.
    unset:   fields that are left out of this dict unless the user gives them.
    """

    panel: str = ""
    outside: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    given: type | None = None
    unset: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Option:
    """One option: its parameter, and how a typed value becomes the field's value."""

    name: str
    parameter: inspect.Parameter
    value: Callable[[Any], Any] = lambda typed: typed


@dataclass(frozen=True)
class _Group:
    """The options of one parameter of a command."""

    made: Callable[..., Any]
    options: list[_Option]
    unset: tuple[str, ...]

    def collected(self, arguments: Mapping[str, Any]) -> Any:
        """The dataclass, or the dict of its fields, from the command's arguments."""
        values = {o.name: o.value(arguments[o.name]) for o in self.options}
        left_out = [name for name in self.unset if values[name] in (None, False)]
        return self.made(**{k: v for k, v in values.items() if k not in left_out})


def grouped(command: Command) -> Command:
    """The command with one parameter for each field of the dataclasses that it takes.

    Its own parameters are keyword-only, so that they stand in the order in which --help has them.
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, _Group] = {}
    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        if hints[name] is Given:
            continue
        found = _group(hints[name])
        if found is None:
            parameters.append(_parameter(name, hints[name], parameter.default))
        else:
            groups[name] = found
            parameters += [option.parameter for option in found.options]
    wanting = [name for name, hint in hints.items() if hint is Given]
    if wanting:
        parameters.append(_parameter(CONTEXT, typer.Context, None))
    signature = inspect.Signature(parameters)

    @wraps(command)
    def flat(*args: Any, **kwargs: Any) -> None:
        bound = signature.bind(*args, **kwargs)
        typed = dict.fromkeys(wanting, _typed_names(bound.arguments))
        bound.apply_defaults()
        values = {name: group.collected(bound.arguments) for name, group in groups.items()}
        own = {n: a for n, a in bound.arguments.items() if n in hints and n not in groups}
        own.pop(CONTEXT, None)
        command(**own, **values, **typed)

    # Typer reads both; `__wrapped__` would lead it to the command's own parameters.
    del flat.__dict__["__wrapped__"]
    flat.__dict__["__signature__"] = signature
    flat.__annotations__ = {p.name: p.annotation for p in parameters}
    return flat


def _typed_names(arguments: Mapping[str, Any]) -> Given:
    """The names of the options that were typed, or of the arguments of a call from Python."""
    context: typer.Context | None = arguments.get(CONTEXT)
    if context is None:
        return Given(frozenset(arguments))
    sources = {name: context.get_parameter_source(name) for name in arguments if name != CONTEXT}
    return Given(frozenset(n for n, s in sources.items() if s and "DEFAULT" not in s.name))


def _group(hint: Any) -> _Group | None:
    """The options of a parameter that is a dataclass or has `Options`; None for any other."""
    base, *notes = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    how = next((note for note in notes if isinstance(note, Options)), None)
    described = how.given if how and how.given else base
    if not is_dataclass(described) or not isinstance(described, type):
        return None
    how = how or Options()
    return _Group(dict if how.given else described, list(_options(described, how)), how.unset)


def _options(described: type, how: Options) -> Iterator[_Option]:
    hints = get_type_hints(described, include_extras=True)
    for field in fields(described):
        if field.name not in how.without:
            yield _option(field, hints[field.name], how)


def _option(field: Field[Any], hint: Any, how: Options) -> _Option:
    default = inspect.Parameter.empty if field.default is MISSING else field.default
    panel = how.panel if how.panel and field.name not in how.outside else None
    if get_origin(hint) is Annotated:
        return _Option(field.name, _parameter(field.name, _in_panel(hint, panel), default))
    option = _typed(field.name, hint, default)
    if field.name in how.unset and hint is not bool:
        kind: Any = Union[option.parameter.annotation, None]  # noqa: UP007  (types are values here)
        unset = option.parameter.replace(annotation=kind, default=None)
        option = replace(option, parameter=unset)
    flag = () if hint is not bool else (_flag(field.name),)
    info = typer.Option(
        *flag, help=field.metadata.get(HELP), min=field.metadata.get(LEAST), rich_help_panel=panel
    )
    annotation: Any = Annotated[option.parameter.annotation, info]
    return replace(option, parameter=option.parameter.replace(annotation=annotation))


def _typed(name: str, hint: Any, default: Any) -> _Option:
    """The option of a field: lists of numbers become text, and None becomes a choice."""
    if get_origin(hint) is tuple and get_args(hint) == (int, ...):
        text = ",".join(map(str, default))
        return _Option(
            name, _parameter(name, str, text), lambda typed: whole_numbers(typed, _flag(name))
        )
    if get_origin(hint) in (Union, types.UnionType):
        first, *others = get_args(hint)
        if get_origin(first) is Literal and others == [type(None)]:
            choices: Any = Literal.__getitem__((*get_args(first), NONE))
            shown = NONE if default is None else default
            parameter = _parameter(name, choices, shown)
            return _Option(name, parameter, lambda typed: None if typed == NONE else typed)
    return _Option(name, _parameter(name, hint, default))


def _parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Parameter(name, kind, default=default, annotation=annotation)


def _in_panel(hint: Any, panel: str | None) -> Any:
    """The annotation with `panel` as the panel of its `typer.Option`, if that has none."""
    base, *notes = get_args(hint)
    shown = [copy(note) for note in notes]
    for note in shown:
        if isinstance(note, ParameterInfo) and panel and not note.rich_help_panel:
            note.rich_help_panel = panel
    return Annotated[(base, *shown)]


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
