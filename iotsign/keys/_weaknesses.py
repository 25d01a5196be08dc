"""Keys that must not sign, although the mathematics would work.

Source: NIST SP 800-56B rev. 2 §6.2.1 and FIPS 186-5 §A.1.1 (distance of the primes); Nemec et al., "The
Return of Coppersmith's Attack", CCS 2017 §2.2 (ROCA: the primes are powers of 65537 modulo a product of small primes).
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from iotsign.keys._known_keys import KNOWN_TEST_KEYS
from iotsign.keys._public import PublicKey

_FERMAT_STEPS: Final = 128
_SMALL_PRIME_LIMIT: Final = 1 << 14
_ROCA_PRIME_LIMIT: Final = 168  # 3 … 167: the primes whose product every affected library version uses
_ROCA_GENERATOR: Final = 65537


@dataclass(frozen=True, slots=True)
class Weakness:
    """One reason not to sign with a key.

    Attributes:
        code: A stable CamelCase word.
        message: The reason, for people.
    """

    code: str
    message: str


@lru_cache(maxsize=64)
def find_weaknesses(key: PublicKey) -> tuple[Weakness, ...]:
    """List why a key must not sign; a verifier names these as warnings.

    Returns:
        Nothing for a sound key. An RSA key under 2048 bits or with an even or small exponent, and explicit curve
        parameters, never become a `PublicKey`.
    """
    found = []
    origin = KNOWN_TEST_KEYS.get(key.fingerprint.hex())
    if origin is not None:
        found.append(Weakness("PublicTestKey", f"its private half is public: {origin}"))
    if key.modulus_and_exponent is not None:
        found.extend(_rsa_weaknesses(key.modulus_and_exponent[0]))
    return tuple(found)


def _rsa_weaknesses(n: int) -> list[Weakness]:
    found = []
    factor = math.gcd(n, math.prod(_primes_below(_SMALL_PRIME_LIMIT)))
    if factor > 1:
        found.append(Weakness("SmallRsaFactor", f"its modulus is divisible by primes below {_SMALL_PRIME_LIMIT}"))
    if _has_close_primes(n):
        found.append(
            Weakness("CloseRsaPrimes", "its modulus was factored by Fermat's method: the primes are too close")
        )
    if _is_roca(n):
        found.append(
            Weakness("RocaKey", "its modulus has the structure of a vulnerable generator (ROCA, CVE-2017-15361)")
        )
    return found


def _primes_below(limit: int) -> list[int]:
    sieve = bytearray([1]) * limit
    for number in range(2, math.isqrt(limit) + 1):
        if sieve[number]:
            sieve[number * number :: number] = bytes(len(range(number * number, limit, number)))
    return [number for number in range(2, limit) if sieve[number]]


def _has_close_primes(n: int) -> bool:
    a = math.isqrt(n - 1) + 1
    return any(math.isqrt(square := step * step - n) ** 2 == square for step in range(a, a + _FERMAT_STEPS))


def _is_roca(n: int) -> bool:
    for prime in _primes_below(_ROCA_PRIME_LIMIT)[1:]:
        power, powers = 1, set()
        while power not in powers:
            powers.add(power)
            power = power * _ROCA_GENERATOR % prime
        if n % prime not in powers:
            return False
    return True
