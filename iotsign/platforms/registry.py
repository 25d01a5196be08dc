"""Finds platforms by id: the built-in ones, those of the user's directories, and single descriptor files."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from iotsign.errors import ConfigError
from iotsign.platforms._parse import PLATFORM_ID, parse_platform
from iotsign.platforms.descriptor import Platform

_BUILT_IN: Final = Path(__file__).parent / "data"


class Registry:
    """All platforms that are known by id; a descriptor is read when it is asked for.

    In a directory each platform has one file, named ``<platformId>.toml``.
    """

    def __init__(self, directories: Iterable[Path] = ()) -> None:
        """List the built-in descriptors and those of ``directories``, without opening them.

        Raises:
            ConfigError: A directory cannot be read, or two files describe a platform of the same id.
        """
        self._files: dict[str, Path] = {}
        for directory in (_BUILT_IN, *directories):
            for file in _descriptor_files(directory):
                if file.stem in self._files:
                    first = self._files[file.stem]
                    message = f"{file}: platform {file.stem} is already described by {first}"
                    raise ConfigError("DuplicatePlatform", message, file=str(file), other=str(first))
                self._files[file.stem] = file

    @classmethod
    def from_directories(cls, *directories: Path) -> "Registry":
        """Make a registry of the built-in platforms and those described in ``directories``.

        Raises:
            ConfigError: A directory cannot be read, or two files describe a platform of the same id.
        """
        return cls(directories)

    @property
    def platform_ids(self) -> tuple[str, ...]:
        """All ids, sorted without regard to case."""
        return tuple(sorted(self._files, key=str.casefold))

    def get(self, platform: str) -> Platform:
        """Find a platform by its id, or read the descriptor file that ``platform`` names.

        Args:
            platform: A platformId, or a path: whatever contains ``/`` or ends in ``.toml``.

        Raises:
            ConfigError: There is no such platform, or its descriptor is wrong.
        """
        if "/" in platform or platform.endswith(".toml"):
            return parse_platform(Path(platform))
        if platform not in self._files:
            import difflib

            near = difflib.get_close_matches(platform, self._files, 1)
            hint = f"did you mean {near[0]}?" if near else "`iotsign platform list` names them all"
            message = f"no signing platform {platform!r}"
            raise ConfigError("UnknownPlatform", message, platform=platform, hint=hint)
        return self._read(platform)

    def list(self) -> tuple[Platform, ...]:
        """Read all platforms, in the order of `platform_ids`.

        Raises:
            ConfigError: A descriptor is wrong.
        """
        return tuple(self._read(platform_id) for platform_id in self.platform_ids)

    def _read(self, platform_id: str) -> Platform:
        file = self._files[platform_id]
        platform = parse_platform(file)
        if platform.platform_id != platform_id:
            message = (
                f"{file}: platformId: expected {platform_id!r} as the file's name says, got {platform.platform_id!r}"
            )
            raise ConfigError("PlatformIdNotFileName", message, file=str(file), key="platformId")
        return platform


def _descriptor_files(directory: Path) -> list[Path]:
    try:
        files = sorted(file for file in directory.iterdir() if file.suffix == ".toml")
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        reason = getattr(error, "strerror", None) or str(error)
        message = f"{directory}: the platform directory cannot be read: {reason}"
        raise ConfigError("DirectoryUnreadable", message, file=str(directory)) from None
    for file in files:
        if not PLATFORM_ID.fullmatch(file.stem):  # threat 24: an id is never a path
            message = f"{file}: expected a file name of 2 to 64 letters, digits, '-' and '_' before .toml"
            raise ConfigError("BadPlatformId", message, file=str(file))
    return files
