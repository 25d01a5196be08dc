"""Which signing service a verb asks, what for, and how the answer is shown: profiles, jobs, permissions, tags."""

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import click

from iotsign.cli._files import source_of
from iotsign.cli._output import json_wanted, print_fields, print_json, printable, say
from iotsign.cli.access import data_option

if TYPE_CHECKING:
    from iotsign.server.client import SigningClient

_Function = TypeVar("_Function", bound=Callable[..., Any])

_LARGEST_DOCUMENT: Final = 1 << 20  # bytes, as the server's
_HUMP: Final = re.compile(r"_([a-z])")


@dataclass(frozen=True, slots=True)
class Service:
    """Which service, and a part of what it is asked.

    Attributes:
        data: What ``--data`` names.
        account: What ``--account`` says.
        endpoint_url: What ``--endpoint-url`` says.
        region: What ``--region`` says.
        aws_profile: What ``--aws-profile`` says.
        from_json: What ``--from-json`` names.
        dry_run: Whether ``--dry-run`` was given.
        s3_endpoint_url: What ``--s3-endpoint-url`` says.
    """

    data: Path | None = None
    account: str | None = None
    endpoint_url: str | None = None
    region: str | None = None
    aws_profile: str | None = None
    from_json: str | None = None
    dry_run: bool = False
    s3_endpoint_url: str | None = None


def endpoint_options(function: _Function) -> _Function:
    """Add ``--endpoint-url``, ``--region`` and ``--aws-profile``."""
    for option in (
        click.option("--aws-profile", metavar="NAME", help="Profile of AWS's configuration files to sign with."),
        click.option("--region", metavar="REGION", help="AWS region of the service."),
        click.option("--endpoint-url", metavar="URL", help="Ask the service at this URL: iotsign's, AWS's, any other."),
    ):  # fmt: skip
        function = option(function)
    return function


def service_options(function: _Function) -> _Function:
    """Add the options that choose a service, and ``--from-json``; the verb gets a `Service` as ``service``."""

    @functools.wraps(function)
    def verb(
        data: Path | None,
        account: str | None,
        endpoint_url: str | None,
        region: str | None,
        aws_profile: str | None,
        from_json: str | None,
        dry_run: bool = False,
        s3_endpoint_url: str | None = None,
        **given: Any,
    ) -> Any:
        chosen = Service(data, account, endpoint_url, region, aws_profile, from_json, dry_run, s3_endpoint_url)
        return function(service=chosen, **given)

    account_words = "Whose profiles and jobs in the folder: twelve digits; by default its only account."
    json_words = (
        "The request in JSON, as `aws signer --cli-input-json` takes it; options count more. - is standard input."
    )
    for option in (
        click.option("--from-json", metavar="FILE", help=json_words),
        endpoint_options,
        click.option("--account", metavar="ACCOUNT", help=account_words),
        data_option,
    ):
        verb = option(verb)
    return cast("_Function", verb)


def dry_run_option(function: _Function) -> _Function:
    """Add ``-n`` to a verb that changes something."""
    return click.option(
        "-n", "--dry-run", is_flag=True, help="Check the request and print it as JSON; change nothing."
    )(function)


def s3_option(function: _Function) -> _Function:
    """Add ``--s3-endpoint-url`` to a verb that reads or writes buckets."""
    words = "Where the endpoint's buckets are; by default in the same place, and for AWS in S3."
    return click.option("--s3-endpoint-url", metavar="URL", envvar="AWS_ENDPOINT_URL_S3", help=words)(function)


def pages_options(function: _Function) -> _Function:
    """Add ``--max-items`` and ``--starting-token`` to a verb that lists."""
    token_words = "The nextToken of a list that was cut short: go on behind it."  # noqa: S105
    for option in (
        click.option("--starting-token", "next_token", metavar="TOKEN", help=token_words),
        click.option("--max-items", type=click.IntRange(1), metavar="N", help="Stop after N entries; by default all."),
    ):
        function = option(function)
    return function


@contextmanager
def open_client(service: Service, *, make: bool = False) -> "Iterator[SigningClient]":
    """Open the service that was chosen.

    Args:
        service: Which.
        make: Make its folder if it is not there.

    Raises:
        click.UsageError: The options contradict each other.
        IotsignError: It cannot be opened.
    """
    from iotsign.app.configuration import load_configuration

    configuration = load_configuration()
    if service.endpoint_url and (service.data or service.account):
        raise _usage("--endpoint-url asks a service elsewhere; --data and --account are about a folder here")
    url = service.endpoint_url or (None if service.data or service.account else configuration.client.endpoint_url)
    if url is None:
        if service.aws_profile or service.s3_endpoint_url:
            raise _usage("--aws-profile and --s3-endpoint-url go with --endpoint-url")
        from iotsign.app.service import service_settings
        from iotsign.server.client import open_local

        settings = service_settings(configuration.server, data=service.data, region=service.region)
        if make and not settings.directory.exists():
            say(f"making the folder {settings.directory}")
        account = service.account or configuration.client.account
        with open_local(settings, account=account, platforms=configuration.registry(), make=make) as local:
            yield local
        return
    from iotsign.server.client import Endpoint, open_remote

    endpoint = Endpoint(url, service.s3_endpoint_url, service.region, configuration.server.region, service.aws_profile)
    with open_remote(endpoint) as remote:
        yield remote


def make_request(
    service: Service, operation: str, members: Mapping[str, Any], defaults: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Put a request together: what ``--from-json`` says, and over it what the options say.

    Args:
        service: Where ``--from-json`` is.
        operation: The operation's name.
        members: The options, by the name of their parameter; those that are None were not given.
        defaults: Members that are taken if nothing else names them.

    Raises:
        click.UsageError: A member that the operation requires is missing.
        ConfigError: An option is not what its member wants.
        FormatError: The document is not.
        StoreError: The document cannot be read.
    """
    from iotsign.app import read_small_file
    from iotsign.server.client import missing_members, read_document, read_options, with_token

    document: dict[str, Any] = {}
    if service.from_json is not None:
        document = read_document(operation, read_small_file(source_of(service.from_json), _LARGEST_DOCUMENT))
    options = {_HUMP.sub(lambda match: match[1].upper(), name): value for name, value in members.items()}
    request = with_token(operation, {**(defaults or {}), **document, **read_options(operation, options)})
    if missing := missing_members(operation, request):
        context = click.get_current_context()
        hints = {param.name: param.get_error_hint(context) for param in context.command.params}
        named = [hints.get(re.sub("([A-Z])", r"_\1", name).lower(), name) for name in missing]
        raise _usage(f"missing {', '.join(named)}; or {', '.join(missing)} in --from-json")
    return request


def stop_if_dry(service: Service, operation: str, request: Mapping[str, Any]) -> None:
    """End the command here if it is a dry run: the request is checked and printed, the way ``--from-json`` takes it.

    Raises:
        click.exceptions.Exit: It is one.
        ValidationError: The request breaks a rule of the model.
    """
    if not service.dry_run:
        return
    from iotsign.server.client import plain_request
    from iotsign.server.protocol import validate_request

    validate_request(operation, request)
    say(f"would call {operation}")
    print_json(plain_request(operation, request))
    raise click.exceptions.Exit(0)


def ask(
    service: Service,
    operation: str,
    members: Mapping[str, Any],
    *,
    defaults: Mapping[str, Any] | None = None,
    make: bool = False,
) -> dict[str, Any]:
    """Call an operation once.

    Args:
        service: Which service.
        operation: The operation's name.
        members: The options, by the name of their parameter.
        defaults: Members that are taken if nothing else names them.
        make: Make the service's folder if it is not there.

    Returns:
        The answer, as AWS's command line prints it.
    """
    from iotsign.server.client import plain_answer

    request = make_request(service, operation, members, defaults)
    stop_if_dry(service, operation, request)
    with open_client(service, make=make) as client:
        return plain_answer(operation, client.call(operation, request))


def ask_pages(
    service: Service, operation: str, members: Mapping[str, Any], *, max_items: int | None = None
) -> dict[str, Any]:
    """Call an operation that lists, for all of its pages; see `ask`."""
    from iotsign.server.client import call_pages, plain_answer

    request = make_request(service, operation, members)
    with open_client(service) as client:
        answer = plain_answer(operation, call_pages(client, operation, request, max_items=max_items))
    if "nextToken" in answer and not json_wanted():
        say(f"there is more: --starting-token {answer['nextToken']}")
    return answer


def show(answer: Mapping[str, Any]) -> None:
    """Print an answer: as JSON, or its members one a line."""
    if json_wanted():
        print_json(answer)
    elif answer:
        print_fields(_flat(answer))


def _flat(value: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, object]]:
    for name, item in value.items():
        if isinstance(item, Mapping):
            yield from _flat(item, f"{path}{name}.")
        else:
            yield printable(f"{path}{name}"), ", ".join(map(str, item)) if isinstance(item, list) else item


def _usage(words: str) -> click.UsageError:
    return click.UsageError(words, click.get_current_context())
