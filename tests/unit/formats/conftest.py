"""A signing service's chain, for the formats that only such a service signs."""

from collections.abc import Callable
from pathlib import Path

import pytest
from issuing_chain import IssuingChain

from iotsign.algorithms import KeyType
from iotsign.keys import Signer, open_signer


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory) -> IssuingChain:
    return IssuingChain.make(tmp_path_factory.mktemp("chain"))


@pytest.fixture(scope="session")
def p256_signer(key_files: Callable[[KeyType], tuple[Path, Path]]) -> Signer:
    return open_signer(f"pem:{key_files(KeyType.P256)[0]}")
