from pathlib import Path

import pytest

from iotsign.app.configuration import DEFAULT, Configuration, load_configuration
from iotsign.errors import ConfigError


class Places:
    """Where the files of a test lie, and its variables."""

    def __init__(self, base: Path) -> None:
        self.project = base / "project"
        self.home = base / "home"
        self.system = base / "etc"
        self.environment = {"HOME": str(self.home)}
        for directory in (self.project, self.home / ".config" / "iotsign", self.system):
            directory.mkdir(parents=True)

    def write(self, place: str, text: str) -> Path:
        file = {
            "project": self.project / "iotsign.toml",
            "user": self.home / ".config" / "iotsign" / "iotsign.toml",
            "system": self.system / "iotsign.toml",
        }[place]
        file.write_text(text)
        return file

    def load(self, **environment: str) -> Configuration:
        return load_configuration(self.environment | environment, directory=self.project, system=self.system)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path)


def test_nothing_is_set(places: Places) -> None:
    assert places.load().settings()[:3] == [
        ("platforms.directories", (), DEFAULT),
        ("signing.platform", None, DEFAULT),
        ("signing.key", None, DEFAULT),
    ]


def test_the_server(places: Places) -> None:
    file = places.write("project", '[server]\ndata = "service"\nport = 443\ntls_key = "tls.key"\n')
    found = places.load(IOTSIGN_SERVER_PORT="8443", IOTSIGN_SERVER_TLS_CERTIFICATE="tls.crt").server
    assert (found.data, found.port, found.region) == (places.project / "service", 8443, "us-east-1")
    assert (found.tls_key, found.tls_certificate) == (file.parent / "tls.key", Path("tls.crt"))
    for port in ("x", "-1", "65536", "\u0663", "0" * 5000):
        with pytest.raises(ConfigError, match="IOTSIGN_SERVER_PORT"):
            places.load(IOTSIGN_SERVER_PORT=port)


def test_each_layer_wins_over_those_below(places: Places) -> None:
    expected = DEFAULT
    for place in ("system", "user", "project"):
        file = places.write(place, f'[signing]\nkey = "pem:{place}.pem"\n')
        assert places.load().signing.key == f"pem:{place}.pem"
        expected = str(file)
        assert places.load().origins["signing.key"] == expected
    configuration = places.load(IOTSIGN_SIGNING_KEY="pem:variable.pem")
    assert configuration.signing.key == "pem:variable.pem"
    assert configuration.origins["signing.key"] == "IOTSIGN_SIGNING_KEY"


def test_settings_of_several_layers_come_together(places: Places) -> None:
    system = places.write("system", '[signing]\nplatform = "MCUboot-Ed25519"\nkey = "pem:a.pem"\n')
    project = places.write("project", '[signing]\nkey = "pem:b.pem"\n[platforms]\ndirectories = ["mine"]\n')
    configuration = places.load()
    assert configuration.settings()[:3] == [
        ("platforms.directories", (places.project / "mine",), str(project)),
        ("signing.platform", "MCUboot-Ed25519", str(system)),
        ("signing.key", "pem:b.pem", str(project)),
    ]
    assert [there for _, there in configuration.files] == [True, False, True]


def test_paths_in_a_file_are_relative_to_it(places: Places) -> None:
    places.write("user", '[platforms]\ndirectories = ["mine", "/opt/all"]\n[signing]\nplatform = "board.toml"\n')
    configuration = places.load()
    base = places.home / ".config" / "iotsign"
    assert configuration.platforms.directories == (base / "mine", Path("/opt/all"))
    assert configuration.signing.platform == str(base / "board.toml")


def test_variables(places: Places) -> None:
    configuration = places.load(IOTSIGN_PLATFORMS_DIRECTORIES="a:/b:", IOTSIGN_SIGNING_PLATFORM="x/y.toml")
    assert configuration.platforms.directories == (Path("a"), Path("/b"))
    assert configuration.signing.platform == "x/y.toml"
    places.write("project", '[signing]\nkey = "pem:a.pem"\n')
    assert places.load(IOTSIGN_SIGNING_KEY="").signing.key == "pem:a.pem"


def test_misspelled_variable(places: Places) -> None:
    with pytest.raises(ConfigError, match="IOTSIGN_SIGNING_KYE: unknown variable") as caught:
        places.load(IOTSIGN_SIGNING_KYE="pem:a.pem")
    assert "IOTSIGN_SIGNING_KEY" in caught.value.data["hint"]
    places.load(IOTSIGN_TRACEBACK="1", IOTSIGN_SOMETHING_ELSE="1")


def test_xdg_directory(places: Places, tmp_path: Path) -> None:
    (tmp_path / "xdg" / "iotsign").mkdir(parents=True)
    (tmp_path / "xdg" / "iotsign" / "iotsign.toml").write_text('[signing]\nkey = "pem:xdg.pem"\n')
    places.write("user", '[signing]\nkey = "pem:home.pem"\n')
    assert places.load(XDG_CONFIG_HOME=str(tmp_path / "xdg")).signing.key == "pem:xdg.pem"
    assert places.load(XDG_CONFIG_HOME="xdg").signing.key == "pem:home.pem"
    assert load_configuration({}, directory=places.project, system=places.system).signing.key is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[signing]\nkeys = 'pem:a.pem'\n", "signing.keys: unknown key"),
        ("[sining]\n", "sining: unknown key"),
        ("signing = 1\n", "signing: expected table, got integer"),
        ("[signing]\nkey = 1\n", "signing.key: expected string, got integer"),
        ("[platforms]\ndirectories = 'x'\n", "platforms.directories: expected array, got string"),
        ("[signing\n", "expected TOML"),
    ],
)
@pytest.mark.parametrize("place", ["project", "user", "system"])
def test_wrong_file_is_named_with_its_key(places: Places, place: str, text: str, problem: str) -> None:
    file = places.write(place, text)
    with pytest.raises(ConfigError, match=problem) as caught:
        places.load()
    assert caught.value.message.startswith(str(file))


def test_files_that_cannot_be_read(places: Places) -> None:
    (places.project / "iotsign.toml").mkdir()
    with pytest.raises(ConfigError, match="Is a directory"):
        places.load()
    (places.project / "iotsign.toml").rmdir()
    (places.project / "iotsign.toml").symlink_to("iotsign.toml")
    with pytest.raises(ConfigError, match="Too many levels of symbolic links"):
        places.load()


def test_a_file_in_the_way_of_a_directory_is_no_file(places: Places, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert places.load(XDG_CONFIG_HOME=str(tmp_path / "file")).files[1] == (
        tmp_path / "file" / "iotsign" / "iotsign.toml",
        False,
    )


def test_registry_of_the_configured_directories(places: Places) -> None:
    assert "MCUboot-Ed25519" in places.load().registry().platform_ids
    with pytest.raises(ConfigError, match="platform directory cannot be read"):
        places.load(IOTSIGN_PLATFORMS_DIRECTORIES=str(places.project / "none")).registry()
