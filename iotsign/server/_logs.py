"""Structured logs: one JSON object a line, no secrets."""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import IO, Any, Final

_ENCODER: Final = json.JSONEncoder(default=str)
_PLAIN: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "color_message"}


class JsonFormatter(logging.Formatter):
    """Writes a record as JSON: time, level, logger, event, and whatever came in ``extra``."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        line |= {key: value for key, value in record.__dict__.items() if key not in _PLAIN and value not in ("", None)}
        if record.exc_info and record.exc_info[1] is not None:
            line["traceback"] = _frames(record.exc_info[1])
        return _ENCODER.encode(line)


def _frames(error: BaseException) -> list[str]:
    """Where an error happened: its class and lines of code, but neither its message nor any value."""
    found = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    return [*found, type(error).__name__]


def configure_logging(stream: IO[str] | None = None) -> None:
    """Send the log of the server, uvicorn's included, to a stream; standard error by default."""
    # what no line says need not be found out for each; Source: Python's documentation of logging, "Optimization"
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter())
    for name in ("iotsign", "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.setLevel(logging.INFO if name == "iotsign" else logging.WARNING)
        logger.propagate = False
