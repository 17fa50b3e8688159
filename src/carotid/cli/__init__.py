"""The command line: parse, call, exit code. Heavy imports happen inside the commands."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from contextlib import suppress
from typing import NoReturn

import click

from carotid import __version__
from carotid.cli.agreement import compare_measurement, follow_up, repeatability
from carotid.cli.algorithm import algorithm
from carotid.cli.compare import compare
from carotid.cli.convert import convert
from carotid.cli.correct import correct
from carotid.cli.demo import demo
from carotid.cli.export import export
from carotid.cli.figure import figure
from carotid.cli.logs import set_up_logging, verbosity
from carotid.cli.merge import merge
from carotid.cli.models import models
from carotid.cli.report import report
from carotid.cli.run import run
from carotid.cli.simulate import simulate
from carotid.cli.train import train
from carotid.cli.train_contour import train_contour_command
from carotid.cli.transform import transform
from carotid.cli.view import view
from carotid.cohort.interrupts import Interrupted, listen, stop_if_asked
from carotid.errors import CarotidError, one_line

EXIT_FAILED = 1
EXIT_USAGE = 2


_VERBOSE = "Say more: -v what is done, -vv every detail and tracebacks."


def _louder(_context: click.Context, _option: click.Parameter, count: int) -> None:
    """Add to what was said before the command; without any, begin to log."""
    set_up_logging(verbosity() + count)


@click.group(
    context_settings={
        "help_option_names": ["-h", "--help"],
        "token_normalize_func": lambda name: name.replace("-", "_"),
        "max_content_width": 100,
    },
)
@click.version_option(__version__, "-V", "--version", prog_name="carotid")
@click.option("-v", "--verbose", count=True, expose_value=False, callback=_louder, help=_VERBOSE)
def cli() -> None:
    """Find the carotid arteries in 3D black-blood MRI of the neck.

    Long options may be written with _ or with -, as in --config_path and --config-path.
    """


def _add_verbose(command: click.Command) -> None:
    """Let -v stand after a command too."""
    if isinstance(command, click.Group):
        for one in command.commands.values():
            _add_verbose(one)
        return
    option = click.Option(
        ["-v", "--verbose"], count=True, expose_value=False, callback=_louder, help=_VERBOSE
    )
    command.params.append(option)


compare.add_command(compare_measurement)
train.add_command(train_contour_command)
for command in (
    run,
    transform,
    merge,
    report,
    figure,
    view,
    compare,
    convert,
    repeatability,
    follow_up,
    export,
    correct,
    models,
    train,
    simulate,
    demo,
    algorithm,
):
    _add_verbose(command)
    cli.add_command(command)


def main() -> NoReturn:
    """Run the command line and leave the process with its exit code.

    Exit codes: 0 all done and checked; 1 some participants failed; 2 usage, configuration or
    models; 128 + N interrupted by signal N, as 130 by SIGINT and 143 by SIGTERM.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError, OSError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    # A library of a library, imported in a thread, tells users of what it can do without.
    warnings.filterwarnings("ignore", "SOCKS support in urllib3")
    listen()
    code = _run(sys.argv[1:])
    with suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.flush()
    os._exit(code)  # threads that still wait for each other must not hold the process


def _run(arguments: list[str]) -> int:
    try:
        with cli.make_context("carotid", arguments) as context:
            result = _invoke(context)
    except Interrupted as interruption:
        name = signal.Signals(interruption.number).name
        _say(
            f"interrupted by {name}. {_kept(arguments)}; run the same command again to go on with "
            "the rest."
        )
        return 128 + interruption.number
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.ClickException as error:
        error.show()
        return EXIT_USAGE
    except CarotidError as error:
        _say(f"error: {error}")
        _trace()
        return error.exit_code
    except BrokenPipeError:
        _drop_output()
        return EXIT_FAILED
    except MemoryError:
        _say("error: out of memory. Use a smaller roi_size or a larger machine.")
        _trace()
        return EXIT_FAILED
    except Exception as error:  # noqa: BLE001 - the last resort: one line, no traceback
        _say(f"error: unexpected {type(error).__name__}: {one_line(error)[:300]}")
        if verbosity() < 2:
            _say("run again with -vv for the traceback, and report it, please")
        _trace()
        return EXIT_FAILED
    return result if isinstance(result, int) else 0


def _kept(arguments: list[str]) -> str:
    """What an interrupted command leaves behind."""
    command = next((one for one in arguments if not one.startswith("-")), "")
    if command == "train":
        return "Training is kept up to the last complete epoch"
    return "Participants that are complete are kept"


def _invoke(context: click.Context) -> object:
    """Run the command; what fails after the process was asked to stop, fails for that."""
    try:
        result = cli.invoke(context)
    except Exception:
        stop_if_asked()
        raise
    if result:
        stop_if_asked()
    return result


def _say(text: str) -> None:
    with suppress(OSError, ValueError):
        click.echo(f"carotid: {text}", err=True)


def _trace() -> None:
    if verbosity() >= 2:
        import traceback

        _say(traceback.format_exc())


def _drop_output() -> None:
    """Send what is left in standard output nowhere: whoever read it has gone."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
