"""What a flag names, or else the configuration: the signing platform, the key."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from iotsign.platforms import Platform


def find_platform(wanted: str | None) -> "Platform":
    """Give the platform that ``-p`` names, or else the configured one.

    Args:
        wanted: An id, a path of a descriptor, or None.

    Raises:
        click.UsageError: Neither is there.
        ConfigError: No such platform, or its descriptor or the configuration is wrong.
    """
    from iotsign.app.configuration import load_configuration

    configuration = load_configuration()
    name = wanted or configuration.signing.platform
    if name is None:
        message = "say which signing platform with -p, or set signing.platform in the configuration"
        raise click.UsageError(message, click.get_current_context(silent=True))
    return configuration.registry().get(name)


def find_key(wanted: str | None) -> str:
    """Give the key URI of ``-k``, or else the configured one.

    Raises:
        click.UsageError: Neither is there.
        ConfigError: The configuration is wrong.
    """
    from iotsign.app.configuration import load_configuration

    uri = wanted or load_configuration().signing.key
    if uri is None:
        message = "say which key with -k, or set signing.key in the configuration"
        raise click.UsageError(message, click.get_current_context(silent=True))
    return uri


def complete_platform(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Offer the ids of platforms to the shell."""
    from iotsign.app.configuration import load_configuration
    from iotsign.errors import ConfigError

    try:
        ids = load_configuration().registry().platform_ids
    except ConfigError:
        return []
    return [platform_id for platform_id in ids if platform_id.lower().startswith(incomplete.lower())]
