"""`iotsign audit`: what the signing service did, and what it took back."""

import re
from datetime import timedelta
from pathlib import Path

import click

from iotsign.cli._files import target_of
from iotsign.cli._output import json_option, json_wanted, print_fields, print_json, say, warn
from iotsign.cli.access import data_option

_EXPECTED = re.compile(r"([1-9][0-9]{0,17}):([0-9a-f]{64})")


def _expected(_: click.Context, __: click.Parameter, value: str | None) -> tuple[int, str] | None:
    if value is None:
        return None
    match = _EXPECTED.fullmatch(value)
    if match is None:
        raise click.BadParameter(f"expected RECORD:HASH as verify printed it, got {value!r}")
    return int(match[1]), match[2]


@click.group()
def audit() -> None:
    """Look after the audit log of the signing service.

    \b
    verify              checks that no record was changed, removed, moved or cut off
    export-revocations  writes what was revoked, for verification without the service
    """


@audit.command()
@click.argument("log", required=False, type=click.Path(path_type=Path))
@data_option
@click.option(
    "--expect",
    callback=_expected,
    metavar="RECORD:HASH",
    help="A record that was seen before, and must still be there; verify prints the last one.",
)
@json_option
def verify(log: Path | None, data: Path | None, expect: tuple[int, str] | None) -> None:
    """Verify the audit log LOG, by default iotsign.audit in the service's folder.

    Keep what it prints on another machine, and give it back with --expect: a log that was rewritten as a whole is found
    out by nothing else.

    \b
    Examples:
      iotsign audit verify --data /var/lib/iotsign
      iotsign audit verify iotsign.audit --expect 1207:4f1c…
    """
    from iotsign.app.configuration import load_configuration
    from iotsign.app.service import AUDIT_LOG
    from iotsign.stores.audit import verify_audit_log

    path = log or (data or load_configuration().server.data) / AUDIT_LOG
    report = verify_audit_log(path, expected=expect)
    if not report.end_known:
        warn(f"{path}.head is missing: records cut off at the end would not show")
    if json_wanted():
        print_json(
            {"log": str(path), "records": report.records, "lastHash": report.last_hash, "endKnown": report.end_known}
        )
        return
    print_fields(
        [
            ("log", path),
            ("records", report.records),
            ("last", f"{report.records}:{report.last_hash}" if report.records else "none"),
        ]
    )


@audit.command("export-revocations")
@click.option("-o", "--output", required=True, metavar="FILE", help="The revocation list; - is standard output.")
@data_option
@click.option(
    "--days",
    type=click.IntRange(1, 365),
    default=7,
    show_default=True,
    help="How long it may be used before it is stale.",
)
@json_option
def export_revocations(output: str, data: Path | None, days: int) -> None:
    """Write the list of revoked signatures and profiles, to verify images where the service is not at hand.

    When the list is stale, what is not on it is unknown, and never taken for good.

    \b
    Examples:
      iotsign audit export-revocations -o revocations.json
    """
    from iotsign.app import output_file
    from iotsign.app.configuration import load_configuration
    from iotsign.app.service import open_service, service_settings
    from iotsign.errors import StoreError
    from iotsign.formats.revocations import write_revocations

    settings = service_settings(load_configuration().server, data=data)
    if not settings.directory.is_dir():
        raise StoreError("NoSuchFolder", f"{settings.directory}: expected the folder of a signing service, got none")
    with open_service(settings) as opened:
        revocations = opened.service.export_revocations(timedelta(days=days))
    with output_file(target_of(output)) as file:
        file.write(write_revocations(revocations))
    if output == "-":
        return
    about = {"jobs": len(revocations.jobs), "profileVersions": len(revocations.profile_versions)}
    if json_wanted():
        print_json({"path": output, **about, "validUntil": revocations.valid_until.isoformat()})
    else:
        until = revocations.valid_until.isoformat()
        say(f"{about['jobs']} signatures and {about['profileVersions']} profiles are revoked; good until {until}")
