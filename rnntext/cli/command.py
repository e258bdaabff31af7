"""Makes commands of functions. A parameter that is a config becomes the options that the config declares."""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand

from rnntext.cli import options
from rnntext.cli.console import results
from rnntext.cli.defaults import NOT_IN_FILES, place_of, places_told, setting
from rnntext.errors import UsageError
from rnntext.settings.base import GENERAL, GROUPS, Config

Function = Callable[..., Any]
Parameters = Sequence[inspect.Parameter]
Body = Callable[[dict[str, Any], Mapping[str, Any]], None]
ARGUMENTS = "Arguments"  # the first heading of the help
MAX_FLAGS = 30  # columns; the help of an option with longer names begins on the next line


class Command(TyperCommand):
    """A command whose help begins with examples and shows its options in groups.

    Attributes:
        examples: command lines that show how to use it.
    """

    examples: ClassVar[tuple[str, ...]] = ()

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """See Typer."""
        with places_told(ctx):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """See Typer."""
        with places_told(ctx):
            return super().invoke(ctx)

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        """See Typer."""
        super().format_help_text(ctx, formatter)
        if self.examples:
            with formatter.section("Examples"):
                indent = " " * formatter.current_indent
                for example in self.examples:
                    formatter.write(f"{indent}{example}\n")

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """See Typer."""
        # 1. Sort the options into their groups; a record is an option's names and its help.
        sections: dict[str, list[tuple[str, str]]] = {group: [] for group in (ARGUMENTS, *GROUPS)}
        for parameter in self.get_params(ctx):
            group = getattr(parameter, "rich_help_panel", None) or GENERAL
            if parameter.param_type_name == "argument":
                group = ARGUMENTS
            if record := parameter.get_help_record(ctx):
                sections[group].append(record)
        # 2. Write each group, with the same width for the names everywhere.
        longest = max(len(names) for records in sections.values() for names, _ in records)
        width = min(MAX_FLAGS, longest)
        for group, records in sections.items():
            if records:
                padded = [(names.ljust(width), text) for names, text in records]
                with formatter.section(group):
                    formatter.write_dl(padded, MAX_FLAGS)


def command(*examples: str) -> Callable[[Function], Function]:
    """A decorator that makes a command of a function.

    Beside the function's parameters the command has the options --verbose, --config and --print-config.

    Args:
        examples: command lines for the help.
    """

    def decorate(function: Function) -> Function:
        own = parameters(function)

        def body(arguments: dict[str, Any], values: Mapping[str, Any]) -> None:
            function(**arguments)

        return build(own, function.__doc__, examples, body)

    return decorate


def build(
    own: Parameters, doc: str | None, examples: tuple[str, ...], body: Body, base: type[Command] = Command
) -> Function:
    """A command, as a function that Typer understands.

    Args:
        own: the parameters of the command's function. A config stands for the options that it declares, a parameter of
            the type LeftOpen for the names of those options that are left open.
        doc: the help.
        examples: command lines for the help.
        body: does the work, given the arguments for `own` and the values of all options by name.
        base: the class of the command.
    """
    # 1. List the options that the command offers.
    expanded = [option for parameter in own for option in _expanded(parameter)]
    offered = [_CONTEXT, *sorted(expanded, key=_place), *_COMMON]

    # 2. Make a function whose signature has these options.
    def run(**values: Any) -> None:
        arguments = _collected(own, values)
        if values["print_config"]:
            _print_settings(values["context"], own, arguments)
        else:
            body(arguments, values)

    run.__signature__ = inspect.Signature(offered, return_annotation=None)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in offered}
    run.__doc__ = doc
    run.command_class = type("Command", (base,), {"examples": examples})  # type: ignore[attr-defined]
    return run


def parameters(function: Function) -> list[inspect.Parameter]:
    """The parameters of a function, keyword-only, with their annotations evaluated.

    The annotation of the return value is not evaluated, as its type may not be imported.
    """
    evaluated = []
    for parameter in inspect.signature(function).parameters.values():
        annotation = eval(parameter.annotation, function.__globals__)
        evaluated.append(parameter.replace(annotation=annotation, kind=inspect.Parameter.KEYWORD_ONLY))
    return evaluated


def _common(
    verbose: options.Verbose = False, config: options.ConfigFile = None, print_config: options.PrintConfig = False
) -> None:
    """Only its signature is used: the options that every command has."""


_COMMON = parameters(_common)
_CONTEXT = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)


def _is_config(annotation: Any) -> bool:
    """Whether an annotation is a config class."""
    return isinstance(annotation, type) and issubclass(annotation, Config)


def _expanded(parameter: inspect.Parameter) -> Iterator[inspect.Parameter]:
    """The options of the command for one parameter of its function."""
    if _is_config(parameter.annotation):
        for name, (hint, default, declared) in parameter.annotation.flags().items():
            annotation = options.annotated(hint, name, declared)
            yield inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
    elif parameter.annotation is not options.LeftOpen:
        yield parameter


def _place(parameter: inspect.Parameter) -> int:
    """The place of an option in the help: that of its group; arguments come first."""
    typer_option = parameter.annotation.__metadata__[0]
    panel = getattr(typer_option, "rich_help_panel", None)
    return GROUPS.index(panel) if panel in GROUPS else -1


def _collected(own: Parameters, values: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a command's function, made of the values of its options."""
    arguments: dict[str, Any] = {}
    configs = [parameter.annotation for parameter in own if _is_config(parameter.annotation)]
    for parameter in own:
        if _is_config(parameter.annotation):
            arguments[parameter.name] = parameter.annotation.from_flags(values)
        elif parameter.annotation is options.LeftOpen:
            arguments[parameter.name] = frozenset().union(*(cls.left_open(values) for cls in configs))
        else:
            arguments[parameter.name] = values[parameter.name]
    return arguments


def _print_settings(context: typer.Context, own: Parameters, arguments: Mapping[str, Any]) -> None:
    """Prints the settings in force as a TOML file that --config reads.

    Raises:
        UsageError: one of them cannot be written in UTF-8, which TOML requires.
    """
    in_force = dict(context.params)
    for parameter in own:
        if _is_config(parameter.annotation):
            left_open = parameter.annotation.left_open(context.params)
            in_force |= arguments[parameter.name].to_flags(left_open)
    lines: list[str] = []
    for offered in context.command.params:
        value = in_force.get(str(offered.name))
        has_value = value is not None and value != [] and value != ()
        if offered.name not in NOT_IN_FILES and has_value:
            place = place_of(context, offered) or ""
            remark = f"  # from {place}" if place.isprintable() and place else ""
            lines.append(f"{setting(offered)} = {_toml(value)}{remark}\n")
    with results(None) as out:
        out.write("".join(lines))


def _toml(value: Any) -> str:
    """A value as TOML writes it: as JSON does, but for the character DEL, which TOML wants escaped.

    Raises:
        UsageError: a text came as bytes that are not UTF-8, and TOML can hold nothing else.
    """
    if isinstance(value, (list, tuple)):
        value = [str(member) for member in value]
    elif isinstance(value, Path):
        value = str(value)
    text = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    try:
        return os.fsencode(text).decode()  # The bytes that were typed, however the locale has decoded them.
    except UnicodeDecodeError as error:
        raise UsageError(f"--print-config: {text}: TOML can hold nothing but UTF-8") from error
