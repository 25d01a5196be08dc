"""Signing of many images at once."""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from iotsign import core
from iotsign.algorithms import HashAlgorithm
from iotsign.app._batches import SMALL, CheckStop, Task, batches_of, work_on
from iotsign.app._containers import NATIVE
from iotsign.app._input_file import Source
from iotsign.app._json_write import ReadPayload
from iotsign.app._payload import Payload, open_payload
from iotsign.app._sign import sign_image, sign_read_payload
from iotsign.app._signing import SignedImage, SigningOptions
from iotsign.errors import ConfigError, IotsignError
from iotsign.formats import jsonimage
from iotsign.keys import Signer

__all__ = ["SignOutcome", "sign_images"]

_SUFFIX: Final = ".signed"


@dataclass(frozen=True, slots=True)
class SignOutcome:
    """How the signing of one image ended.

    Attributes:
        source: The firmware.
        target: Where the signed image is, if it was made.
        signed: What was signed; None after an error.
        error: Why it was not signed; None if it was.
    """

    source: Path
    target: Path
    signed: SignedImage | None
    error: IotsignError | None


def sign_images(
    sources: Sequence[Path],
    directory: Path,
    options: SigningOptions,
    signer: Signer,
    *,
    inputs: Iterable[Path] = (),
    dry_run: bool = False,
    threads: int | None = None,
) -> Iterator[SignOutcome]:
    """Sign images, several at a time, each as `sign_image` does, and give the outcomes in the order of `sources`.

    Args:
        sources: The firmware files.
        directory: Where the signed images go, each under its firmware's name with ``.signed`` behind it.
        options: What to make of them.
        signer: The private key.
        inputs: Further files that no target may overwrite, such as the key.
        dry_run: Do everything but write the targets.
        threads: How many images at a time; by default one for each processor.

    Yields:
        One outcome for each image; an `IotsignError` about one image is an outcome, not an exception.

    Raises:
        ConfigError: Two files have the same name, or one location is given for several objects.
        UnsupportedAlgorithmError: The platform does not take keys of this type, or not this hash.
        UnsupportedFormatError: The image format is not allowed.
    """
    names = Counter(source.name for source in sources)
    twice = next((name for name, count in names.items() if count > 1), None)
    if twice is not None:
        raise ConfigError("SameName", f"two files are called {twice}; the signed images would be one", name=twice)
    if options.location is not None:
        raise ConfigError("OneLocation", "one S3 location cannot name the payloads of several objects")
    algorithm = options.platform.signature_algorithm(signer.public_key.key_type, options.hash_algorithm)
    native = options.choose_format() == NATIVE
    together = not native and options.boot_signer is None and jsonimage.payload_hash(algorithm) is HashAlgorithm.SHA256
    keep = [*sources, *inputs]

    def sign(source: Path, read: ReadPayload | None, check_stop: CheckStop) -> SignOutcome:
        target = directory / (source.name + _SUFFIX)
        try:
            if read is not None:
                signed = sign_read_payload(read, target, options, signer, inputs=keep, dry_run=dry_run)
            else:
                signed = sign_image(source, target, options, signer, inputs=keep, dry_run=dry_run, progress=check_stop)
        except IotsignError as error:
            return SignOutcome(source, target, None, error)
        return SignOutcome(source, target, signed, None)

    def work(batch: Sequence[Source], check_stop: CheckStop) -> list[SignOutcome]:
        outcomes = []
        files = [source for source in batch if isinstance(source, Path)]
        with contextlib.ExitStack() as stack:
            read = _read_batch(files, options, stack, check_stop) if together and len(files) > 1 else {}
            for source in files:
                check_stop(0)
                outcomes.append(sign(source, read.get(source), check_stop))
        return outcomes

    yield from work_on((_Signing(batch, work) for batch in batches_of(sources, threads)), threads)


class _Signing(Task[SignOutcome]):
    """One batch, signed by a worker."""

    def __init__(
        self, batch: Sequence[Source], work: Callable[[Sequence[Source], CheckStop], Sequence[SignOutcome]]
    ) -> None:
        """Take a batch and what is to be done with it."""
        self._batch = batch
        self._work = work
        self._outcomes: Sequence[SignOutcome] = ()

    def work(self, check_stop: CheckStop) -> None:
        self._outcomes = self._work(self._batch, check_stop)

    def results(self) -> Sequence[SignOutcome]:
        return self._outcomes


def _read_batch(
    sources: Sequence[Path], options: SigningOptions, stack: contextlib.ExitStack, check_stop: CheckStop
) -> dict[Path, ReadPayload]:
    """Read what is small, and hash the payloads together."""
    found: list[tuple[Path, Payload, bytes]] = []
    for source in sources:
        check_stop(0)
        # whatever is wrong with a file is found again and said when it is signed alone
        with contextlib.suppress(IotsignError):
            payload = stack.enter_context(
                open_payload(source, options.platform, options.choose_format(), options.payload)
            )
            if payload.file.size <= SMALL:
                found.append((source, payload, payload.file.read_all()))
    digests = core.sha256_many([content for _, _, content in found], threads=1)
    return {
        source: ReadPayload(payload, content, digest)
        for (source, payload, content), digest in zip(found, digests, strict=True)
    }
