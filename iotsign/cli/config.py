"""`iotsign config`: the effective settings."""

import click

from iotsign.cli._output import json_option, json_wanted, print_json, print_table


@click.group()
def config() -> None:
    """Show the effective configuration."""


@config.command()
@json_option
def show() -> None:
    """Show each setting, its value and where it came from.

    Highest first: flags, IOTSIGN_* variables, ./iotsign.toml, ~/.config/iotsign/iotsign.toml,
    /etc/iotsign/iotsign.toml.

    \b
    Examples:
      iotsign config show
      IOTSIGN_SIGNING_KEY=pem:release.pem iotsign config show --json
    """
    from iotsign.app.configuration import load_configuration

    configuration = load_configuration()
    if json_wanted():
        settings = [{"key": key, "value": value, "origin": origin} for key, value, origin in configuration.settings()]
        files = [{"path": str(file), "present": present} for file, present in configuration.files]
        print_json({"settings": settings, "files": files})
        return
    print_table(
        ("setting", "value", "from"), [(key, _shown(value), from_) for key, value, from_ in configuration.settings()]
    )
    print_table(("file", ""), [(file, "read" if present else "not there") for file, present in configuration.files])


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
