"""The core on this machine, and keys and images for it."""

import pytest
from core_images import Core, ImageMaker, PrivateKey, make_keys, missing_tool, spki_of


@pytest.fixture(scope="session", params=["gcc", "clang"])
def core(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Core:
    """The core, by gcc and by clang with sanitizers; built once for all workers of this run."""
    if tool := missing_tool(request.param):
        pytest.skip(f"{tool} is not installed")
    base = tmp_path_factory.getbasetemp()
    return Core(request.param, base if worker_id == "master" else base.parent)


@pytest.fixture(scope="session")
def signing_keys() -> dict[str, PrivateKey]:
    """One key of each kind."""
    return make_keys()


@pytest.fixture(scope="session")
def maker(signing_keys: dict[str, PrivateKey]) -> ImageMaker:
    """Builds images."""
    return ImageMaker(signing_keys)


@pytest.fixture(scope="session")
def spki(signing_keys: dict[str, PrivateKey]) -> dict[str, bytes]:
    """The public keys in SubjectPublicKeyInfo."""
    return {name: spki_of(key) for name, key in signing_keys.items()}
