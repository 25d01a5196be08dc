"""Running the application: sockets, TLS, signals."""

import asyncio
import contextlib
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from iotsign.errors import ConfigError, MissingDependencyError, StoreError
from iotsign.server._accept import Acceptor, Share
from iotsign.server._secret_files import refuse_open_file

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_STOP_S: Final = 30
_KEEP_ALIVE_S: Final = 60
_BACKLOG: Final = 1024


@dataclass(frozen=True, slots=True)
class Listen:
    """Where to listen.

    Attributes:
        host: Address or name.
        port: Port; 0 takes a free one.
        tls_certificate: Certificate chain in PEM; None for plain HTTP.
        tls_key: Its private key in PEM.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    tls_certificate: Path | None = None
    tls_key: Path | None = None


@contextlib.contextmanager
def listening(listen: Listen) -> Iterator[tuple[socket.socket, str]]:
    """Listen, and give the socket and its URL; connections wait until an application runs.

    Raises:
        ConfigError: The TLS certificate and key do not go together, or one of them is missing.
        KeyRejectedError: Others can read the TLS key.
        StoreError: The address cannot be listened on.
    """
    _check_tls(listen)
    with _listen(listen) as found:
        host, port = found.getsockname()[:2]
        scheme = "https" if listen.tls_certificate else "http"
        yield found, f"{scheme}://[{host}]:{port}" if found.family == socket.AF_INET6 else f"{scheme}://{host}:{port}"


def load_server() -> None:
    """Load what `run_application` needs; processes that are forked afterwards share it.

    Raises:
        MissingDependencyError: uvicorn, uvloop or httptools is not installed.
    """
    try:
        import uvicorn  # noqa: F401
        import uvloop  # noqa: F401

        import iotsign.server._http  # noqa: F401
    except ImportError:
        message = "the server needs uvicorn, uvloop and httptools; install iotsign[server]"
        raise MissingDependencyError("MissingDependency", message, extra="server") from None


def run_application(
    application: "ASGIApp",
    listen: Listen,
    found: socket.socket,
    *,
    on_ready: Callable[[], None],
    share: Share | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; then stop accepting, finish what is under way, and return.

    Args:
        application: What to serve.
        listen: How.
        found: Where: what `listening` gave; other processes may have it, too.
        on_ready: Called once requests are answered.
        share: This process's place among others; None for one that serves alone.

    Raises:
        MissingDependencyError: uvicorn, uvloop or httptools is not installed.
    """
    load_server()
    import uvicorn
    import uvloop

    from iotsign.server._http import BoundedHttpProtocol

    config = uvicorn.Config(
        application,
        http=BoundedHttpProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_STOP_S,
        ssl_certfile=listen.tls_certificate,
        ssl_keyfile=listen.tls_key,
    )

    class Server(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self.handle_exit, number, None)
            yield

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002
            await super().startup([])
            state, loop = self.server_state, asyncio.get_running_loop()

            async def take(connection: socket.socket) -> None:
                await loop.connect_accepted_socket(protocol, connection, ssl=config.ssl)

            def protocol() -> BoundedHttpProtocol:
                return BoundedHttpProtocol(config=config, server_state=state, app_state=self.lifespan.state)

            acceptor = Acceptor(found, take, lambda: len(state.connections), share or Share())
            self.servers.append(acceptor)  # type: ignore[arg-type]  # uvicorn closes it as it would asyncio's
            on_ready()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(Server(config).serve(sockets=[found]))


def _check_tls(listen: Listen) -> None:
    if (listen.tls_certificate is None) != (listen.tls_key is None):
        raise ConfigError("TlsIncomplete", "expected both a TLS certificate and its key, or neither")
    if listen.tls_certificate is None or listen.tls_key is None:
        return
    refuse_open_file(listen.tls_key)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(listen.tls_certificate, listen.tls_key, _no_passphrase)
    except (OSError, ssl.SSLError, ValueError) as error:
        message = f"cannot use the TLS certificate {listen.tls_certificate} with the key {listen.tls_key}: {error}"
        raise ConfigError("TlsUnusable", message) from None


def _no_passphrase() -> str:
    return ""


@contextlib.contextmanager
def _listen(listen: Listen) -> Iterator[socket.socket]:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        found = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _unusable(listen, error) from error
    with found:
        try:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind(address)
            found.listen(_BACKLOG)
            found.setblocking(False)  # noqa: FBT003
        except OSError as error:
            raise _unusable(listen, error) from error
        yield found


def _unusable(listen: Listen, error: OSError) -> StoreError:
    reason = error.strerror or error
    return StoreError("AddressUnusable", f"cannot listen on {listen.host} port {listen.port}: {reason}")
