"""`iotsign completion`: scripts that complete commands, options and platform names."""

import click

from iotsign.errors import ConfigError


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

    script = get_completion_class(shell)
    if script is None:
        raise ConfigError("UnknownShell", f"no completion for the shell {shell!r}", shell=shell)
    click.echo(script(click.Command("iotsign"), {}, "iotsign", "_IOTSIGN_COMPLETE").source())
