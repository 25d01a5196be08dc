"""Settings from flags, the environment and files, each with the place it came from.

Precedence, highest first: flags of the command, ``IOTSIGN_*`` variables, ``iotsign.toml`` in the working directory, the
user's file, the system's file. A setting is taken whole from the highest place that has it. `docs/configuration.md` is
the reference.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from iotsign.errors import ConfigError
from iotsign.platforms import Registry
from iotsign.strict_toml import Table, read_toml

FILE_NAME: Final = "iotsign.toml"
DEFAULT: Final = "default"
"""The origin of a setting that nobody has set."""


@dataclass(frozen=True, slots=True)
class PlatformSettings:
    """Table ``platforms``.

    Attributes:
        directories: Where the user's own platform descriptors lie.
    """

    directories: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class SigningSettings:
    """Table ``signing``.

    Attributes:
        platform: The platform to sign for unless ``-p`` says another: an id, or a path of a descriptor.
        key: The key URI to sign with unless ``-k`` says another.
    """

    platform: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Table ``server``.

    Attributes:
        data: The folder of the signing service: access file, records, objects, keys, audit log.
        host: The address to listen on.
        port: The port to listen on.
        workers: How many processes serve.
        region: The AWS region that the service says it is in.
        tls_certificate: Certificate chain of the server in PEM; without it the server speaks plain HTTP.
        tls_key: The certificate's private key in PEM.
        database: URL of the records; by default SQLite in the folder.
        objects: Where buckets are: ``s3:`` for AWS, ``s3:URL`` for an endpoint; by default the folder.
        bucket_owners: Whose each bucket in S3 is: ``BUCKET=ACCOUNT``; others are not there. Empty leaves it to S3.
        key_file: What encrypts imported private keys; by default in the folder.
    """

    data: Path = Path("iotsign-data")
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    region: str = "us-east-1"
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    database: str | None = None
    objects: str | None = None
    bucket_owners: tuple[str, ...] = ()
    key_file: Path | None = None


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """Table ``client``.

    Attributes:
        account: Whose profiles and jobs in a folder are meant: twelve digits.
        endpoint_url: The service that is called; without it that of the folder, without a server.
        bucket: Where files that are to be signed are put.
    """

    account: str | None = None
    endpoint_url: str | None = None
    bucket: str = "firmware"


@dataclass(frozen=True, slots=True)
class Configuration:
    """The effective settings.

    Attributes:
        platforms: Table ``platforms``.
        signing: Table ``signing``.
        server: Table ``server``.
        client: Table ``client``.
        origins: Per dotted key where its value came from: a file, a variable, or `DEFAULT`.
        files: The files that were looked for, highest first, and whether each was there.
    """

    platforms: PlatformSettings = PlatformSettings()
    signing: SigningSettings = SigningSettings()
    server: ServerSettings = ServerSettings()
    client: ClientSettings = ClientSettings()
    origins: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    files: tuple[tuple[Path, bool], ...] = ()

    def registry(self) -> Registry:
        """Make the registry of the built-in platforms and of the configured directories.

        Raises:
            ConfigError: A directory cannot be read, or a platform is described twice.
        """
        return Registry(self.platforms.directories)

    def settings(self) -> list[tuple[str, Any, str]]:
        """List dotted key, value and origin of every setting."""
        return [(key, getattr(getattr(self, table), name), self.origins[key]) for key, (table, name) in _KEYS.items()]


# a reader takes the value from a file's table; paths in a file are relative to the file
_Reader = Callable[[Table, str, Path], Any]


def _read_directories(table: Table, key: str, base: Path) -> tuple[Path, ...]:
    return tuple(base / directory for directory in table.texts(key))


def _read_platform(table: Table, key: str, base: Path) -> str:
    value = table.text(key)
    return str(base / value) if "/" in value or value.endswith(".toml") else value


def _read_text(table: Table, key: str, _: Path) -> str:
    return table.text(key)


def _read_texts(table: Table, key: str, _: Path) -> tuple[str, ...]:
    return table.texts(key)


def _read_path(table: Table, key: str, base: Path) -> Path:
    return base / table.text(key)


def _read_port(table: Table, key: str, _: Path) -> int:
    return table.integer(key, 0, _MAX_PORT)


def _read_workers(table: Table, key: str, _: Path) -> int:
    return table.integer(key, 1, MAX_WORKERS)


def _parse_port(value: str) -> int:
    return _parse_number(value, "IOTSIGN_SERVER_PORT", 0, _MAX_PORT)


def _parse_workers(value: str) -> int:
    return _parse_number(value, "IOTSIGN_SERVER_WORKERS", 1, MAX_WORKERS)


def _parse_number(value: str, variable: str, least: int, most: int) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 5 and least <= int(value) <= most):
        message = f"{variable}: expected {least}..{most}, got {value!r}"
        raise ConfigError("ValueOutOfRange", message, variable=variable)
    return int(value)


def _parse_directories(value: str) -> tuple[Path, ...]:
    return tuple(Path(part) for part in value.split(os.pathsep) if part)


def _parse_texts(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


_MAX_PORT: Final = 65_535
MAX_WORKERS: Final = 64
_READERS: Final[dict[str, dict[str, _Reader]]] = {
    "platforms": {"directories": _read_directories},
    "signing": {"platform": _read_platform, "key": _read_text},
    "server": {
        "data": _read_path,
        "host": _read_text,
        "port": _read_port,
        "workers": _read_workers,
        "region": _read_text,
        "tls_certificate": _read_path,
        "tls_key": _read_path,
        "database": _read_text,
        "objects": _read_text,
        "bucket_owners": _read_texts,
        "key_file": _read_path,
    },
    "client": {"account": _read_text, "endpoint_url": _read_text, "bucket": _read_text},
}
# what a variable's text becomes, unless it stays text
_PARSERS: Final[dict[str, Callable[[str], Any]]] = {
    "platforms.directories": _parse_directories,
    "server.data": Path,
    "server.port": _parse_port,
    "server.workers": _parse_workers,
    "server.tls_certificate": Path,
    "server.tls_key": Path,
    "server.bucket_owners": _parse_texts,
    "server.key_file": Path,
}
_KEYS: Final = {f"{table}.{name}": (table, name) for table, names in _READERS.items() for name in names}
_VARIABLES: Final = {key: "IOTSIGN_" + key.replace(".", "_").upper() for key in _KEYS}


def load_configuration(
    environment: Mapping[str, str] = os.environ,
    *,
    directory: Path = Path(),
    system: Path = Path("/etc/iotsign"),
) -> Configuration:
    """Find the effective settings.

    Args:
        environment: The variables; an empty one counts as not set.
        directory: Where the project's file lies.
        system: Where the system's file lies.

    Raises:
        ConfigError: A file cannot be read, is not TOML, or has an unknown key or a value of the wrong type; or a
            variable of a known table has an unknown name.
    """
    files = tuple((file, _is_there(file)) for file in _files(environment, directory, system))
    values: dict[str, Any] = {}
    origins = dict.fromkeys(_KEYS, DEFAULT)
    layers = [_from_file(file) for file, there in reversed(files) if there]
    for layer in [*layers, _from_environment(environment)]:
        for key, (value, origin) in layer.items():
            values[key], origins[key] = value, origin
    tables = {
        table: {name: values[f"{table}.{name}"] for name in names if f"{table}.{name}" in values}
        for table, names in _READERS.items()
    }
    return Configuration(
        PlatformSettings(**tables["platforms"]),
        SigningSettings(**tables["signing"]),
        ServerSettings(**tables["server"]),
        ClientSettings(**tables["client"]),
        MappingProxyType(origins),
        files,
    )


def _files(environment: Mapping[str, str], directory: Path, system: Path) -> list[Path]:
    home, xdg = environment.get("HOME"), environment.get("XDG_CONFIG_HOME")
    files = [directory / FILE_NAME]
    if xdg and Path(xdg).is_absolute():  # the XDG specification has relative paths ignored
        files.append(Path(xdg) / "iotsign" / FILE_NAME)
    elif home:
        files.append(Path(home) / ".config" / "iotsign" / FILE_NAME)
    return [*files, system / FILE_NAME]


def _is_there(file: Path) -> bool:
    try:
        file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # reading it says why it cannot be read
    return True


def _from_file(file: Path) -> dict[str, tuple[Any, str]]:
    root = Table(read_toml(file), tuple(_READERS), file=str(file))
    found: dict[str, tuple[Any, str]] = {}
    for name, readers in _READERS.items():
        if name in root:
            table = root.table(name, tuple(readers))
            for key, reader in readers.items():
                if key in table:
                    found[f"{name}.{key}"] = reader(table, key, file.parent), str(file)
    return found


def _from_environment(environment: Mapping[str, str]) -> dict[str, tuple[Any, str]]:
    prefixes = tuple(f"IOTSIGN_{table.upper()}_" for table in _READERS)
    for variable in environment:
        if variable.startswith(prefixes) and variable not in _VARIABLES.values():
            hint = f"known: {', '.join(_VARIABLES.values())}"
            raise ConfigError("UnknownVariable", f"{variable}: unknown variable", variable=variable, hint=hint)
    found: dict[str, tuple[Any, str]] = {}
    for key, variable in _VARIABLES.items():
        if value := environment.get(variable):
            found[key] = _PARSERS[key](value) if key in _PARSERS else value, variable
    return found
