"""Signing parameters of native containers: text by name, as ``iotsign image sign`` spells its options."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from iotsign.errors import ValidationError
from iotsign.formats.container import Container


def _number(text: str) -> int:
    return int(text, 0)


def _flag(text: str) -> bool:
    return {"true": True, "false": False}[text]


def _counter(text: str) -> int | str:
    return text if text == "auto" else _number(text)


_MCUBOOT: Final[Mapping[str, Callable[[str], Any]]] = {
    "version": str,
    "header-size": _number,
    "pad-header": _flag,
    "slot-size": _number,
    "pad": _flag,
    "confirm": _flag,
    "test": _flag,
    "align": _number,
    "max-align": _number,
    "max-sectors": _number,
    "overwrite-only": _flag,
    "erased-val": _number,
    "load-addr": _number,
    "rom-fixed": _number,
    "non-bootable": _flag,
    "security-counter": _counter,
    "dependencies": str,
    "boot-record": str,
    "public-key-format": str,
    "pure": _flag,
    "vid": str,
    "cid": str,
    "compression": str,
    "minimum-version": str,
    "minimum-security-counter": _number,
}
_READERS: Final[Mapping[str, Mapping[str, Callable[[str], Any]]]] = {
    "mcuboot": _MCUBOOT,
    "espressif-secure-boot-v2": {"minimum-security-counter": _number},
    "ti-cc13x2-oad": {},
}


def container_settings(container: Container, parameters: Mapping[str, str]) -> dict[str, Any]:
    """Read signing parameters into a container's settings.

    Raises:
        ValidationError: A parameter that the container does not know, or a value of the wrong kind.
    """
    readers = _READERS[container.name]
    settings: dict[str, Any] = {}
    for name, text in parameters.items():
        if name not in readers:
            known = ", ".join(readers) or "none"
            message = f"signingParameters: {name!r} is not known to the container {container.name}; known: {known}"
            raise ValidationError("InvalidSigningParameter", message, parameter=name)
        try:
            settings[name.replace("-", "_")] = readers[name](text)
        except (ValueError, KeyError):
            message = f"signingParameters: {name}: {text!r} is not a value of this parameter"
            raise ValidationError("InvalidSigningParameter", message, parameter=name) from None
    return settings
