"""The server over a folder: the domain of `iotsign.app.service` behind HTTP."""

import logging
import socket
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from iotsign.app.service import OpenService, ServiceSettings, open_service
from iotsign.errors import ConfigError
from iotsign.platforms import Registry
from iotsign.server._accept import Share
from iotsign.server._app import Limits, create_application
from iotsign.server._local import LocalStart, prepare_local
from iotsign.server._metrics import Metrics, forget_process
from iotsign.server._run import Listen, listening, load_server, run_application
from iotsign.server._workers import run_workers
from iotsign.server.access import ACCESS_FILE, FileKeyring
from iotsign.server.protocol import routes
from iotsign.server.s3 import S3Api
from iotsign.stores.objects import DirectoryObjects

_FILE_THREADS: Final = 8
_log = logging.getLogger("iotsign.server")


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """How to serve.

    Attributes:
        data: The service's folder.
        region: The AWS region that it says it is in.
        listen: Where to listen.
        local: Make a first account, key, bucket and profile if the folder has none.
        limits: How much to do at a time, each worker.
        workers: How many processes serve; more than one uses more than one core.
        settings: Where the service keeps things; by default all in the folder.
    """

    data: Path
    region: str
    listen: Listen = field(default_factory=Listen)
    local: bool = False
    limits: Limits = field(default_factory=Limits)
    workers: int = 1
    settings: ServiceSettings | None = None


def serve(
    options: ServeOptions,
    *,
    platforms: Registry | None = None,
    on_ready: Callable[[str, LocalStart | None], None],
) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        options: How.
        platforms: The signing platforms; by default the built-in ones.
        on_ready: Called once requests are answered, with the server's URL and with what ``local`` found or made.

    Raises:
        IotsignError: The folder, the access file, TLS or the address cannot be used, or a package is missing.
    """
    settings = options.settings or ServiceSettings(options.data, region=options.region)
    with open_service(settings, platforms=platforms) as opened:
        local = prepare_local(options.data, options.region, opened) if options.local else None
        _open_keyring(options.data / ACCESS_FILE)
        if opened.service.establish_issuer():
            _log.info("issuing chain made", extra={"keyFile": str(settings.key_path)})
    with listening(options.listen) as (found, url):

        def announce() -> None:
            on_ready(url, local)

        if options.workers == 1:
            _work(options, settings, platforms, Metrics(), found, announce)
            return
        from multiprocessing.sharedctypes import RawArray

        load_server()
        routes()  # loads AWS's model, which workers share; a process alone does it when it is first asked
        with tempfile.TemporaryDirectory(prefix="iotsign-metrics-") as shared:
            folder = Path(shared)
            counts = RawArray("i", options.workers)
            run_workers(
                options.workers,
                lambda index, ready: _work(
                    options, settings, platforms, Metrics(folder), found, ready, Share(counts, index)
                ),
                on_ready=announce,
                on_end=lambda pid: forget_process(pid, folder),
            )


def _work(
    options: ServeOptions,
    settings: ServiceSettings,
    platforms: Registry | None,
    metrics: Metrics,
    found: socket.socket,
    on_ready: Callable[[], None],
    share: Share | None = None,
) -> None:
    """Serve in this process."""
    with (
        open_service(settings, platforms=platforms, on_step=metrics.step) as opened,
        ThreadPoolExecutor(_FILE_THREADS, thread_name_prefix="file") as files,
    ):
        keyring = _open_keyring(options.data / ACCESS_FILE)
        s3 = None
        if isinstance(opened.objects, DirectoryObjects):
            s3 = S3Api(opened.objects, keyring, options.region, files, lambda: datetime.now(UTC))
        application = create_application(
            opened.service,
            keyring,
            region=options.region,
            metrics=metrics,
            s3=s3,
            limits=options.limits,
            checks=(keyring.access, lambda: _look(opened)),
        )
        run_application(application.asgi, options.listen, found, on_ready=on_ready, share=share)


def _open_keyring(file: Path) -> FileKeyring:
    if not file.exists():
        hint = "make an access key: iotsign access add ACCOUNT --user NAME; or let --local make one"
        raise ConfigError("NobodyHasAccess", f"{file}: there is no access file, so nobody could call", hint=hint)
    return FileKeyring(file)


def _look(opened: OpenService) -> None:
    """Fail if the records cannot be read."""
    with opened.records.reading() as transaction:
        transaction.profile("", "")
