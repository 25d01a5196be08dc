"""`iotsign platform`: what signing targets accept."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from iotsign.cli._configured import complete_platform, find_platform
from iotsign.cli._errors import exit_code, report
from iotsign.cli._output import json_option, json_wanted, print_fields, print_json, print_table, say
from iotsign.cli._service import Service, ask, ask_pages, endpoint_options
from iotsign.cli._service import show as show_answer
from iotsign.errors import ConfigError

if TYPE_CHECKING:
    from iotsign.platforms import Platform


@click.group()
def platform() -> None:
    """Signing platforms: what a target accepts."""


@platform.command("list")
@click.option("--category", metavar="NAME", help="Those of this category.")
@click.option("--partner", metavar="NAME", help="Those of this partner.")
@click.option("--target", metavar="NAME", help="Those for this target.")
@endpoint_options
@json_option
def list_(endpoint_url: str | None, region: str | None, aws_profile: str | None, **filters: str | None) -> None:
    """List the signing platforms: the built-in ones and those of the configured directories.

    With --endpoint-url those of the service there (ListSigningPlatforms).

    \b
    Examples:
      iotsign platform list
      iotsign platform list --json | jq '.platforms[].platformId'
      iotsign platform list --endpoint-url https://signer.eu-west-1.amazonaws.com
    """
    from iotsign.app.configuration import load_configuration

    if endpoint_url is not None:
        service = Service(endpoint_url=endpoint_url, region=region, aws_profile=aws_profile)
        _show_answer(ask_pages(service, "ListSigningPlatforms", filters))
        return
    platforms = [
        found
        for found in load_configuration().registry().list()
        if all(value in (None, found.to_aws().get(name)) for name, value in filters.items())
    ]
    if json_wanted():
        print_json({"platforms": [found.to_aws() for found in platforms]})
        return
    columns = ("platform", "keys", "hash", "formats", "max MB", "container")
    print_table(columns, [_row(found) for found in platforms])


@platform.command()
@click.argument("platform_id", metavar="ID", shell_complete=complete_platform)
@endpoint_options
@json_option
def show(platform_id: str, endpoint_url: str | None, region: str | None, aws_profile: str | None) -> None:
    """Show one signing platform; ID may also be a descriptor file.

    --json gives the answer of AWS Signer's GetSigningPlatform; with --endpoint-url it is that of the service there.

    \b
    Examples:
      iotsign platform show AmazonFreeRTOS-Default
      iotsign platform show my-board.toml --json
      iotsign platform show AWSLambda-SHA384-ECDSA --endpoint-url https://signer.eu-west-1.amazonaws.com
    """
    if endpoint_url is not None:
        service = Service(endpoint_url=endpoint_url, region=region, aws_profile=aws_profile)
        show_answer(ask(service, "GetSigningPlatform", {"platform_id": platform_id}))
        return
    found = find_platform(platform_id)
    if json_wanted():
        print_json(found.to_aws())
        return
    print_fields(_fields(found))
    for note in found.notes:
        say(note, label="note", colour="cyan")


@platform.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@json_option
@click.pass_context
def check(ctx: click.Context, /, files: tuple[str, ...]) -> None:
    """Check descriptor files of your own.

    \b
    Examples:
      iotsign platform check my-board.toml
      iotsign platform check platforms/*.toml --json
    """
    from iotsign.platforms import parse_platform

    worst = 0
    for name in files:
        try:
            found = parse_platform(Path(name))
        except ConfigError as error:
            worst = max(worst, exit_code(error))
            report(error, as_json=json_wanted())
            continue
        if json_wanted():
            print_json(found.to_aws())
        else:
            click.echo(f"{name}: {found.platform_id} is well described")
        if Path(name).name != f"{found.platform_id}.toml":
            say(
                f"{name}: in a platform directory it has to be named {found.platform_id}.toml",
                label="note",
                colour="cyan",
            )
    ctx.exit(worst)


def _show_answer(answer: dict[str, Any]) -> None:
    if json_wanted():
        print_json(answer)
        return
    names = ("platformId", "displayName", "partner", "target", "category", "maxSizeInMB")
    rows = [[found.get(name) for name in names] for found in answer.get("platforms", [])]
    print_table(("platform", "display name", "partner", "target", "category", "max MB"), rows)


def _row(found: "Platform") -> tuple[object, ...]:
    return (
        found.platform_id,
        ", ".join(key_type.value for key_type in found.key_types),
        _first_is_default(found.default_hash.value, [hash_.value for hash_ in found.hash_algorithms]),
        _first_is_default(found.default_image_format, list(found.image_formats)),
        found.max_size_mb,
        found.native_container,
    )


def _fields(found: "Platform") -> list[tuple[str, object]]:
    certificate = found.certificate
    return [
        ("platform", found.platform_id),
        ("display name", found.display_name),
        ("partner", found.partner),
        ("target", found.target),
        ("category", found.category),
        ("largest payload", f"{found.max_size_mb} MB" if found.max_size_mb else "not stated"),
        ("revocation", "supported" if found.revocation_supported else "not supported"),
        (
            "key families",
            _first_is_default(found.default_encryption.value, [family.value for family in found.encryption_algorithms]),
        ),
        ("key types", ", ".join(key_type.value for key_type in found.key_types)),
        ("hashes", _first_is_default(found.default_hash.value, [hash_.value for hash_ in found.hash_algorithms])),
        ("image formats", _first_is_default(found.default_image_format, list(found.image_formats))),
        ("native container", found.native_container or "none"),
        *((f"  {key}", value) for key, value in found.native_options.items()),
        ("OTA signature", ", ".join(found.ota_signature_keys) or "none"),
        ("certificate", certificate.signing_material.value),
        ("  key usage", ", ".join(certificate.key_usage)),
        ("  extended key usage", " or ".join(certificate.extended_key_usage)),
        ("described in", found.file),
    ]


def _first_is_default(default: str, allowed: list[str]) -> str:
    return ", ".join([default, *(value for value in allowed if value != default)])
