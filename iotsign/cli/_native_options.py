"""Options that belong to native containers; their names are those of the container's settings."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from iotsign.cli._files import source_of
from iotsign.cli._passphrase import read_passphrase

_Function = TypeVar("_Function", bound=Callable[..., Any])

_MCUBOOT: Final = "MCUboot options"
_LARGEST_TLV: Final = 0xFFFF


class _SectionOption(click.Option):
    """An option that `Sectioned` shows under a heading of its own."""

    section = _MCUBOOT


class Sectioned(click.Command):
    """A command whose help keeps the options of native containers apart."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, section by section."""
        sections: dict[str, list[tuple[str, str]]] = {"Options": []}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                sections.setdefault(getattr(param, "section", "Options"), []).append(record)
        for heading, records in sections.items():
            with formatter.section(heading):
                formatter.write_dl(records)


def _number(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise click.BadParameter(f"expected a number such as 512 or 0x200, got {text!r}") from None


def _counter(text: str) -> int | str:
    return text if text == "auto" else _number(text)


def _option(name: str, help_: str, **attributes: Any) -> Callable[[_Function], _Function]:
    attributes.setdefault("default", None)
    return click.option(name, cls=_SectionOption, help=help_, **attributes)


def _flag(name: str, help_: str) -> Callable[[_Function], _Function]:
    return _option(name, help_, is_flag=True)


def _size(name: str, help_: str) -> Callable[[_Function], _Function]:
    return _option(name, help_, type=_number, metavar="N")


def _apply(options: Iterable[Callable[[_Function], _Function]]) -> Callable[[_Function], _Function]:
    chosen = list(options)

    def decorate(function: _Function) -> _Function:
        for option in reversed(chosen):
            function = option(function)
        return function

    return decorate


_LAYOUT: Final = (
    _size("--align", "Write size of the flash: 1, 2, 4, 8, 16 or 32; 1 by default."),
    _size("--max-sectors", "Sectors that the swap status has room for; 128 by default."),
    _flag("--overwrite-only", "The boot loader overwrites and never swaps."),
    _option("--public-key-format", "How the image names its key.", type=click.Choice(["hash", "full"])),
    _option("--pure/--no-pure", "Ed25519 signs the image itself, not its digest."),
)
_FLOOR: Final = (
    _option("--minimum-version", "Refuse a lower version.", metavar="VERSION"),
    _size("--minimum-security-counter", "Refuse a lower security counter, or none."),
    _option("--release", "Refuse a lower version or security counter than this image has.", metavar="IMG", type=Path),
)
_DECRYPTION: Final = (
    _option(
        "--decryption-key",
        "Decrypt with this private key (RSA-2048, P-256, X25519) or AES key.",
        metavar="FILE",
        type=Path,
    ),
    _option("--decryption-passphrase-file", "Take that key's passphrase from FILE.", metavar="FILE"),
)

native_packing_options = _apply((
    _option("--version", "The image's version, major.minor.revision+build; 0.0.0+0 by default.", metavar="VERSION"),
    _size("--header-size", "Bytes for the header; 32 by default."),
    _flag("--pad-header", "Put the header before IN; otherwise IN has left room for it."),
    _size("--slot-size", "Size of the slot that image and trailer have to fit."),
    _flag("--pad", "Fill the slot and write the trailer."),
    _flag("--confirm", "Mark the image as confirmed (implies --pad)."),
    _flag("--test", "Ask for a test swap (implies --pad)."),
    *_LAYOUT,
    _size("--max-align", "Alignment of the trailer's fields: 8, 16 or 32."),
    _option("--erased-val", "What erased flash reads, 0xff by default.", type=click.Choice(["0", "0xff"])),
    _size("--load-addr", "Address to load the image to."),
    _size("--rom-fixed", "Flash address the image is built for."),
    _flag("--non-bootable", "The image is not started."),
    _option("--security-counter", "Anti-rollback counter; auto derives it from the version.", metavar="N|auto",
            type=_counter),
    _option("--dependencies", "Other images that must be there: (1,1.2.3+4),(2,0.9).", metavar="LIST"),
    _option("--custom-tlv", "Vendor record: a type from 0xa0 on, and text or 0x… (repeatable).", nargs=2,
            metavar="TYPE VALUE", multiple=True),
    _option("--custom-tlv-file", "Vendor record whose value is a file (repeatable).", nargs=2, metavar="TYPE FILE",
            multiple=True),
    _option("--boot-record", "Boot record of a component with this role.", metavar="ROLE"),
    _option("--vid", "Vendor: a UUID or a domain name.", metavar="UUID|NAME"),
    _option("--cid", "Device class: a UUID, or a name within the vendor.", metavar="UUID|NAME"),
    _option("--compression", "Compress the payload, where that makes it smaller.",
            type=click.Choice(["disabled", "lzma2", "lzma2armthumb"])),
    _option("--encrypt", "Encrypt for this public key (RSA-2048, P-256, X25519) or AES key.", metavar="FILE",
            type=Path),
    _size("--encrypt-keylen", "Bits of the payload's AES key: 128 or 256."),
    _option("--hmac-sha", "Hash of the X25519 key derivation.", type=click.Choice(["256", "512"])),
    _flag("--clear", "Ready for encryption, but in plain."),
    _flag("--save-enctlv", "The trailer saves encrypted keys."),
    *_FLOOR,
))  # fmt: skip
native_opening_options = _apply((*_DECRYPTION, *_FLOOR))
native_ceremony_options = _apply(_DECRYPTION)
native_resigning_options = _apply((
    _flag("--append", "Keep the signatures that are there."), *_LAYOUT, *_DECRYPTION
))  # fmt: skip

_NAMES: Final = (
    "align", "append", "boot_record", "cid", "clear", "compression", "confirm", "custom_tlv", "decryption_key",
    "dependencies", "encrypt", "encrypt_keylen", "erased_val", "header_size", "hmac_sha", "load_addr", "max_align",
    "max_sectors", "minimum_security_counter", "minimum_version", "non_bootable", "overwrite_only", "pad", "pad_header",
    "public_key_format", "pure", "release", "require_all", "rom_fixed", "save_enctlv", "security_counter", "slot_size",
    "test", "version", "vid",
)  # fmt: skip
_READ: Final[dict[str, Callable[[Any], Any]]] = {"erased_val": _number, "hmac_sha": lambda bits: f"SHA{bits}"}


def native_settings_of(given: dict[str, Any]) -> dict[str, Any]:
    """Collect what was given of the containers' options, by the settings' names.

    Raises:
        KeyUnavailableError: A passphrase file cannot be read.
        StoreError: The value of a record cannot be read.
    """
    settings = {name: given[name] for name in _NAMES if given.get(name) not in (None, (), False)}
    if given.get("pure") is False:
        settings["pure"] = False
    settings |= {name: read(settings[name]) for name, read in _READ.items() if name in settings}
    files = [(tag, _tlv_content(file)) for tag, file in given.get("custom_tlv_file") or ()]
    if files:
        settings["custom_tlv"] = [*settings.get("custom_tlv", ()), *files]
    if given.get("decryption_passphrase_file"):
        settings["decryption_passphrase"] = read_passphrase(given["decryption_passphrase_file"])
    return settings


def _tlv_content(file: str) -> bytes:
    from iotsign.app import read_small_file

    return read_small_file(source_of(file), _LARGEST_TLV)
