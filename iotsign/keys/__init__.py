"""Keys named by URI: what signs, what verifies, and which keys must never be used."""

from iotsign.keys._public import PublicKey
from iotsign.keys._signer import Signer

__all__ = ["PublicKey", "Signer"]
