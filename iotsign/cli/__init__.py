"""The command line; the only room that prints or exits.

One file a noun. A noun is registered by one line in `NOUNS` and loaded when it is used, so that
``iotsign --version`` and ``iotsign --help`` import nothing heavy.
"""

import gc
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Final, NoReturn, cast

import click

from iotsign import __version__
from iotsign.cli._errors import report
from iotsign.cli._output import Invocation, finish_output, prepare_streams

__all__ = ["NOUNS", "main", "run"]

# noun: what `iotsign --help` says about it; module iotsign.cli.<noun> exports a click command of that name
NOUNS: Final = {
    "image": "Sign, verify and look into firmware images.",
    "key": "Make keys and certificates, and look at them.",
    "platform": "Signing platforms: what a target accepts.",
    "profile": "Signing profiles: platform and certificate under one name.",
    "job": "Signing jobs, in a folder or at an endpoint.",
    "permission": "Say who else may use a signing profile.",
    "tag": "Tags of signing profiles.",
    "serve": "Serve AWS Signer's API.",
    "access": "Say who may use the signing service.",
    "audit": "Verify the signing service's audit log; export what was revoked.",
    "device": "Flash boards over their serial line, and ask them what they run.",
    "board": "The boards that are known, and emulated ones to start.",
    "demo": "Sign, verify and forge a firmware, to see how it goes.",
    "config": "Show the effective configuration.",
    "completion": "Print a completion script for your shell.",
}

_COMPLETE_VARIABLE: Final = "_IOTSIGN_COMPLETE"


def _load(noun: str) -> click.Command:
    module = importlib.import_module(f"iotsign.cli.{noun}")
    return cast("click.Command", getattr(module, noun))


class _Nouns(click.Group):
    """The group of nouns; imports one only when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Name the nouns, in the order of the table."""
        return list(NOUNS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import one noun."""
        if cmd_name not in NOUNS:
            return None
        return _load(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the noun, or name the nearest one."""
        if args[0] not in NOUNS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], NOUNS, n=1)
            also = f"; did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(f"no such command {args[0]!r}{also}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of nouns without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(NOUNS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list["click.shell_completion.CompletionItem"]:
        """Offer the nouns without importing them."""
        from click.shell_completion import CompletionItem

        nouns = [CompletionItem(noun, help=words) for noun, words in NOUNS.items() if noun.startswith(incomplete)]
        return nouns + click.Command.shell_complete(self, ctx, incomplete)


@click.group(
    cls=_Nouns,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Results go to stdout, words to stderr; --json prints one JSON object a result. Exit codes: 0 done or "
    "trusted, 1 not trusted, 2 usage, 3 malformed input, 4 key, 5 store or network, 6 device, 70 internal error, "
    "130 interrupted.",
)
@click.version_option(__version__, "-V", "--version", prog_name="iotsign", message="%(prog)s %(version)s")
@click.option("--no-input", is_flag=True, help="Never ask; fail where an answer would be needed.")
@click.pass_context
def _root(ctx: click.Context, no_input: bool) -> None:
    """Sign firmware for IoT devices and prove that the signature holds.

    \b
    A first round, from nothing to a verdict:
      iotsign key generate -t p256 -o signing.pem
      iotsign key show pem:signing.pem --public -o signing.pub.pem
      iotsign image sign app.bin -p AmazonFreeRTOS-Default -k pem:signing.pem -o app.signed
      iotsign image verify app.signed --key signing.pub.pem
    """
    ctx.ensure_object(Invocation).no_input |= no_input
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def run(arguments: Sequence[str]) -> int:
    """Run one command line.

    Args:
        arguments: What follows the program's name.

    Returns:
        The exit code; every error has been reported on stderr.
    """
    try:
        with _root.make_context("iotsign", list(arguments), obj=Invocation()) as context:
            _root.invoke(context)
        finish_output()
    except click.exceptions.Exit as request:
        return _finish(request.exit_code, arguments)
    except SystemExit as request:
        return request.code if isinstance(request.code, int) else 0
    except BaseException as error:  # noqa: BLE001  # the outermost frame: each error becomes an exit code here
        return report(error, as_json="--json" in arguments)
    return 0


def _finish(code: int, arguments: Sequence[str]) -> int:
    try:
        finish_output()
    except OSError as error:
        return report(error, as_json="--json" in arguments)
    return code


def _terminate(signum: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001
    # an exception, so that temporary files are removed on the way out
    raise SystemExit(128 + signum)


def main() -> None:
    """Run the command line of this process and exit."""
    prepare_streams()
    signal.signal(signal.SIGTERM, _terminate)
    signal.signal(signal.SIGHUP, _terminate)
    instruction = os.environ.get(_COMPLETE_VARIABLE)
    if instruction:
        from click.shell_completion import shell_complete

        sys.exit(shell_complete(_root, {}, "iotsign", _COMPLETE_VARIABLE, instruction))
    code = run(sys.argv[1:])
    # looking for garbage on the way out finds none that the end of the process would not remove
    gc.freeze()
    sys.exit(code)
