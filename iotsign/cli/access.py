"""`iotsign access`: who may use the signing service."""

import re
import shlex
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from iotsign.cli._output import json_option, json_wanted, print_json, print_table, say

if TYPE_CHECKING:
    from iotsign.server.sigv4 import AccessKey

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def _lifetime(_: click.Context, __: click.Parameter, value: str | None) -> timedelta | None:
    if value is None:
        return None
    match = re.fullmatch(r"([1-9][0-9]{0,4})([mhd])", value)
    if match is None:
        raise click.BadParameter(f"expected a duration such as 30m, 12h or 90d, got {value!r}")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def data_option(function: "click.decorators.FC") -> "click.decorators.FC":
    """Add ``--data``, the folder of the signing service."""
    words = "Folder of the signing service; by default server.data of the configuration."
    return click.option("--data", type=click.Path(path_type=Path), metavar="DIR", help=words)(function)


def access_file(data: Path | None) -> Path:
    """Give the access file of a service's folder, the configured one by default.

    Raises:
        ConfigError: The configuration is wrong.
    """
    from iotsign.app.configuration import load_configuration
    from iotsign.server.access import ACCESS_FILE

    return (data or load_configuration().server.data) / ACCESS_FILE


@click.group()
def access() -> None:
    """Say who may use the signing service.

    \b
    add     makes an access key for a user or a role, and the account with it
    list    lists accounts, roles and keys, without their secrets
    remove  removes an access key

    A running server notices within a second.
    """


@access.command()
@click.argument("account")
@click.option("--user", metavar="NAME", help="The user whose key it is.")
@click.option("--role", metavar="[PATH/]NAME", help="The role whose key it is, or its ARN.")
@click.option(
    "--allow",
    multiple=True,
    metavar="ACTION",
    help="What the user or role may call, such as signer:StartSigningJob, signer:List* or s3:*; may be repeated. "
    "By default everything.",
)
@click.option("--account-name", metavar="NAME", help="What people call the account.")
@click.option("--expires-in", callback=_lifetime, metavar="12h", help="Make a key with a session token that ends.")
@data_option
@json_option
def add(
    account: str,
    user: str | None,
    role: str | None,
    allow: tuple[str, ...],
    account_name: str | None,
    expires_in: timedelta | None,
    data: Path | None,
) -> None:
    """Make an access key in ACCOUNT (12 digits) and print the lines that a shell needs.

    The secret is printed once; the service keeps it in access.toml, which only you can read.

    \b
    Examples:
      iotsign access add 111122223333 --user alice
      iotsign access add 111122223333 --role ci/build --allow signer:StartSigningJob --allow 's3:*' --expires-in 12h
    """
    from iotsign.server.access import add_key

    if (user is None) == (role is None):
        raise click.UsageError("say whose key it is: either --user or --role")
    file = access_file(data)
    make_folder(file.parent)
    key = add_key(
        file,
        account=account,
        user=user,
        role=role,
        allow=allow or None,
        account_name=account_name,
        lifetime=expires_in,
    )
    if json_wanted():
        print_json(_described(key) | {"secretAccessKey": key.secret, "sessionToken": key.session_token})
        return
    say(f"made an access key for {key.arn}")
    for name, value in credentials_of(key):
        click.echo(f"export {name}={shlex.quote(value)}")


@access.command("list")
@data_option
@json_option
def list_(data: Path | None) -> None:
    """List accounts, roles and access keys; secrets are not shown.

    \b
    Examples:
      iotsign access list
    """
    from iotsign.server.access import read_access

    found = read_access(access_file(data))
    if json_wanted():
        for key in found.keys.values():
            print_json(_described(key) | {"accountName": found.accounts[key.account]})
        return
    rows = [
        (
            key.access_key_id,
            key.account,
            found.accounts[key.account],
            key.arn,
            " ".join(key.allow),
            key.expires_at.isoformat() if key.expires_at else "never",
        )
        for key in found.keys.values()
    ]
    print_table(("access key", "account", "name", "principal", "may call", "expires"), rows)


@access.command()
@click.argument("access_key_id")
@data_option
def remove(access_key_id: str, data: Path | None) -> None:
    """Remove an access key; what is signed with it is refused from then on.

    \b
    Examples:
      iotsign access remove AKIAIOSFODNN7EXAMPLE
    """
    from iotsign.server.access import remove_key

    remove_key(access_file(data), access_key_id)
    say(f"removed {access_key_id}")


def make_folder(folder: Path) -> None:
    """Make the service's folder, for its owner only, unless it is there.

    Raises:
        StoreError: It cannot be made.
    """
    from iotsign.errors import StoreError

    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError("FolderUnwritable", f"{folder}: {error.strerror}", path=str(folder)) from error


def credentials_of(key: "AccessKey") -> list[tuple[str, str]]:
    """Name the variables that AWS's tools read, with their values."""
    found = [("AWS_ACCESS_KEY_ID", key.access_key_id), ("AWS_SECRET_ACCESS_KEY", key.secret)]
    return found + ([("AWS_SESSION_TOKEN", key.session_token)] if key.session_token else [])


def _described(key: "AccessKey") -> dict[str, object]:
    return {
        "accessKeyId": key.access_key_id,
        "account": key.account,
        "arn": key.arn,
        "role": key.role,
        "allow": key.allow,
        "expiresAt": key.expires_at.isoformat() if key.expires_at else None,
    }
