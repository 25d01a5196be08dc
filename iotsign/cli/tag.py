"""`iotsign tag`: tags of signing profiles."""

from dataclasses import replace
from typing import Any

import click

from iotsign.cli._output import json_option, json_wanted, print_json, print_table, say
from iotsign.cli._service import Service, ask, dry_run_option, service_options, show

_resource = click.argument("resource_arn", required=False, metavar="[PROFILE_NAME|RESOURCE_ARN]")


@click.group()
def tag() -> None:
    """Tags of signing profiles; a profile is named by its name or its ARN.

    \b
    list    lists them
    set     adds tags, or changes their values
    remove  removes tags
    """


@tag.command("list")
@_resource
@service_options
@json_option
def list_(service: Service, **members: Any) -> None:
    """List the tags of a profile (ListTagsForResource).

    \b
    Examples:
      iotsign tag list release
      iotsign tag list arn:aws:signer:us-east-1:111122223333:/signing-profiles/release --json
    """
    answer = ask(service, "ListTagsForResource", _with_arn(service, members))
    if json_wanted():
        print_json(answer)
    else:
        print_table(("tag", "value"), answer.get("tags", {}).items())


@tag.command("set")
@_resource
@click.argument("tags", nargs=-1, metavar="KEY=VALUE...")
@dry_run_option
@service_options
@json_option
def set_(service: Service, **members: Any) -> None:
    """Add tags to a profile, or change their values (TagResource).

    \b
    Examples:
      iotsign tag set release team=boot stage=production
    """
    show(ask(service, "TagResource", _with_arn(service, members)))
    say("tagged")


@tag.command()
@_resource
@click.argument("tag_keys", nargs=-1, metavar="KEY...")
@dry_run_option
@service_options
@json_option
def remove(service: Service, **members: Any) -> None:
    """Remove tags from a profile (UntagResource); those that are not there do not matter.

    \b
    Examples:
      iotsign tag remove release stage
    """
    show(ask(service, "UntagResource", _with_arn(service, members)))
    say("untagged")


def _with_arn(service: Service, members: dict[str, Any]) -> dict[str, Any]:
    """Look the ARN of a profile up that was named by its name."""
    named = members["resource_arn"]
    if named is None or named.startswith("arn:"):
        return members
    looking = replace(service, dry_run=False, from_json=None)
    return members | {"resource_arn": ask(looking, "GetSigningProfile", {"profile_name": named})["arn"]}
