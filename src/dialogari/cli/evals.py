"""The command `dialogari eval`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations at run time
from typing import TYPE_CHECKING, Annotated

import typer

from dialogari.cli.terminal import FAILED, WRONG, err, fail, out, read_settings, run_command
from dialogari.progress import show_progress
from dialogari.telemetry import configure_logs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dialogari.evals.cases import Result


def evaluate(
    files: Annotated[list[Path], typer.Argument(help="Files of conversations, in YAML.")],
    model: Annotated[
        list[str] | None, typer.Option(help="As AI_MODEL; repeatable. Default: the default model.")
    ] = None,
    judge: Annotated[
        str | None, typer.Option(help="Model that judges and plays callers; default: the default.")
    ] = None,
    junit: Annotated[
        Path | None, typer.Option(help="Write the results for a build server.")
    ] = None,
) -> None:
    """Hold conversations with models and say what is wrong with the answers; exit 1 if any is."""
    # The libraries behind the models take seconds, which other commands need not spend.
    from dialogari.app.evals import evaluate as hold  # noqa: PLC0415 - see above
    from dialogari.app.evals import read_suites  # noqa: PLC0415 - see above
    from dialogari.evals.report import list_results, sum_up, write_junit  # noqa: PLC0415 - see above

    settings = read_settings()
    configure_logs("ERROR", settings.log_format)

    async def work() -> Sequence[Result]:
        suites = read_suites(files)
        with show_progress(err) as report:
            return await hold(settings, suites, model or (), judge, report)

    results = run_command(work())
    if not results:
        fail("nothing was asked: the files hold no conversation", FAILED)
    out.print(list_results(results), soft_wrap=False)
    out.print()
    out.print(sum_up(results), soft_wrap=False)
    if junit is not None:
        try:
            junit.write_bytes(write_junit(results))
        except OSError as error:
            fail(f"--junit {junit}: {error.strerror}", WRONG)
    raise typer.Exit(FAILED if any(one.faults for one in results) else 0)
