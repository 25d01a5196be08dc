"""`iotsign image`: sign, verify and look into firmware images."""

import click


@click.group()
def image() -> None:
    """Sign, verify and look into firmware images."""
