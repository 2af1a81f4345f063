"""The reference page of the command line, made from the commands themselves; tools/reference.py writes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from skerry.cli.main import NOUNS, root
from skerry.cli.output import STATUS_WORDS
from skerry.cli.program import COMMON, typer
from skerry.manager.settings import default_data_dir

ENVIRONMENT: Mapping[str, str] = {
    "SKERRY_URL": "the server to talk to; otherwise that of the last `skerry login`",
    "SKERRY_TOKEN": "the API token to use; otherwise that of the login",
    "SKERRY_FINGERPRINT": "SHA-256 fingerprint of the certificate to trust; otherwise that of the login, or else "
    "the authorities that this machine trusts",
    "SKERRY_DATA_DIR": "where `skerry login` without a URL looks for the server that runs here",
    "VISUAL, EDITOR": "the editor of `skerry vm edit`",
    "NO_COLOR": "no colours",
    "XDG_CONFIG_HOME": "logins are kept in `skerry/login.json` below it; otherwise below `~/.config`",
}

_HEAD = """# The command line

Data goes to stdout, words to stderr. Lists are tables on a terminal and aligned columns in a pipe; `--json` prints
what the REST API said. Commands that take long follow their task and end as it ends; `--no-wait` prints the task's
id instead. Errors are two lines on stderr, what failed and a hint; with `--json` they are the API's problem
document, also on stderr.

"""


def commands_page() -> str:
    """All commands with their arguments and options, exit statuses, environment."""
    statuses = [(f"{status:d}", words) for status, words in STATUS_WORDS.items()]
    parts = [
        _HEAD,
        "## Exit statuses\n\n",
        _table(("status", "meaning"), statuses),
        "\n## Environment\n\n",
        _table(("variable", "meaning"), [(f"`{name}`", words) for name, words in ENVIRONMENT.items()]),
        "\n## Options of every command\n\n",
        _table(("option", "meaning"), _common_rows()),
    ]
    command = root()
    context = typer.Context(command, info_name="skerry")
    for name in NOUNS:
        noun = command.get_command(context, name)
        parts.append(f"\n## skerry {name}\n")
        parts += _sections(noun, typer.Context(noun, parent=context, info_name=name))
    # The page must be the same whoever writes it.
    return "".join(parts).replace(str(default_data_dir()), "/var/lib/skerry")


def _common_rows() -> list[tuple[str, str]]:
    rows = []
    for name, (annotation, _) in COMMON.items():
        option = annotation.__metadata__[0]
        rows.append((f"`--{name}{' ' + option.metavar if option.metavar else ''}`", option.help))
    return [*rows, ("`--help`", "Show what can be said.")]


def _sections(command: Any, context: Any) -> Iterator[str]:  # noqa: ANN401 - Typer's own classes
    """A noun with all its verbs, or a command by itself."""
    if not hasattr(command, "list_commands"):
        yield f"\n```\n{_usage(command, context)}\n```\n\n{_prose(command.help)}\n"
        rows = list(_rows(command))
        if rows:
            yield "\n" + _table(("argument or option", "meaning"), rows)
        return
    yield f"\n{_prose(command.help)}\n"
    for name in command.list_commands(context):
        verb = command.get_command(context, name)
        below = typer.Context(verb, parent=context, info_name=name)
        yield f"\n### {below.command_path}\n"
        yield from _sections(verb, below)


def _usage(command: Any, context: Any) -> str:  # noqa: ANN401
    words = [context.command_path]
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            word = _argument(parameter) + ("..." if parameter.nargs != 1 else "")
            words.append(word if parameter.required else f"[{word}]")
    return " ".join([*words, "[OPTIONS]"])


def _argument(parameter: Any) -> str:  # noqa: ANN401
    return str(parameter.metavar or parameter.name.upper()).strip("[]")


def _rows(command: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401
    """Arguments and options, without those of every command."""
    for parameter in command.params:
        if parameter.name in COMMON:
            continue
        told = " ".join((parameter.help or "").split())
        if parameter.param_type_name == "argument":
            yield f"`{_argument(parameter)}`", told
            continue
        value = "" if parameter.is_flag else f" {parameter.metavar}"
        words = ", ".join(f"`{option}{value}`" for option in (*parameter.opts, *parameter.secondary_opts))
        if parameter.default not in (None, "") and not parameter.is_flag:
            told += f" Default: `{parameter.default}`."
        yield words, told


def _prose(text: str | None) -> str:
    """A help text as paragraphs."""
    paragraphs = (text or "").strip().split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _table(head: tuple[str, str], rows: list[tuple[str, str]]) -> str:
    lines = [head, ("---", "---"), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)
