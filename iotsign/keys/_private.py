"""Private keys in files: the ``pem:`` signer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, utils

from iotsign.algorithms import SignatureAlgorithm, SignatureEncoding
from iotsign.errors import (
    KeyRejectedError,
    KeyUnavailableError,
    MissingDependencyError,
    SignatureMismatchError,
    UnsupportedAlgorithmError,
)
from iotsign.keys._der import decode_ecdsa_signature
from iotsign.keys._files import PRIVATE_LABELS, KeyFile, PemBlock, read_key_file
from iotsign.keys._public import (
    OPENSSL_HASHES,
    PublicKey,
    check_algorithm,
    check_digest,
    has_explicit_parameters,
    hash_message,
    rsa_padding,
    spki,
)
from iotsign.keys._secret import Secret
from iotsign.keys._weaknesses import Weakness, find_weaknesses

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

Passphrase = Callable[[], bytes]
OpensslPrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


class PemSigner:
    """A private key from a PEM or DER file; OpenSSL does the signing.

    Attributes:
        uri: ``pem:PATH``.
        public_key: The public half.
        weaknesses: Why this key should not sign; empty unless the caller allowed an insecure key.
    """

    __slots__ = ("_key", "public_key", "uri", "weaknesses")

    def __init__(
        self, uri: str, key: OpensslPrivateKey, public_key: PublicKey, weaknesses: tuple[Weakness, ...]
    ) -> None:
        self.uri = uri
        self.public_key = public_key
        self.weaknesses = weaknesses
        self._key = key

    def __repr__(self) -> str:
        return f"PemSigner({self.uri!r}, {self.public_key.key_type.value})"

    def sign(self, message: bytes | bytearray | memoryview, algorithm: SignatureAlgorithm) -> bytes:
        """Sign a whole message, and verify the signature before it is returned.

        Raises:
            UnsupportedAlgorithmError: The key cannot sign that way.
            KeyRejectedError: The private key does not fit its own public half.
        """
        self._check_family(algorithm)
        if not isinstance(self._key, ed25519.Ed25519PrivateKey):
            return self.sign_digest(hash_message(message, algorithm), algorithm)
        with self._must_verify():
            signature = self._key.sign(message)
            self.public_key.verify(message, signature, algorithm)
            return signature

    def sign_digest(self, digest: bytes, algorithm: SignatureAlgorithm) -> bytes:
        """Sign a digest of exactly ``algorithm.hash.digest_size`` bytes, and verify the signature first.

        ECDSA takes its nonce from the key and the digest (RFC 6979 §3.2): the same input gives the same bytes.

        Raises:
            UnsupportedAlgorithmError: The key cannot sign that way; Ed25519 signs whole messages only.
            MalformedImageError: The digest has a wrong length.
            KeyRejectedError: The private key does not fit its own public half.
        """
        self._check_family(algorithm)
        openssl_hash = utils.Prehashed(OPENSSL_HASHES[check_digest(digest, algorithm)])
        signature = b""
        if isinstance(self._key, ec.EllipticCurvePrivateKey):
            signature = _sign_deterministically(self._key, digest, openssl_hash)
            if algorithm.encoding is SignatureEncoding.RAW:
                size = self._key.key_size // 8
                r, s = decode_ecdsa_signature(signature, self.public_key.key_type)
                signature = r.to_bytes(size, "big") + s.to_bytes(size, "big")
        elif isinstance(self._key, rsa.RSAPrivateKey):
            signature = self._key.sign(digest, rsa_padding(algorithm), openssl_hash)
        with self._must_verify():
            self.public_key.verify_own(digest, signature, algorithm)
            return signature

    def _check_family(self, algorithm: SignatureAlgorithm) -> None:
        check_algorithm(algorithm)
        key_type = self.public_key.key_type
        if algorithm.encryption is not key_type.encryption:
            message = (
                f"{algorithm.name} needs another key family: {algorithm.encryption.value}; this key is {key_type.value}"
            )
            raise UnsupportedAlgorithmError("KeyFamilyMismatch", message, key_type=key_type.value)

    @contextmanager
    def _must_verify(self) -> Iterator[None]:
        """A signature that does not verify stays inside: computed from a damaged key it can reveal the key."""
        try:
            yield
        except SignatureMismatchError:
            message = f"the private key in {self.uri} does not fit the public key stored with it"
            raise KeyRejectedError("InconsistentKey", message) from None


def open_pem_signer(path: str, passphrase: Passphrase | None, *, allow_insecure: bool) -> PemSigner:
    """Load a private key from a PEM (PKCS#8, SEC1, PKCS#1; encrypted or not) or DER file; ``-`` is standard input.

    Raises:
        KeyUnavailableError: The file is unreadable or no private key, or the passphrase is missing or wrong.
        KeyRejectedError: The key must not sign: readable by others, weak, publicly known.
        UnsupportedAlgorithmError: A key type that iotsign does not sign with.
    """
    signer = parse_signer(read_key_file(path), path, passphrase)
    if signer.weaknesses and not allow_insecure:
        reasons = "; ".join(weakness.message for weakness in signer.weaknesses)
        raise KeyRejectedError(signer.weaknesses[0].code, f"the key in {path!r} must not sign: {reasons}", path=path)
    return signer


def parse_signer(file: KeyFile, path: str, passphrase: Passphrase | None) -> PemSigner:
    """Make a signer of what a key file held, whatever its weaknesses.

    Raises:
        KeyUnavailableError: There is no private key, or the passphrase is missing or wrong.
        KeyRejectedError: The key spells out its curve, or has under 2048 bits.
        UnsupportedAlgorithmError: A key type that iotsign does not sign with.
    """
    key = load_private_key(file, path, passphrase)
    public_key = PublicKey(spki(key.public_key()))
    weaknesses = find_weaknesses(public_key)
    if file.open_to_others:
        message = f"{path!r} is open to group or others (mode bits {file.open_to_others:#05o}); run: chmod 600 {path!r}"
        weaknesses = (Weakness("KeyFileOpenToOthers", message), *weaknesses)
    return PemSigner(f"pem:{path}", cast("OpensslPrivateKey", key), public_key, weaknesses)


def _sign_deterministically(key: ec.EllipticCurvePrivateKey, digest: bytes, openssl_hash: utils.Prehashed) -> bytes:
    try:
        return key.sign(digest, ec.ECDSA(openssl_hash, deterministic_signing=True))
    except UnsupportedAlgorithm:
        message = "deterministic ECDSA (RFC 6979) needs a cryptography package built with OpenSSL 3.2 or later"
        raise MissingDependencyError("NoDeterministicEcdsa", message) from None


def load_private_key(file: KeyFile, name: str, passphrase: Passphrase | None) -> "PrivateKeyTypes":
    """Load the one private key that a key file held.

    Raises:
        KeyUnavailableError: There is no private key, or the passphrase is missing or wrong.
        KeyRejectedError: The key spells out its curve.
    """
    block = _private_block(file, name)
    if block.der is not None and has_explicit_parameters(block.der.value):
        message = f"expected a named curve in {name!r}, got explicit curve parameters"
        raise KeyRejectedError("ExplicitCurveParameters", message)
    try:
        return _load(block, None)
    except TypeError:  # encrypted
        pass
    except (ValueError, UnsupportedAlgorithm):
        message = f"expected a private key in {name!r}, got a damaged or unsupported one"
        raise KeyUnavailableError("InvalidPrivateKey", message) from None
    secret = Secret(b"" if passphrase is None else passphrase())
    if not secret.value:
        message = f"the key in {name!r} is encrypted; expected a passphrase, got none"
        raise KeyUnavailableError("PassphraseNeeded", message)
    try:
        return _load(block, secret.value)
    except (ValueError, UnsupportedAlgorithm):
        message = f"cannot decrypt the key in {name!r}: a wrong passphrase, or an encryption that is not supported"
        raise KeyUnavailableError("WrongPassphrase", message) from None


def _load(block: PemBlock, secret: bytes | None) -> "PrivateKeyTypes":
    """Load a private key whose numbers belong together.

    OpenSSL would also test RSA's factors for being prime, which takes longer than signing. A key with factors that are
    not makes no signature that verifies, and none leaves without that.

    Raises:
        ValueError: The key is damaged.
        TypeError: It is encrypted and there is no secret.
        UnsupportedAlgorithm: OpenSSL does not know its type.
    """
    load = serialization.load_der_private_key if block.label is None else serialization.load_pem_private_key
    key = load(block.text.value, secret, unsafe_skip_rsa_key_validation=True)
    if isinstance(key, rsa.RSAPrivateKey):
        _check_rsa(key.private_numbers())
    return key


def _check_rsa(key: rsa.RSAPrivateNumbers) -> None:
    """Check that the numbers of an RSA key belong together. Source: RFC 8017 §3.2.

    Raises:
        ValueError: They do not.
    """
    n, e = key.public_numbers.n, key.public_numbers.e
    factors = ((key.p, key.dmp1), (key.q, key.dmq1))
    sound = min(key.p, key.q) > 1 and key.p * key.q == n and key.iqmp < key.p and key.iqmp * key.q % key.p == 1
    if not sound or any(key.d % (factor - 1) != part or e * part % (factor - 1) != 1 for factor, part in factors):
        raise ValueError("the numbers of the RSA key do not belong together")


def _private_block(file: KeyFile, name: str) -> PemBlock:
    blocks = file.blocks()
    private = [block for block in blocks if block.label in PRIVATE_LABELS]
    if len(private) == 1:
        return private[0]
    got = ", ".join(block.label or "DER" for block in blocks) or "neither PEM nor DER"
    message = f"expected one private key (PKCS#8, SEC1 or PKCS#1) in {name!r}, got {got}"
    raise KeyUnavailableError("NotAPrivateKey", message)
