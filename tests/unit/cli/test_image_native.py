"""`iotsign image` with native containers: options by name, reports, exit codes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from damage import check_every_verb

from iotsign.algorithms import KeyType
from iotsign.cli import run

KeyFiles = Callable[[KeyType], tuple[Path, Path]]


class Bench:
    """A directory with a firmware, and the command line in it."""

    def __init__(self, directory: Path, key_files: KeyFiles, capsys: pytest.CaptureFixture[str]) -> None:
        self.directory, self._key_files, self._capsys = directory, key_files, capsys
        self.firmware = bytes(range(256)) * 9 + b"end"
        (directory / "app.bin").write_bytes(self.firmware)

    def key(self, key_type: KeyType = KeyType.P256) -> str:
        return f"pem:{self._key_files(key_type)[0]}"

    def public(self, key_type: KeyType = KeyType.P256) -> str:
        return str(self._key_files(key_type)[1])

    def run(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        got = run(["image", *arguments])
        captured = self._capsys.readouterr()
        assert got == code, captured.err
        assert "Traceback" not in captured.err
        return captured.out, captured.err

    def output(self) -> tuple[str, str]:
        """What was printed since the last look."""
        captured = self._capsys.readouterr()
        assert "Traceback" not in captured.err
        return captured.out, captured.err

    def json(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        out, err = self.run(*arguments, "--json", code=code)
        value: dict[str, Any] = json.loads(out or err)
        return value

    def sign(self, *more: str, key_type: KeyType = KeyType.P256, out: str = "app.img", code: int = 0) -> str:
        name = {KeyType.P256: "ECDSA-P256", KeyType.ED25519: "Ed25519"}[key_type]
        arguments = ("sign", "app.bin", "-p", f"MCUboot-{name}", "-k", self.key(key_type), "-o", out, *more)
        return self.run(*arguments, code=code)[1]

    def inspect(self, name: str = "app.img") -> dict[str, Any]:
        return self.json("inspect", name)


@pytest.fixture
def bench(
    tmp_path: Path, key_files: KeyFiles, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Bench:
    monkeypatch.chdir(tmp_path)
    return Bench(tmp_path, key_files, capsys)


def test_the_native_container_is_the_default(bench: Bench) -> None:
    said = bench.sign()
    assert "native with mcuboot" in said
    about = bench.inspect()
    assert about["container"] == "mcuboot"
    assert about["header"]["version"] == "0.0.0+0"
    out, _ = bench.run("verify", "app.img", "--key", bench.public(), "-p", "MCUboot-ECDSA-P256")
    assert "trusted" in out
    assert "ECDSASIG made by p256 key" in out


def test_every_option_has_its_effect(bench: Bench) -> None:
    (bench.directory / "blob").write_bytes(b"\x01\x02")
    bench.sign(
        *("--version", "1.2.3+4", "--header-size", "0x200", "--pad-header", "--slot-size", "0x8000", "--confirm"),
        *("--align", "16", "--max-sectors", "32", "--erased-val", "0", "--load-addr", "0x20000000", "--non-bootable"),
        *("--security-counter", "auto", "--dependencies", "(1,1.2.3+4),(2,0.9)", "--custom-tlv", "0xa0", "0x00ff"),
        *("--custom-tlv", "0x1a1", "text", "--custom-tlv-file", "0xa2", "blob", "--boot-record", "SPE"),
        *("--vid", "example.com", "--cid", "gateway", "--public-key-format", "full"),
    )
    about = bench.inspect()
    header = about["header"]
    assert (header["version"], header["hdr_size"], header["load_addr"]) == ("1.2.3+4", 0x200, 0x20000000)
    assert header["flag_names"] == ["NON_BOOTABLE", "RAM_LOAD"]
    assert about["security_counter"] == 0x01020003
    assert about["dependencies"] == [{"image": 1, "version": "1.2.3+4"}, {"image": 2, "version": "0.9.0+0"}]
    custom = {tlv["type"]: tlv["data"] for tlv in about["tlv_area"]["tlvs_prot"] if tlv["type"] >= 0xA0}
    assert custom == {0xA0: "00ff", 0x1A1: b"text".hex(), 0xA2: "0102"}
    assert about["boot_record"]["sw_type"] == "SPE"
    assert about["signatures"][0]["key_format"] == "PUBKEY"
    assert (about["size"], about["trailer"]["swap_type"], about["trailer"]["max_align"]) == (0x8000, "permanent", 16)


def test_options_of_the_other_kind(bench: Bench) -> None:
    padded = ("--max-align", "32", "--test", "--slot-size", "65536", "--overwrite-only")
    bench.sign("--pure", "--rom-fixed", "0x1000", *padded, key_type=KeyType.ED25519)
    about = bench.inspect()
    assert about["pure"] is True
    assert about["header"]["flag_names"] == ["ROM_FIXED"]
    assert about["trailer"]["max_align"] == 32
    bench.sign("--hash", "SHA512", key_type=KeyType.ED25519)
    assert bench.inspect()["digests"][0]["hash"] == "SHA512"
    bench.sign("--pad", "--slot-size", "32768", "--pad-header", "--save-enctlv", "--compression", "lzma2armthumb")
    assert bench.inspect()["header"]["flag_names"] == ["COMPRESSED_LZMA2", "COMPRESSED_ARM_THUMB"]


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--align", "3"), 2, "expected align to be one of 1, 2, 4, 8, 16, 32"),
        (("--version", "x"), 2, "expected a version such as 1.2.3+4"),
        (("--header-size", "x"), 2, "expected a number such as 512 or 0x200"),
        (("--erased-val", "7"), 2, "7"),
        (("--header-size", "64"), 3, "--pad-header"),
        (("--pad",), 2, "slot size"),
        (("--slot-size", "1024"), 3, "fit the slot"),
        (("--minimum-version", "1.0"), 1, "expected version 1.0.0+0 or later"),
        (("--minimum-security-counter", "1"), 1, "expected a security counter"),
        (("--release", "missing"), 5, "missing"),
        (("--encrypt", "missing"), 5, "missing"),
        (("--encrypt", "app.bin"), 4, "expected an RSA-2048, P-256 or X25519 key"),
        (("--custom-tlv-file", "0xa0", "missing"), 5, "missing"),
        (("--custom-tlv", "0x10", "x"), 2, "between 0xXXa0"),
        (("-f", "JSONEmbedded", "--pad-header"), 2, "--pad-header belong to a native container"),
        (("-f", "JSONDetached", "--boot-key", "KEY"), 2, "boot key"),
        (("--pure",), 4, "ed25519"),
    ],
)
def test_what_is_refused(bench: Bench, options: tuple[str, ...], code: int, words: str) -> None:
    given = [bench.key() if option == "KEY" else option for option in options]
    said = bench.sign(*given, code=code)
    assert words in said
    assert not (bench.directory / "app.img").exists()


def test_help_keeps_the_options_apart(bench: Bench) -> None:
    out, _ = bench.run("sign", "--help")
    general, _, native = out.partition("MCUboot options:")
    assert "--security-counter" in native
    assert "--security-counter" not in general
    assert "--boot-key" in general


def test_without_a_key(bench: Bench) -> None:
    # threat 20
    bench.sign()
    out, err = bench.run("verify", "app.img", code=1)
    assert "integrity holds, authenticity not checked" in out
    assert "--integrity-only" in err
    assert bench.json("verify", "app.img", "--integrity-only")["verdict"] == "intact"


def test_a_verdict_as_json(bench: Bench) -> None:
    bench.sign()
    about = bench.json("verify", "app.img", "--key", bench.public())
    assert about["verdict"] == "trusted"
    assert about["container"]["signatures"][0]["key"]["keyType"] == "p256"
    assert all("layer" not in step for step in about["steps"])
    other = bench.json("verify", "app.img", "--key", bench.public(KeyType.ED25519), code=1)
    assert other["error"]["type"] == "KeyMismatchError"
    low = bench.json("verify", "app.img", "--key", bench.public(), "--minimum-version", "1", code=1)
    assert low["error"]["data"]["step"] == 7
    data = (bench.directory / "app.img").read_bytes()
    (bench.directory / "app.img").write_bytes(data[:100])
    assert bench.json("verify", "app.img", "--key", bench.public(), code=3)["verdict"] == "malformed"


def test_several_signatures(bench: Bench) -> None:
    bench.sign()
    said = bench.run("resign", "app.img", "--append", "-k", bench.key(KeyType.ED25519), "-o", "two.img")[1]
    assert "signed with Ed25519" in said
    keys = ("--key", bench.public(KeyType.ED25519), "--key", bench.public())
    about = bench.json("verify", "two.img", *keys, "--require-all")
    assert [found["key"]["keyType"] for found in about["container"]["signatures"]] == ["p256", "ed25519"]
    bench.run("verify", "app.img", *keys)
    bench.run("verify", "app.img", *keys, "--require-all", code=1)


def test_signing_again(bench: Bench) -> None:
    bench.sign(key_type=KeyType.ED25519)
    bench.run("resign", "app.img", "-k", bench.key(), "-p", "MCUboot-ECDSA-P256", "-o", "new.img")
    bench.run("verify", "new.img", "--key", bench.public())
    about = bench.json("resign", "app.img", "-k", bench.key(KeyType.ED25519), "--pure", "-o", "new.img", "-n")
    assert about["container"] == "mcuboot"
    assert about["platformId"] is None
    bench.run("resign", "new.img", "-k", bench.key(KeyType.ED25519), "--hash", "SHA512", "--no-pure", "-o", "app.img")
    assert bench.inspect()["digests"][0]["hash"] == "SHA512"
    bench.run("resign", "app.bin", "-k", bench.key(), "-o", "no.img", code=3)


def test_a_container_in_an_envelope(bench: Bench) -> None:
    envelope = ("-f", "JSONEmbedded", "--boot-key", bench.key(), "--version", "1.2.3")
    bench.sign(*envelope, out="app.signed")
    out, _ = bench.run("verify", "app.signed", "--key", bench.public(), "--boot-key", bench.public())
    assert "mcuboot signature" in out
    about = bench.json("verify", "app.signed", "--key", bench.public())
    assert {step.get("layer") for step in about["steps"]} == {None, "mcuboot"}
    assert "authenticity not checked" in about["warnings"][0]
    assert bench.inspect("app.signed")["payload"]["version"] == "1.2.3+0"
    out, _ = bench.run("inspect", "app.signed")
    assert "payload of app.signed" in out
    bench.run("extract", "app.signed", "--key", bench.public(), "-o", "inner.img")
    bench.run("verify", "inner.img", "--key", bench.public())
    bench.run("resign", "app.signed", "-k", bench.key(KeyType.RSA2048), "-o", "again.signed")
    bench.run("verify", "again.signed", "--key", bench.public(KeyType.RSA2048), "--boot-key", bench.public())


def test_inspection_as_tables(bench: Bench) -> None:
    bench.sign("--security-counter", "5", "--dependencies", "(1,2.0)", "--confirm", "--slot-size", "0x8000")
    out, _ = bench.run("inspect", "app.img")
    for words in ("mcuboot", "SEC_CNT", "KEYHASH", "swap type", "permanent", "no: see image verify"):
        assert words in out


def test_encrypted_images(bench: Bench) -> None:
    (bench.directory / "kek").write_bytes(bytes(range(32)))
    (bench.directory / "kek").chmod(0o600)
    bench.sign("--encrypt", "kek", "--encrypt-keylen", "256", "--compression", "lzma2")
    assert bench.inspect()["encryption"] == "ENCKW"
    key = ("--key", bench.public())
    bench.run("verify", "app.img", *key, code=4)
    bench.run("verify", "app.img", *key, "--decryption-key", "kek")
    said = bench.run("extract", "app.img", *key, "--decryption-key", "kek", "-o", "out.bin")[1]
    assert (bench.directory / "out.bin").read_bytes() == bench.firmware
    assert f"{len(bench.firmware)} bytes of payload" in said
    (bench.directory / "kek").chmod(0o640)
    assert "chmod 600" in bench.run("verify", "app.img", *key, "--decryption-key", "kek", code=4)[1]


def test_a_passphrase_file(bench: Bench) -> None:
    from cryptography.hazmat.primitives.asymmetric import x25519
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
        PublicFormat,
    )

    private = x25519.X25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    for name, content in (("device.pub", public), ("device.pem", pem), ("word", b"secret\n"), ("wrong", b"x\n")):
        (bench.directory / name).write_bytes(content)
        (bench.directory / name).chmod(0o600)
    bench.sign("--encrypt", "device.pub", "--hmac-sha", "512")
    assert bench.inspect()["encryption"] == "ENCX25519_SHA512"
    arguments = ("verify", "app.img", "--key", bench.public(), "--decryption-key", "device.pem")
    bench.run(*arguments, "--decryption-passphrase-file", "word")
    for more in ((), ("--decryption-passphrase-file", "wrong")):
        bench.run(*arguments, *more, code=4)


def test_the_ceremony(bench: Bench) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec, utils
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    options = ("-p", "MCUboot-ECDSA-P256", "--version", "1.2.3", "--boot-record", "SPE")
    digested = bench.json("digest", "app.bin", *options, "--key", bench.public(), "-o", "digest")
    value = (bench.directory / "digest").read_bytes()
    assert digested["digest"] == {"algorithm": "SHA256", "value": value.hex()}
    key = load_pem_private_key(Path(bench.key().removeprefix("pem:")).read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    (bench.directory / "sig").write_bytes(key.sign(value, ec.ECDSA(utils.Prehashed(SHA256()))))
    attach = ("attach", "app.bin", *options, "--signature", "sig", "--key")
    bench.run(*attach, bench.public(), "-o", "app.img")
    bench.run("verify", "app.img", "--key", bench.public())
    bench.run(*attach, bench.public(KeyType.ED25519), "-o", "no.img", code=4)
    assert not (bench.directory / "no.img").exists()
    assert "boot record" in bench.run("digest", "app.bin", *options, "-o", "digest", code=2)[1]


def test_the_ceremony_of_a_pure_image(bench: Bench) -> None:
    arguments = ("digest", "app.bin", "-p", "MCUboot-Ed25519", "--pure", "-o", "message")
    assert bench.json(*arguments)["digest"] is None
    assert "as it is" in bench.run(*arguments)[1]
    assert (bench.directory / "message").read_bytes()[32:] == bench.firmware


def test_a_signature_is_added_offline(bench: Bench) -> None:
    bench.sign(key_type=KeyType.ED25519)
    out, _ = bench.run("digest", "app.img", "-p", "MCUboot-ECDSA-P256", "-o", "digest")
    assert out == ""
    assert len((bench.directory / "digest").read_bytes()) == 32


def wrapping_key(kind: str, directory: Path) -> tuple[str, str]:
    """A key to encrypt for and the key that opens it, as files."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    make: dict[str, Callable[[], ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | x25519.X25519PrivateKey]] = {
        "ENCEC256": lambda: ec.generate_private_key(ec.SECP256R1()),
        "ENCX25519": x25519.X25519PrivateKey.generate,
        "ENCRSA2048": lambda: rsa.generate_private_key(65537, 2048),
    }
    private, public = directory / "wrap.pem", directory / "wrap.pub"
    private.touch(0o600)
    if kind == "ENCKW":
        private.write_bytes(bytes(range(16)))
        return str(private), str(private)
    key = make[kind]()
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return str(public), str(private)


@pytest.mark.parametrize("compression", ["disabled", "lzma2", "lzma2armthumb"])
@pytest.mark.parametrize("kind", ["ENCEC256", "ENCX25519", "ENCRSA2048", "ENCKW"])
def test_encrypted_compressed_and_signed_again(kind: str, compression: str, bench: Bench) -> None:
    public, private = wrapping_key(kind, bench.directory)
    opens = ("--decryption-key", private)
    bench.sign("--version", "1.2.3", "--encrypt", public, "--compression", compression)
    about = bench.inspect()
    assert about["encryption"] == kind
    compressed = compression != "disabled"
    assert bool(about["decompressed_size"]) is compressed
    # a compressed image has room for the inner signature of one key
    two = ("-k", bench.key(KeyType.ED25519), *(() if compressed else ("--append",)), *opens)
    bench.run("resign", "app.img", "--append", *two, "-o", "two.img", code=2 if compressed else 0)
    bench.run("resign", "app.img", *two, "-o", "two.img")
    signers = ["ed25519"] if compressed else ["p256", "ed25519"]
    keys = ("--key", bench.public(KeyType.ED25519), *(() if compressed else ("--key", bench.public())))
    verdict = bench.json("verify", "two.img", *keys, *opens, "--require-all")
    assert [found["key"]["keyType"] for found in verdict["container"]["signatures"]] == signers
    bench.run("extract", "two.img", *keys, *opens, "-o", "out.bin")
    assert (bench.directory / "out.bin").read_bytes().rstrip(b"\0") == bench.firmware.rstrip(b"\0")
    # threat 20: without the key to decrypt there is no verdict
    bench.run("verify", "two.img", *keys, code=4)
    # threat 17
    changed = bytearray((bench.directory / "two.img").read_bytes())
    changed[100] ^= 1
    (bench.directory / "two.img").write_bytes(changed)
    bench.run("verify", "two.img", *keys, *opens, code=1)


def test_the_packer_refuses_what_is_lower_than_the_release(bench: Bench) -> None:
    # threat 21
    bench.sign("--version", "2.0.0", "--security-counter", "5", out="release.img")
    release = ("--release", "release.img")
    bench.sign("--version", "2.0.0", "--security-counter", "5", *release)
    for lower in (("1.9.9", "5"), ("2.0.0", "4"), ("1.0.0", "auto")):
        bench.sign("--version", lower[0], "--security-counter", lower[1], *release, out="no.img", code=1)
    bench.sign("--version", "3", *release, out="no.img", code=1)
    bench.sign("--version", "1.2.3", "--minimum-version", "1.2.4", out="no.img", code=1)
    bench.sign("--security-counter", "3", "--minimum-security-counter", "4", out="no.img", code=1)
    assert not (bench.directory / "no.img").exists()


def test_magics_are_shown_in_hexadecimal(bench: Bench) -> None:
    bench.sign()
    out, _ = bench.run("inspect", "app.img")
    assert "0x96f3b83d" in out
    assert "0x6907" in out
    assert bench.inspect()["header"]["magic"] == 0x96F3B83D


DAMAGED = {
    "plain": ("--security-counter", "7", "--dependencies", "(1,1.0)"),
    "padded": ("--slot-size", "0x4000", "--pad", "--max-sectors", "8"),
    "compressed": ("--compression", "lzma2"),
}


@pytest.mark.parametrize("options", DAMAGED.values(), ids=DAMAGED)
def test_damaged_images(bench: Bench, options: tuple[str, ...]) -> None:
    # threats 15, 20
    bench.sign("--version", "1.2.3", *options)
    check_every_verb(Path("app.img").read_bytes(), bench.key(), bench.public(), bench.output)
