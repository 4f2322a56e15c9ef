"""Application of all commands of `python -m kernels`."""

from __future__ import annotations

import typer

from kernels.cli.cuda_report import cuda_report_command
from kernels.cli.fingerprint import fingerprint_command
from kernels.cli.judge import judge_command
from kernels.cli.listing import list_command
from kernels.cli.show import show_command
from kernels.cli.verify import verify_command
from kernels.terminal import mistakes

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="The kernels: what there is, whether they are right, and what they do, in matrices.",
)
app.command("list")(list_command)
app.command("verify")(verify_command)
app.command("judge")(judge_command)
app.command("fingerprint")(fingerprint_command)
app.command("show")(show_command)
app.command("cuda-report")(cuda_report_command)


def main() -> None:
    """`python -m kernels`."""
    mistakes.run(app, "kernels", "smaller sizes need less")
