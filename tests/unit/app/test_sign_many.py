import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from iotsign.algorithms import KeyType
from iotsign.app import SigningOptions, SignOutcome, Trust, VerifyOptions, sign_image, sign_images, verify_images
from iotsign.errors import ConfigError, MalformedImageError, StoreError, UnsupportedAlgorithmError
from iotsign.formats.jsonimage import S3Location
from iotsign.keys import Signer
from iotsign.platforms import Platform

GetPlatform = Callable[[str], Platform]
GetSigner = Callable[[KeyType], Signer]


@pytest.fixture
def sources(tmp_path: Path) -> list[Path]:
    """Files of many sizes: most small enough to be hashed together, one that is not."""
    directory = tmp_path / "in"
    directory.mkdir()
    paths = []
    for number, size in enumerate([1, 2, 3, 100, 70_000, 1 << 20, (1 << 20) + 1, 55, 56, 63, 64, 65, 5000, 5000]):
        path = directory / f"{number}.bin"
        path.write_bytes(os.urandom(size))
        paths.append(path)
    flat = directory / "flat.hex"
    flat.write_bytes(b":0400000001020304F2\n:00000001FF\n")
    return [*paths, flat]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.mark.parametrize("threads", [None, 1, 3])
@pytest.mark.parametrize(
    ("platform_id", "image_format", "key_type"),
    [
        ("AmazonFreeRTOS-Default", None, KeyType.P256),
        ("AWSIoTDeviceManagement-SHA256-ECDSA", None, KeyType.P256),
        ("MCUboot-ECDSA-P384", "JSONEmbedded", KeyType.P384),
        ("MCUboot-Ed25519", "JSONEmbedded", KeyType.ED25519),
    ],
)
def test_each_is_what_it_is_alone(
    platform: GetPlatform,
    signer: GetSigner,
    sources: list[Path],
    out: Path,
    platform_id: str,
    image_format: str | None,
    key_type: KeyType,
    threads: int | None,
) -> None:
    options = SigningOptions(platform(platform_id), image_format=image_format)
    outcomes = list(sign_images(sources, out, options, signer(key_type), threads=threads))
    assert [outcome.source for outcome in outcomes] == sources
    for outcome in outcomes:
        alone = io.BytesIO()
        signed = sign_image(outcome.source, alone, options, signer(key_type))
        assert outcome.error is None
        assert outcome.signed == signed
        assert outcome.target == out / f"{outcome.source.name}.signed"
        assert outcome.target.read_bytes() == alone.getvalue()


def test_native_containers(platform: GetPlatform, signer: GetSigner, sources: list[Path], out: Path) -> None:
    options = SigningOptions(
        platform("MCUboot-ECDSA-P256"), settings={"version": "1.2.3", "header_size": 32, "pad_header": True}
    )
    outcomes = list(sign_images(sources[:4], out, options, signer(KeyType.P256)))
    assert [outcome.signed.image_format if outcome.signed else outcome.error for outcome in outcomes] == ["native"] * 4


def test_what_is_wrong_with_one_does_not_keep_the_others(
    platform: GetPlatform,
    signer: GetSigner,
    sources: list[Path],
    out: Path,
    key_files: Callable[..., tuple[Path, Path]],
) -> None:
    sources[1].write_bytes(b"")
    sources[3].unlink()
    options = SigningOptions(platform("AmazonFreeRTOS-Default"))
    outcomes = list(sign_images(sources, out, options, signer(KeyType.P256)))
    errors = {index: outcome.error for index, outcome in enumerate(outcomes) if outcome.error}
    assert errors.keys() == {1, 3}
    assert isinstance(errors[1], MalformedImageError)
    assert isinstance(errors[3], StoreError)
    images = sorted(out.iterdir())
    assert len(images) == len(sources) - 2
    trust = VerifyOptions(Trust.from_key(key_files(KeyType.P256)[1]))
    assert all(outcome.verified for outcome in verify_images(images, trust))


def test_dry_run(platform: GetPlatform, signer: GetSigner, sources: list[Path], out: Path) -> None:
    options = SigningOptions(platform("AmazonFreeRTOS-Default"))
    assert all(outcome.signed for outcome in sign_images(sources, out, options, signer(KeyType.P256), dry_run=True))
    assert list(out.iterdir()) == []


def test_target_that_is_an_input(platform: GetPlatform, signer: GetSigner, out: Path) -> None:
    first, second = out / "app", out / "app.signed"
    first.write_bytes(b"first")
    second.write_bytes(b"second")
    options = SigningOptions(platform("AmazonFreeRTOS-Default"))
    outcomes = list(sign_images([first, second], out, options, signer(KeyType.P256)))
    assert isinstance(outcomes[0].error, ConfigError)
    assert outcomes[1].signed
    assert second.read_bytes() == b"second"


def never(outcome: list[SignOutcome]) -> None:
    raise AssertionError(outcome)


def test_refused_as_a_whole(
    platform: GetPlatform, signer: GetSigner, sources: list[Path], out: Path, tmp_path: Path
) -> None:
    options = SigningOptions(platform("AWSIoTDeviceManagement-SHA256-ECDSA"), location=S3Location("bucket", "k", "v"))
    with pytest.raises(ConfigError, match="several objects"):
        never(list(sign_images(sources, out, options, signer(KeyType.P256))))
    with pytest.raises(UnsupportedAlgorithmError):
        never(list(sign_images(sources, out, SigningOptions(options.platform), signer(KeyType.P384))))
    twin = tmp_path / sources[0].name
    twin.write_bytes(b"twin")
    with pytest.raises(ConfigError, match=r"two files are called 0\.bin"):
        never(list(sign_images([*sources, twin], out, SigningOptions(options.platform), signer(KeyType.P256))))
    assert list(out.iterdir()) == []
