"""`iotsign permission`: who else may use a signing profile."""

from dataclasses import replace
from typing import Any

import click

from iotsign.cli._output import json_option, json_wanted, print_json, print_table, say
from iotsign.cli._service import Service, ask, ask_pages, dry_run_option, service_options, show
from iotsign.errors import ResourceNotFoundError

_name = click.argument("profile_name", required=False)
_statement = click.option("--statement-id", metavar="ID", help="The permission's name: A-Z, a-z, 0-9, _ and -.")
_revision = click.option(
    "--revision-id", metavar="ID", help="The revision of the policy that is changed; by default the one it has now."
)


@click.group()
def permission() -> None:
    """Permissions: which other accounts and roles may use a signing profile.

    \b
    add     lets an account or a role do something with a profile
    list    lists who may do what
    remove  takes a permission back
    """


@permission.command()
@_name
@click.option(
    "--action",
    type=click.Choice(
        ["signer:StartSigningJob", "signer:SignPayload", "signer:GetSigningProfile", "signer:RevokeSignature"]
    ),
    help="What is allowed.",
)
@click.option("--principal", metavar="ACCOUNT|ROLE_ARN", help="Who may do it: twelve digits, or the ARN of a role.")
@_statement
@click.option("--profile-version", metavar="VERSION", help="Only with this version of the profile.")
@_revision
@dry_run_option
@service_options
@json_option
def add(service: Service, **members: Any) -> None:
    """Let somebody else do something with PROFILE_NAME (AddProfilePermission).

    \b
    Examples:
      iotsign permission add release --action signer:StartSigningJob --principal 444455556666 --statement-id build
      iotsign permission add release --action signer:GetSigningProfile --statement-id look \\
        --principal arn:aws:iam::444455556666:role/ci/build
    """
    show(ask(service, "AddProfilePermission", _with_revision(service, members)))


@permission.command("list")
@_name
@click.option("--starting-token", "next_token", metavar="TOKEN", help="Where to go on with a list.")
@service_options
@json_option
def list_(service: Service, **members: Any) -> None:
    """List the permissions of PROFILE_NAME (ListProfilePermissions).

    \b
    Examples:
      iotsign permission list release
    """
    answer = ask_pages(service, "ListProfilePermissions", members)
    if json_wanted():
        print_json(answer)
        return
    names = ("statementId", "action", "principal", "profileVersion")
    rows = [[found.get(name) for name in names] for found in answer.get("permissions", [])]
    print_table(("statement", "action", "principal", "version"), rows)
    say(f"revision {answer.get('revisionId')}, {answer.get('policySizeBytes')} bytes")


@permission.command()
@_name
@_statement
@_revision
@dry_run_option
@service_options
@json_option
def remove(service: Service, **members: Any) -> None:
    """Take a permission of PROFILE_NAME back (RemoveProfilePermission).

    \b
    Examples:
      iotsign permission remove release --statement-id build
    """
    show(ask(service, "RemoveProfilePermission", _with_revision(service, members)))


def _with_revision(service: Service, members: dict[str, Any]) -> dict[str, Any]:
    """Look the policy's revision up if neither an option nor a document names it."""
    if members["revision_id"] is not None or members["profile_name"] is None or service.from_json is not None:
        return members
    looking = {"profile_name": members["profile_name"]}
    try:
        found = ask(replace(service, dry_run=False), "ListProfilePermissions", looking)
    except ResourceNotFoundError:
        return members  # the first permission has no policy to change; the call itself tells what else is missing
    return members | {"revision_id": found["revisionId"]}
