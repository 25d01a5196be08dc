"""`iotsign completion`: scripts that complete commands, options and platform names."""

from typing import TYPE_CHECKING, cast

import click

if TYPE_CHECKING:
    from click.shell_completion import ShellComplete


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a completion script for SHELL.

    \b
    bash:  iotsign completion bash > ~/.local/share/bash-completion/completions/iotsign
    zsh:   iotsign completion zsh  > "${fpath[1]}/_iotsign"
    fish:  iotsign completion fish > ~/.config/fish/completions/iotsign.fish
    """
    from click.shell_completion import get_completion_class

    script = cast("type[ShellComplete]", get_completion_class(shell))
    click.echo(script(click.Command("iotsign"), {}, "iotsign", "_IOTSIGN_COMPLETE").source())
