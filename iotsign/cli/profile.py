"""`iotsign profile`: signing profiles, in a folder or at an endpoint."""

from typing import Any

import click

from iotsign.cli._configured import complete_platform
from iotsign.cli._output import json_option, json_wanted, print_json, print_table, say
from iotsign.cli._service import Service, ask, ask_pages, dry_run_option, pages_options, service_options, show

_name = click.argument("profile_name", required=False)


@click.group()
def profile() -> None:
    """Signing profiles: which platform, which certificate, under one name.

    \b
    put     makes a profile; a name is given once and for all
    get     shows one
    list    lists them
    cancel  lets one sign no more
    revoke  distrusts the signatures that one makes from some moment on

    They live in the service's folder (--data), or at --endpoint-url: iotsign's server, AWS, any other.
    """


@profile.command()
@_name
@click.option("--platform-id", metavar="ID", shell_complete=complete_platform, help="The signing platform.")
@click.option(
    "--signing-material", metavar="certificateArn=ARN", help="The certificate; `iotsign key import` gives its ARN."
)
@click.option(
    "--signature-validity-period",
    metavar="value=N,type=MONTHS",
    help="How long a signature is good, in DAYS, MONTHS or YEARS; AWS Lambda and Notation.",
)
@click.option(
    "--overrides",
    metavar="STRUCTURE",
    help="What differs from the platform's defaults, such as signingImageFormat=JSONDetached.",
)
@click.option("--signing-parameters", multiple=True, metavar="KEY=VALUE", help="Options of the platform's container.")
@click.option("--tags", multiple=True, metavar="KEY=VALUE", help="Tags; may be repeated.")
@dry_run_option
@service_options
@json_option
def put(service: Service, **members: Any) -> None:
    """Make the signing profile PROFILE_NAME (PutSigningProfile).

    Structures are written as for the AWS CLI: in JSON, or key=value,key={key=value}.

    \b
    Examples:
      iotsign profile put release --platform-id AmazonFreeRTOS-Default --signing-material arn:aws:acm:…
      iotsign profile put fleet --platform-id AWSIoTDeviceManagement-SHA256-ECDSA \\
        --signing-material certificateArn=arn:aws:acm:… \\
        --overrides 'signingConfiguration={encryptionAlgorithm=ECDSA},signingImageFormat=JSONDetached'
      iotsign profile put --from-json profile.json --endpoint-url https://signer.eu-west-1.amazonaws.com
    """
    show(ask(service, "PutSigningProfile", members, make=True))


@profile.command()
@_name
@click.option("--profile-owner", metavar="ACCOUNT", help="Whose it is, if it is another account's.")
@service_options
@json_option
def get(service: Service, **members: Any) -> None:
    """Show the signing profile PROFILE_NAME (GetSigningProfile).

    \b
    Examples:
      iotsign profile get release
      iotsign profile get release --json | jq -r .profileVersionArn
    """
    show(ask(service, "GetSigningProfile", members))


@profile.command("list")
@click.option("--include-canceled/--no-include-canceled", default=None, help="Those that were canceled, too.")
@click.option("--platform-id", metavar="ID", shell_complete=complete_platform, help="Those for this platform.")
@click.option(
    "--statuses",
    multiple=True,
    type=click.Choice(["Active", "Canceled", "Revoked"]),
    help="Those of this status; may be repeated.",
)
@pages_options
@service_options
@json_option
def list_(service: Service, max_items: int | None, **members: Any) -> None:
    """List signing profiles (ListSigningProfiles), all pages of them.

    \b
    Examples:
      iotsign profile list
      iotsign profile list --statuses Active --statuses Canceled --endpoint-url http://127.0.0.1:8000
    """
    answer = ask_pages(service, "ListSigningProfiles", members, max_items=max_items)
    if json_wanted():
        print_json(answer)
        return
    names = ("profileName", "profileVersion", "platformId", "status", "arn")
    rows = [[found.get(name) for name in names] for found in answer.get("profiles", [])]
    print_table(("profile", "version", "platform", "status", "arn"), rows)


@profile.command()
@_name
@dry_run_option
@service_options
@json_option
def cancel(service: Service, **members: Any) -> None:
    """Let the signing profile PROFILE_NAME sign no more (CancelSigningProfile); what it signed stays good.

    \b
    Examples:
      iotsign profile cancel release
    """
    show(ask(service, "CancelSigningProfile", members))
    say("canceled")


@profile.command()
@_name
@click.option("--profile-version", metavar="VERSION", help="The version, as get shows it.")
@click.option("--reason", metavar="TEXT", help="Why.")
@click.option(
    "--effective-time", metavar="TIME", help="From when on its signatures are distrusted (ISO 8601, UTC by default)."
)
@dry_run_option
@service_options
@json_option
def revoke(service: Service, **members: Any) -> None:
    """Distrust the signatures that PROFILE_NAME makes at a time or later (RevokeSigningProfile). There is no way back.

    \b
    Examples:
      iotsign profile revoke code --profile-version 4xF0oPZqRs --reason "key leaked" \\
        --effective-time 2026-11-30T12:00:00Z
    """
    show(ask(service, "RevokeSigningProfile", members))
    say("revoked")
