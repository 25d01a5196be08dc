"""`iotsign serve`: the signing service over HTTP."""

import ipaddress
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from iotsign.cli._output import say, warn
from iotsign.cli.access import credentials_of, data_option, make_folder

if TYPE_CHECKING:
    from iotsign.server import LocalStart

ENVIRONMENT_FILE = "aws.env"


def _worker_count(context: click.Context, parameter: click.Parameter, value: int | None) -> int | None:
    from iotsign.app.configuration import MAX_WORKERS

    return None if value is None else int(click.IntRange(1, MAX_WORKERS).convert(value, parameter, context))


@click.command()
@data_option
@click.option("--host", metavar="ADDRESS", help="Address to listen on; by default server.host, which is 127.0.0.1.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), help="Port; 0 takes a free one. By default server.port, which is 8000."
)
@click.option(
    "--workers", type=int, callback=_worker_count, metavar="N",
    help="Processes that serve, for more than one core; by default server.workers, which is 1.",
)  # fmt: skip
@click.option("--region", metavar="REGION", help="AWS region that it says it is in; by default us-east-1.")
@click.option(
    "--tls-certificate",
    type=click.Path(path_type=Path),
    metavar="CERT.pem",
    help="TLS certificate chain of the server.",
)
@click.option("--tls-key", type=click.Path(path_type=Path), metavar="KEY.pem", help="Its private key.")
@click.option(
    "--local", is_flag=True, help="On an empty folder, make an account, access key, bucket and profile first."
)
def serve(
    data: Path | None,
    host: str | None,
    port: int | None,
    workers: int | None,
    region: str | None,
    tls_certificate: Path | None,
    tls_key: Path | None,
    local: bool,
) -> None:
    """Serve AWS Signer's API, and the S3 calls that go with it, until SIGTERM or Ctrl-C.

    Logs go to stderr as JSON lines. With --local the lines that a shell needs are printed on stdout, and kept in
    aws.env in the service's folder. Without it, make an access key first: iotsign access add.

    \b
    Examples:
      iotsign serve --local
      iotsign serve --data /var/lib/iotsign --host 0.0.0.0 --tls-certificate tls.crt --tls-key tls.key
    """
    from iotsign.app.configuration import load_configuration
    from iotsign.app.service import service_settings
    from iotsign.server import Listen, ServeOptions, configure_logging
    from iotsign.server import serve as run

    configuration = load_configuration()
    settings = configuration.server
    listen = Listen(
        host or settings.host,
        settings.port if port is None else port,
        tls_certificate or settings.tls_certificate,
        tls_key or settings.tls_key,
    )
    folder = data or settings.data
    make_folder(folder)
    if listen.tls_certificate is None and not _is_loopback(listen.host):
        warn(f"{listen.host} is reached from elsewhere and there is no TLS: firmware travels in the clear")

    kept = service_settings(settings, data=folder, region=region)
    had_key_file = kept.key_path.exists()

    def announce(url: str, start: "LocalStart | None") -> None:
        say(f"serving on {url}")
        if not had_key_file:
            say(f"made the key file {kept.key_path}; without it the service's keys are lost, so keep a copy elsewhere")
        if start is not None:
            lines = _export_lines(start, url)
            _write_private(folder / ENVIRONMENT_FILE, lines)
            say(f"paste these lines into a shell, or run: . {shlex.quote(str(folder / ENVIRONMENT_FILE))}")
            click.echo(lines, nl=False)

    configure_logging()
    options = ServeOptions(folder, kept.region, listen, local=local, workers=workers or settings.workers, settings=kept)
    run(options, platforms=configuration.registry(), on_ready=announce)


def _export_lines(start: "LocalStart", url: str) -> str:
    values = [
        *credentials_of(start.key),
        ("AWS_DEFAULT_REGION", start.region),
        ("AWS_ENDPOINT_URL", url),
        # GetRevocationStatus has a host prefix, which no address takes
        ("AWS_DISABLE_HOST_PREFIX_INJECTION", "true"),
    ]
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values)


def _write_private(path: Path, text: str) -> None:
    from iotsign.errors import StoreError

    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor has no path
            file.write(text)
    except OSError as error:
        raise StoreError("FileUnwritable", f"{path}: {error.strerror}", path=str(path)) from error


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
