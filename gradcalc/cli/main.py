"""The command line from its arguments to its exit status; nothing escapes."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.exceptions import TyperException

from gradcalc.cli.options import Session, print_version
from gradcalc.cli.output import abandon_stdout, occupy_closed
from gradcalc.cli.streams import report, tell
from gradcalc.errors import Diagnostic, Exit, GradcalcError


def top(
    version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Gradients as a lecture writes them: forward values, local, upstream and downstream gradients, every branch."""


COMMANDS: dict[str, str] = {
    "run": "ledger", "eval": "ledger", "check": "check", "batch": "batch", "derive": "derive",
    "jacobian": "matrices", "hessian": "matrices", "graph": "tables", "functions": "tables", "explain": "tables",
    "schema": "tables",
}  # fmt: skip
"""The module of each command: its `COMMANDS` have the function."""


def _app(arguments: Sequence[str]) -> typer.Typer:
    """The command line, with the one command that the arguments name, or all of them; the version needs none."""
    made = typer.Typer(
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    made.callback()(top)
    first = arguments[0] if arguments else ""
    for name in [first] if first in COMMANDS else [] if first == "--version" else COMMANDS:
        module = importlib.import_module(f"gradcalc.cli.{COMMANDS[name]}")
        settings = {"ignore_unknown_options": True} if name == "eval" else None
        made.command(name, context_settings=settings)(module.COMMANDS[name])
    return made


def execute(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit status; nothing escapes."""
    Session.json = any(a == "--json" for a in arguments)
    Session.debug = "--debug" in arguments
    occupy_closed()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        return int(_app(arguments)(list(arguments), standalone_mode=False, prog_name="gradcalc") or 0)
    except GradcalcError as error:
        return report(error.diagnostics)
    except typer.Exit as end:
        return end.exit_code
    except TyperException as error:
        return _misused(error)
    except (KeyboardInterrupt, typer.Abort):
        return Exit.INTERRUPTED
    except BrokenPipeError:
        abandon_stdout()
        return Exit.DONE
    except OSError as error:
        if error.errno is None or error.filename is not None:
            return _bug(error)
        abandon_stdout()
        message = f"the output cannot be written: {error.strerror or error}"
        return report([Diagnostic("unwritable-file", message, help="check the disk")])
    except MemoryError:
        return report([Diagnostic("out-of-memory", "there is not enough memory for this", help="use smaller arrays")])
    except Exception as error:
        return _bug(error)


def _misused(error: TyperException) -> int:
    """A usage error: what was wrong, and where help is."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "gradcalc"
    if not Session.json and type(error).__name__ == "NoArgsIsHelpError":
        tell(str(error))
        return Exit.USAGE
    message = getattr(error, "format_message", lambda: str(error))()
    return report([Diagnostic("usage", message.rstrip("."), help=f"`{command} --help` shows how it is used")])


def _bug(error: Exception) -> int:
    """Our own fault: a short report, with --debug the traceback."""
    if Session.debug:
        import traceback

        traceback.print_exc()
    name = f"{type(error).__name__}: {error}".split("\n", 1)[0][:200]
    return report(
        [
            Diagnostic(
                "internal",
                f"gradcalc itself failed ({name})",
                help="please report it with the input; --debug shows the traceback",
            )
        ]
    )
