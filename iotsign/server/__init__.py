"""The signing service over HTTP: AWS Signer's protocol, and as much of S3 as a signing round trip needs.

The names load on first use: making an access key needs no server behind it.
"""

from typing import TYPE_CHECKING, Final

from iotsign.lazy_names import lazy_names

if TYPE_CHECKING:
    from iotsign.server._app import Application, Limits, create_application
    from iotsign.server._in_process import call_in_process
    from iotsign.server._local import LocalStart
    from iotsign.server._logs import configure_logging
    from iotsign.server._metrics import Metrics
    from iotsign.server._run import Listen
    from iotsign.server._serve import ServeOptions, serve

__all__ = [
    "Application",
    "Limits",
    "Listen",
    "LocalStart",
    "Metrics",
    "ServeOptions",
    "call_in_process",
    "configure_logging",
    "create_application",
    "serve",
]

_HOMES: Final = {
    "Application": "_app",
    "Limits": "_app",
    "Listen": "_run",
    "LocalStart": "_local",
    "Metrics": "_metrics",
    "ServeOptions": "_serve",
    "call_in_process": "_in_process",
    "configure_logging": "_logs",
    "create_application": "_app",
    "serve": "_serve",
}

__getattr__ = lazy_names(__name__, _HOMES)
