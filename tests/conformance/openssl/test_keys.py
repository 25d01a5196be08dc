"""The openssl command and ours: each opens the other's keys and verifies the other's signatures and chains."""

import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from iotsign.algorithms import SIGNATURE_ALGORITHMS, HashAlgorithm, KeyType, SignatureAlgorithm, SignatureEncoding
from iotsign.errors import CertificateError, KeyRejectedError, SignatureMismatchError
from iotsign.keys import (
    PublicKey,
    TrustStore,
    certify_with,
    check_signing_certificate,
    generate_key,
    load_certificate,
    load_public_key,
    open_signer,
    write_key_file,
)
from iotsign.keys._der import decode_ecdsa_signature

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command")

Openssl = Callable[..., bytes]
MESSAGE = b"firmware" * 1000
PASSPHRASE = b"correct horse"
MAKE = {
    KeyType.P256: ("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"),
    KeyType.P384: ("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"),
    KeyType.RSA2048: ("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"),
    KeyType.ED25519: ("genpkey", "-algorithm", "ED25519"),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("openssl")


@pytest.fixture(scope="module")
def openssl(home: Path) -> Openssl:
    """Run openssl; what it writes only we read."""

    def run(*arguments: str | Path, input_: bytes = b"") -> bytes:
        command = ["openssl", *map(str, arguments)]
        done = subprocess.run(command, input=input_, capture_output=True, cwd=home, umask=0o077, timeout=60)
        if done.returncode:
            raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
        return done.stdout

    return run


@pytest.fixture(scope="module")
def theirs(openssl: Openssl, home: Path, key_files: Callable[[KeyType], tuple[Path, Path]]) -> dict[KeyType, Path]:
    """A private key of every type, made by openssl; the large RSA keys take it too long."""
    for key_type, command in MAKE.items():
        openssl(*command, "-out", f"{key_type.value}.pem")
    large = {key_type: key_files(key_type)[0] for key_type in (KeyType.RSA3072, KeyType.RSA4096)}
    return large | {key_type: home / f"{key_type.value}.pem" for key_type in MAKE}


PAIRS = [
    (key_type, algorithm)
    for key_type in KeyType
    for algorithm in SIGNATURE_ALGORITHMS
    if algorithm.encryption is key_type.encryption and algorithm.encoding is not SignatureEncoding.RAW
    if key_type not in (KeyType.RSA3072, KeyType.RSA4096) or algorithm.hash is HashAlgorithm.SHA256
]
PAIRS += [(KeyType.ED25519, algorithm) for algorithm in SIGNATURE_ALGORITHMS if algorithm.hash is None]


def options(algorithm: SignatureAlgorithm) -> list[str]:
    if algorithm.hash is None:
        return ["-rawin"]
    digest = ["-rawin", "-digest", algorithm.hash.value]
    if algorithm.encoding is SignatureEncoding.PSS:
        salt = f"rsa_pss_saltlen:{algorithm.salt_size}"
        return [*digest, "-pkeyopt", "rsa_padding_mode:pss", "-pkeyopt", salt]
    return digest


@pytest.mark.parametrize(("key_type", "algorithm"), PAIRS, ids=lambda value: value.name)
def test_signatures_both_ways(
    openssl: Openssl, theirs: dict[KeyType, Path], home: Path, key_type: KeyType, algorithm: SignatureAlgorithm
) -> None:
    signer = open_signer(f"pem:{theirs[key_type]}")
    (home / "message").write_bytes(MESSAGE)
    (home / "public.pem").write_bytes(signer.public_key.to_pem())
    (home / "signature").write_bytes(signer.sign(MESSAGE, algorithm))
    verify = ["pkeyutl", "-verify", "-pubin", "-inkey", "public.pem", "-in", "message", *options(algorithm)]
    openssl(*verify, "-sigfile", "signature")
    sign = ["pkeyutl", "-sign", "-inkey", theirs[key_type], "-in", "message", *options(algorithm)]
    signature = openssl(*sign)
    signer.public_key.verify(MESSAGE, signature, algorithm)
    with pytest.raises(SignatureMismatchError):
        signer.public_key.verify(MESSAGE + b"\0", signature, algorithm)
    (home / "message").write_bytes(MESSAGE + b"\0")
    with pytest.raises(subprocess.CalledProcessError):
        openssl(*verify, "-sigfile", "signature")


@pytest.mark.parametrize("key_type", [KeyType.P256, KeyType.P384])
def test_raw_signatures_are_their_numbers(theirs: dict[KeyType, Path], key_type: KeyType) -> None:
    signer, size = open_signer(f"pem:{theirs[key_type]}"), 32 if key_type is KeyType.P256 else 48
    algorithms = {algorithm.name: algorithm for algorithm in SIGNATURE_ALGORITHMS}
    der = signer.sign(MESSAGE, algorithms["SHA256withECDSA"])
    raw = signer.sign(MESSAGE, algorithms["SHA256withECDSAinP1363Format"])
    assert raw == b"".join(number.to_bytes(size, "big") for number in decode_ecdsa_signature(der, key_type))


# (command that rewrites key.pem, whether it encrypts); {} is the key file
FORMS = {
    "traditional": (("{kind}", "-in", "{}"), False),
    "traditional DER": (("{kind}", "-in", "{}", "-outform", "DER"), False),
    "traditional AES-256": (("{kind}", "-in", "{}", "-aes256", "-passout", "file:passphrase"), True),
    "traditional AES-128": (("{kind}", "-in", "{}", "-aes128", "-passout", "file:passphrase"), True),
    "traditional 3DES": (("{kind}", "-in", "{}", "-des3", "-passout", "file:passphrase"), True),
    "PKCS#8": (("pkcs8", "-topk8", "-nocrypt", "-in", "{}"), False),
    "PKCS#8 DER": (("pkcs8", "-topk8", "-nocrypt", "-in", "{}", "-outform", "DER"), False),
    "PBES2": (("pkcs8", "-topk8", "-in", "{}", "-passout", "file:passphrase"), True),
    "PBES2 DER": (("pkcs8", "-topk8", "-in", "{}", "-outform", "DER", "-passout", "file:passphrase"), True),
    "PBES2 AES-128": (("pkcs8", "-topk8", "-in", "{}", "-v2", "aes-128-cbc", "-passout", "file:passphrase"), True),
    "PBES2 scrypt": (("pkcs8", "-topk8", "-in", "{}", "-scrypt", "-passout", "file:passphrase"), True),
    "PBES1 3DES": (("pkcs8", "-topk8", "-in", "{}", "-v1", "PBE-SHA1-3DES", "-passout", "file:passphrase"), True),
}


@pytest.mark.parametrize(
    ("key_type", "form"),
    [
        (key_type, form)
        for key_type in MAKE
        for form in FORMS
        if key_type is not KeyType.ED25519 or not form.startswith("traditional")
    ],
)
def test_every_form_openssl_writes(
    openssl: Openssl, theirs: dict[KeyType, Path], home: Path, key_type: KeyType, form: str
) -> None:
    command, encrypts = FORMS[form]
    kind = ["rsa", "-traditional"] if key_type is KeyType.RSA2048 else ["ec"]
    words = [word.replace("{}", theirs[key_type].name) for word in command[1:]]
    first = kind if command[0] == "{kind}" else [command[0]]
    (home / "passphrase").write_bytes(PASSPHRASE + b"\n")
    openssl(*first, *words, "-out", "form.key")
    signer = open_signer(f"pem:{home / 'form.key'}", passphrase=lambda: PASSPHRASE)
    assert signer.public_key == open_signer(f"pem:{theirs[key_type]}").public_key
    if encrypts:
        assert b"PRIVATE" not in (home / "form.key").read_bytes() or b"ENCRYPTED" in (home / "form.key").read_bytes()


def test_old_style_ec_keys_with_their_parameters(openssl: Openssl, home: Path) -> None:
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-out", "params.pem")
    assert (home / "params.pem").read_text().startswith("-----BEGIN EC PARAMETERS-----")
    assert open_signer(f"pem:{home / 'params.pem'}").public_key.key_type is KeyType.P256


@pytest.mark.parametrize("key_type", list(KeyType))
def test_public_keys_both_ways(openssl: Openssl, theirs: dict[KeyType, Path], home: Path, key_type: KeyType) -> None:
    key = open_signer(f"pem:{theirs[key_type]}").public_key
    for arguments in (["-outform", "PEM"], ["-outform", "DER"]):
        openssl("pkey", "-in", theirs[key_type], "-pubout", *arguments, "-out", "pub")
        assert load_public_key(home / "pub") == key
    assert openssl("pkey", "-pubin", "-outform", "DER", input_=key.to_pem()) == key.spki_der
    if key_type in (KeyType.P256, KeyType.P384):
        openssl("ec", "-in", theirs[key_type], "-pubout", "-conv_form", "compressed", "-out", "compressed.pem")
        assert load_public_key(home / "compressed.pem") == key
    elif key_type is not KeyType.ED25519:
        openssl("rsa", "-in", theirs[key_type], "-RSAPublicKey_out", "-out", "pkcs1.pem")
        assert load_public_key(home / "pkcs1.pem") == key


@pytest.mark.parametrize("key_type", [KeyType.P256, KeyType.P384, KeyType.RSA2048, KeyType.ED25519])
@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_openssl_opens_our_keys(openssl: Openssl, home: Path, key_type: KeyType, passphrase: bytes | None) -> None:
    (home / "passphrase").write_bytes(PASSPHRASE + b"\n")
    write_key_file(home / "ours.pem", generate_key(key_type, passphrase=passphrase), force=True)
    spki = openssl("pkey", "-in", "ours.pem", "-passin", "file:passphrase", "-pubout", "-outform", "DER")
    assert PublicKey(spki).key_type is key_type
    openssl("pkey", "-in", "ours.pem", "-passin", "file:passphrase", "-check", "-noout")


def test_explicit_parameters_are_refused_everywhere(openssl: Openssl, home: Path) -> None:
    # threat 8
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-param_enc", "explicit", "-out", "explicit.pem")
    openssl("pkcs8", "-topk8", "-nocrypt", "-in", "explicit.pem", "-out", "explicit.p8")
    openssl("ec", "-in", "explicit.pem", "-pubout", "-out", "explicit.pub")
    openssl("req", "-x509", "-new", "-key", "explicit.pem", "-subj", "/CN=x", "-out", "explicit.crt")
    for call, name in (
        (lambda path: open_signer(f"pem:{path}"), "explicit.pem"),
        (lambda path: open_signer(f"pem:{path}"), "explicit.p8"),
        (load_public_key, "explicit.pub"),
        (load_public_key, "explicit.crt"),
    ):
        with pytest.raises(KeyRejectedError) as caught:
            call(home / name)
        assert caught.value.code == "ExplicitCurveParameters"


@pytest.mark.parametrize("key_type", [KeyType.P256, KeyType.P384, KeyType.RSA2048, KeyType.ED25519])
def test_openssl_verifies_our_chain(
    openssl: Openssl, theirs: dict[KeyType, Path], tmp_path: Path, key_type: KeyType
) -> None:
    signer = open_signer(f"pem:{theirs[key_type]}")
    issued = certify_with(tmp_path / "ca", signer.public_key, subject="CN=Release", days=30)
    chain = ["-x509_strict", "-CAfile", tmp_path / "ca/root.pem", "-untrusted", tmp_path / "ca/intermediate.pem"]
    openssl("verify", *chain, issued.files[-1])
    text = openssl("x509", "-in", issued.files[-1], "-noout", "-text").decode()
    assert "Digital Signature" in text
    assert "Code Signing" in text
    later = int((datetime.now(UTC) + timedelta(days=31)).timestamp())
    with pytest.raises(subprocess.CalledProcessError):
        openssl("verify", *chain, "-attime", str(later), issued.files[-1])


EXTENSIONS = """
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
[signer]
keyUsage = critical, digitalSignature
extendedKeyUsage = codeSigning
"""


def test_their_chains(openssl: Openssl, home: Path, tmp_path: Path) -> None:
    (home / "extensions").write_text(EXTENSIONS)
    for name in ("root", "ca", "signer"):
        openssl(
            "req",
            "-new",
            "-newkey",
            "ed25519",
            "-nodes",
            "-keyout",
            f"{name}.key",
            "-subj",
            f"/CN={name}",
            "-out",
            f"{name}.csr",
        )
    issue = ["x509", "-req", "-days", "30", "-extfile", "extensions"]
    openssl(*issue, "-in", "root.csr", "-signkey", "root.key", "-extensions", "ca", "-out", tmp_path / "root.pem")
    by_root = ["-CA", tmp_path / "root.pem", "-CAkey", "root.key", "-CAcreateserial"]
    openssl(*issue, "-in", "ca.csr", *by_root, "-extensions", "ca", "-out", tmp_path / "ca.pem")
    by_ca = ["-CA", tmp_path / "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"]
    openssl(*issue, "-in", "signer.csr", *by_ca, "-extensions", "signer", "-out", tmp_path / "signer.pem")
    trust = TrustStore(tmp_path)
    assert len(trust.verify_chain(trust.signers[0]).certificates) == 3
    # AWS's instructions for a code-signing certificate lead to a self-signed one without basic constraints
    openssl(*issue, "-in", "signer.csr", "-signkey", "signer.key", "-extensions", "signer", "-out", "self.pem")
    check_signing_certificate(load_certificate(home / "self.pem"))


def test_what_only_openssl_makes_is_refused(openssl: Openssl, home: Path, tmp_path: Path) -> None:
    # threat 7: SHA-1 under a certificate; and certificates without extensions
    (home / "extensions").write_text(EXTENSIONS)
    for name in ("root", "signer"):
        openssl(
            "req",
            "-new",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            f"{name}.key",
            "-subj",
            f"/CN={name}",
            "-out",
            f"{name}.csr",
        )
    issue = ["x509", "-req", "-days", "30"]
    openssl(
        *issue,
        "-in",
        "root.csr",
        "-signkey",
        "root.key",
        "-extfile",
        "extensions",
        "-extensions",
        "ca",
        "-out",
        tmp_path / "root.pem",
    )
    by_root = ["-in", "signer.csr", "-CA", tmp_path / "root.pem", "-CAkey", "root.key", "-CAcreateserial"]
    extended = ["-extfile", "extensions", "-extensions", "signer"]
    for extra, code in ((["-sha1", *extended], "WeakCertificateHash"), ([], "CertificateVersion"), (extended, None)):
        openssl(*issue, *by_root, *extra, "-out", tmp_path / "signer.pem")
        trust = TrustStore(tmp_path)
        if code is None:
            trust.verify_chain(trust.signers[0])
            continue
        with pytest.raises(CertificateError) as caught:
            trust.verify_chain(trust.signers[0])
        assert caught.value.code == code
