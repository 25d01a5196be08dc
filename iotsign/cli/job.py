"""`iotsign job`: signing jobs, in a folder or at an endpoint."""

import shutil
from base64 import b64decode
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from iotsign.cli._configured import complete_platform
from iotsign.cli._files import source_of, target_of
from iotsign.cli._output import json_option, json_wanted, print_json, print_table, printable, say
from iotsign.cli._progress import elapsed
from iotsign.cli._service import (
    Service,
    ask,
    ask_pages,
    dry_run_option,
    make_request,
    open_client,
    pages_options,
    s3_option,
    service_options,
    show,
    stop_if_dry,
)
from iotsign.errors import SignerError

if TYPE_CHECKING:
    from iotsign.server.client import SigningClient

_STREAM: Final = "-"
_SIGNED: Final = "signed/"
_NOT_YET: Final = "uploaded"  # the version of what is not uploaded yet
_CHUNK: Final = 1 << 20
_LARGEST_PAYLOAD: Final = 4096  # bytes; the model's
_NOTATION: Final = "application/vnd.cncf.notary.payload.v1+json"

_job_id = click.argument("job_id", required=False)
_profile_name = click.option("--profile-name", "--profile", metavar="NAME", help="The signing profile.")
_profile_owner = click.option("--profile-owner", metavar="ACCOUNT", help="Whose it is, if it is another account's.")
_output = click.option(
    "-o", "--output", metavar="OUT", help="Wait, and write the signed object there; - is standard output."
)
_timeout = click.option(
    "--timeout",
    type=click.FloatRange(min=0.1),
    default=600.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait at most.",
)


@click.group()
def job() -> None:
    """Signing jobs: what was signed with which profile, and where it is.

    \b
    start              signs a file, or an object in a bucket
    describe           shows a job
    list               lists them
    wait               waits until a job has ended, and fetches the signed object
    revoke             distrusts the signature of a job
    sign-payload       signs a few bytes at once, for container images
    revocation-status  tells what of a signature was revoked

    They live in the service's folder (--data), or at --endpoint-url: iotsign's server, AWS, any other.
    """


@job.command()
@click.argument("file", required=False)
@_profile_name
@_profile_owner
@click.option("--source", metavar="s3={bucketName=…,key=…,version=…}", help="What is signed, if it is in a bucket.")
@click.option("--destination", metavar="s3={bucketName=…,prefix=…}", help="Where the signed object goes.")
@click.option("--client-request-token", metavar="TOKEN", help="The same request again, with it, is the same job.")
@click.option("--bucket", metavar="NAME", help="Where FILE is put; by default client.bucket, which is firmware.")
@click.option("--key", metavar="KEY", help="Under what name FILE is put; by default its own.")
@_output
@click.option("--wait", is_flag=True, help="Wait until the job has ended; it is described then.")
@_timeout
@s3_option
@dry_run_option
@service_options
@json_option
def start(
    service: Service,
    file: str | None,
    bucket: str | None,
    key: str | None,
    output: str | None,
    wait: bool,
    timeout: float,
    **members: Any,
) -> None:
    """Sign FILE, or the object that --source names (StartSigningJob), and print the job's id.

    FILE is put into a bucket first, which in a folder is made if it is not there; the signed object goes to signed/ in
    the same bucket. FILE is signed as it is.

    \b
    Examples:
      iotsign job start app.bin --profile release -o app.signed
      iotsign job start app.bin --profile release -o app.signed --endpoint-url http://127.0.0.1:8000
      iotsign job start --profile-name release --wait --source s3={bucketName=firmware,key=app.bin,version=…} \\
        --destination s3={bucketName=firmware,prefix=signed/}
      iotsign job start --from-json job.json --endpoint-url https://signer.eu-west-1.amazonaws.com
    """
    if output is not None:
        target_of(output)  # which may be no place for it
    place = None if file is None else _place(file, bucket, key, service.from_json)
    if place is None and (bucket or key):
        raise _usage("--bucket and --key go with FILE")
    if place is not None and members["source"] is not None:
        raise _usage("either FILE or --source is signed, not both")
    defaults: dict[str, Any] = {}
    if place is not None:
        members["source"] = {"s3": {**place, "version": _NOT_YET}}
        defaults["destination"] = {"s3": {"bucketName": place["bucketName"], "prefix": _SIGNED}}
    request = make_request(service, "StartSigningJob", members, defaults)
    if place is not None and service.dry_run:
        say(f"would put {file} into s3://{place['bucketName']}/{place['key']}, and sign that version of it")
    stop_if_dry(service, "StartSigningJob", request)
    with open_client(service) as client:
        if file is not None:
            request["source"] = {"s3": _upload(client, file, request["source"]["s3"])}
        with elapsed("signing"):
            answer = client.call("StartSigningJob", request)
        if wait or output is not None:
            answer = _end(client, answer["jobId"], timeout, output, file)
        if json_wanted():
            print_json(answer)
        elif output != _STREAM:
            click.echo(printable(answer["jobId"]))


@job.command()
@_job_id
@service_options
@json_option
def describe(service: Service, **members: Any) -> None:
    """Show the signing job JOB_ID (DescribeSigningJob).

    \b
    Examples:
      iotsign job describe 3f1c5a0e-…
      iotsign job describe 3f1c5a0e-… --json | jq -r .status
    """
    show(ask(service, "DescribeSigningJob", members))


@job.command("list")
@click.option("--status", type=click.Choice(["InProgress", "Failed", "Succeeded"]), help="Those of this status.")
@click.option("--platform-id", metavar="ID", shell_complete=complete_platform, help="Those for this platform.")
@click.option("--requested-by", metavar="ARN", help="Those that this principal asked for.")
@click.option("--is-revoked/--no-is-revoked", default=None, help="Those whose signature was revoked, or was not.")
@click.option("--signature-expires-before", metavar="TIME", help="Those whose signature is good until before then.")
@click.option("--signature-expires-after", metavar="TIME", help="Those whose signature is good until after then.")
@click.option("--job-invoker", metavar="ACCOUNT", help="Those that this account asked for.")
@pages_options
@service_options
@json_option
def list_(service: Service, max_items: int | None, **members: Any) -> None:
    """List signing jobs (ListSigningJobs), newest first, all pages of them.

    \b
    Examples:
      iotsign job list --status Failed
      iotsign job list --max-items 10 --json | jq -r '.jobs[].jobId'
    """
    answer = ask_pages(service, "ListSigningJobs", members, max_items=max_items)
    if json_wanted():
        print_json(answer)
        return
    names = ("jobId", "status", "profileName", "platformId", "createdAt")
    rows = [[*(found.get(name) for name in names), _source(found)] for found in answer.get("jobs", [])]
    print_table(("job", "status", "profile", "platform", "created", "source"), rows)


@job.command()
@_job_id
@_output
@_timeout
@s3_option
@service_options
@json_option
def wait(service: Service, output: str | None, timeout: float, **members: Any) -> None:
    """Wait until the signing job JOB_ID has ended, and describe it; one that failed is an error (exit code 5).

    \b
    Examples:
      iotsign job wait 3f1c5a0e-…
      iotsign job wait 3f1c5a0e-… -o app.signed
    """
    if output is not None:
        target_of(output)
    request = make_request(service, "DescribeSigningJob", members)
    with open_client(service) as client:
        answer = _end(client, request["jobId"], timeout, output)
    if json_wanted() or output is None:
        show(answer)


@job.command()
@_job_id
@click.option("--reason", metavar="TEXT", help="Why.")
@click.option("--job-owner", metavar="ACCOUNT", help="Whose the job is, if it is another account's.")
@dry_run_option
@service_options
@json_option
def revoke(service: Service, **members: Any) -> None:
    """Distrust the signature of the job JOB_ID (RevokeSignature). There is no way back.

    \b
    Examples:
      iotsign job revoke 3f1c5a0e-… --reason "signed the wrong build"
    """
    show(ask(service, "RevokeSignature", members))
    say("revoked")


@job.command("sign-payload")
@click.argument("file", required=False)
@_profile_name
@_profile_owner
@click.option("--payload-format", metavar="TYPE", help=f"Media type of the payload; by default {_NOTATION}.")
@click.option("-o", "--output", metavar="OUT", help="Write the signature there, as it is; - is standard output.")
@dry_run_option
@service_options
@json_option
def sign_payload(service: Service, file: str | None, output: str | None, **members: Any) -> None:
    """Sign the bytes of FILE, at most 4096, and get the signature at once (SignPayload).

    \b
    Examples:
      iotsign job sign-payload payload.json --profile images -o payload.sig
    """
    from iotsign.app import output_file, read_small_file

    if output is not None:
        target_of(output)
    payload = None if file is None else read_small_file(source_of(file), _LARGEST_PAYLOAD)
    answer = ask(service, "SignPayload", members | {"payload": payload}, defaults={"payloadFormat": _NOTATION})
    if output is not None:
        with output_file(target_of(output), inputs=[Path(file)] if file and file != _STREAM else []) as out:
            out.write(b64decode(answer["signature"]))
    if output != _STREAM:
        show(answer)


@job.command("revocation-status")
@click.option("--signature-timestamp", metavar="TIME", help="When the signature was made.")
@click.option("--platform-id", metavar="ID", shell_complete=complete_platform, help="The signing platform.")
@click.option("--profile-version-arn", metavar="ARN", help="The version of the profile that signed.")
@click.option("--job-arn", metavar="ARN", help="The job that signed.")
@click.option(
    "--certificate-hashes",
    multiple=True,
    metavar="HASH",
    help="Of each certificate of the chain but the root: its TBS hash and its issuer's, in hex; may be repeated.",
)
@service_options
@json_option
def revocation_status(service: Service, **members: Any) -> None:
    """Tell what of a signature was revoked: profile, job, certificates; or nothing (GetRevocationStatus).

    \b
    Examples:
      iotsign job revocation-status --signature-timestamp 2026-11-30T12:00:00Z --platform-id AWSLambda-SHA384-ECDSA \\
        --profile-version-arn arn:aws:signer:… --job-arn arn:aws:signer:… --certificate-hashes 6a0f…
    """
    answer = ask(service, "GetRevocationStatus", members)
    if json_wanted():
        print_json(answer)
        return
    for revoked in answer.get("revokedEntities", []):
        click.echo(printable(revoked))
    if not answer.get("revokedEntities"):
        say("nothing of it is revoked")


def _place(file: str, bucket: str | None, key: str | None, from_json: str | None) -> dict[str, str]:
    """Say where a file is put before it is signed."""
    from iotsign.app.configuration import load_configuration

    if file == _STREAM == from_json:
        raise _usage("standard input cannot be both FILE and --from-json")
    if key is None and file == _STREAM:
        raise _usage("say with --key under what name standard input is put")
    return {"bucketName": bucket or load_configuration().client.bucket, "key": key or Path(file).name}


def _upload(client: "SigningClient", file: str, place: dict[str, str]) -> dict[str, str]:
    """Put a file where it was said, and add the version that it got."""
    from iotsign.app import input_file

    with (
        elapsed(f"putting {file} into s3://{place['bucketName']}/{place['key']}"),
        input_file(source_of(file)) as opened,
        open(opened.fd, "rb", closefd=False) as content,
    ):
        return place | {"version": client.buckets.upload(place["bucketName"], place["key"], content)}


def _end(
    client: "SigningClient", job_id: str, timeout_s: float, output: str | None, file: str | None = None
) -> dict[str, Any]:
    """Wait for a job, fetch what it signed if an output wants it, and describe it.

    Raises:
        SignerError: It failed, or takes too long.
        StoreError: The service, its buckets or the output cannot be used.
    """
    from iotsign.app import output_file
    from iotsign.server.client import plain_answer, wait_for_job

    with elapsed(f"waiting for {job_id}"):
        described = plain_answer("DescribeSigningJob", wait_for_job(client, job_id, timeout_s=timeout_s))
    signed = described.get("signedObject", {}).get("s3")
    if described["status"] != "Succeeded":
        if json_wanted():
            print_json(described)
        reason = described.get("statusReason", "no reason was given")
        raise SignerError("JobFailed", f"signing job {job_id} failed: {reason}", job=job_id)
    if output is not None:
        if signed is None:
            raise SignerError("NoSignedObject", f"signing job {job_id} left no signed object", job=job_id)
        inputs = [Path(file)] if file and file != _STREAM else []
        with (
            elapsed(f"fetching s3://{signed['bucketName']}/{signed['key']}"),
            client.buckets.download(signed["bucketName"], signed["key"]) as content,
            output_file(target_of(output), inputs=inputs) as out,
        ):
            shutil.copyfileobj(content, out, _CHUNK)
    return described


def _source(found: dict[str, Any]) -> str:
    place = found.get("source", {}).get("s3")
    return f"s3://{place['bucketName']}/{place['key']}" if place else ""


def _usage(words: str) -> click.UsageError:
    return click.UsageError(words, click.get_current_context())
