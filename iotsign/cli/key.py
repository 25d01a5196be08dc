"""`iotsign key`: make keys and certificates, and look at them."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from iotsign.algorithms import KeyType
from iotsign.cli._output import json_option, json_wanted, no_input_option, print_fields, print_json, say, warn
from iotsign.cli._passphrase import new_passphrase, passphrase_option, passphrase_source

if TYPE_CHECKING:
    from cryptography import x509

    from iotsign.keys import KeyDetails

_STDOUT = "-"
_dry_run_option = click.option("-n", "--dry-run", is_flag=True, help="Check everything, write nothing.")
_Path = click.Path(allow_dash=True)


@click.group()
def key() -> None:
    """Make keys and certificates, and look at them."""


@key.command()
@click.option(
    "-t", "--type", "type_name", required=True, type=click.Choice([key_type.value for key_type in KeyType]), help="Kind of key."
)
@click.option("-o", "--output", required=True, metavar="KEY.pem", type=_Path, help="Where to; - is standard output.")
@passphrase_option("--passphrase-file", "a passphrase that encrypts the key")
@click.option("--encrypt", is_flag=True, help="Ask for a passphrase that encrypts the key.")
@click.option("-f", "--force", is_flag=True, help="Replace a key that is there; it is lost.")
@_dry_run_option
@no_input_option
@json_option
def generate(type_name: str, output: str, passphrase_file: str | None, encrypt: bool, force: bool, dry_run: bool) -> None:
    """Make a private key: PKCS#8 as PEM, in a file that only you can read."""
    from iotsign import keys

    key_type = KeyType(type_name)
    passphrase = new_passphrase(passphrase_file, ask=encrypt)
    if not dry_run:
        pem = keys.generate_key(key_type, passphrase=passphrase)
        if output == _STDOUT:
            click.get_binary_stream("stdout").write(pem)
            return
        keys.write_key_file(output, pem, force=force)
        public_key = keys.describe_key(f"pem:{output}", passphrase=lambda: passphrase or b"").public_key
