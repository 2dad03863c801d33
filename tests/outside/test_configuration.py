"""A wrong configuration ends in one line that names the key and the remedy, exit code 2, no traceback."""

import os
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from calsync.cli import main
from calsync.config import Settings, load
from calsync.sandbox.stage import Stage, free_port

EXAMPLE = Path(__file__).parents[2] / "config" / "calsync.example.toml"


@pytest.fixture
def calsync(tmp_path, capsys, monkeypatch):
    """Return a function that runs a command in this process with a configuration: code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "calsync.toml"

    def run(text, *arguments):
        if text is not None:
            file.write_text(text)
        with pytest.raises(SystemExit) as ended:
            main(["--config", str(file), *arguments])
        shown = capsys.readouterr()
        return ended.value.code, shown.out, shown.err

    assert run(None, "init")[0] == 0
    return run


def complains(answer, *words):
    """Check one line on stderr, nothing on stdout, exit code 2."""
    code, out, err = answer
    assert code == 2, err
    assert out == ""
    assert len(err.strip().splitlines()) == 1, err
    for word in words:
        assert word in err
    assert "Traceback" not in err
    return True


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[sync]\npol_seconds = 3", ["sync.pol_seconds", "did you mean sync.poll_seconds?"]),
        ("[crm]\nbackned = 'builtin'", ["crm.backned", "did you mean crm.backend?"]),
        ("[google]\nclient_secret = 'x'", ["google.client_secret", "google.client_secret_file?"]),
        ("[snc]\npoll_seconds = 3", ["snc: unknown key", "did you mean sync?"]),
        ("poll_seconds = 3", ["poll_seconds: unknown key", "sections are"]),
        ("path = 'x'", ["path: unknown key"]),
        ("sync = 3", ["sync: must be a section", "[sync]"]),
        ("[sync\n", ["not valid TOML", "line 1"]),
        ("[sync]\npoll_seconds = 'x'", ["sync.poll_seconds", "a number", "default is 300"]),
        ("[sync]\npoll_seconds = 1", ["sync.poll_seconds", "at least 2"]),
        ("[sync]\npoll_seconds = inf", ["sync.poll_seconds", "finite"]),
        ("[sync]\npast_days = 1.5", ["sync.past_days", "whole number"]),
        ("[sync]\nfuture_days = 99999", ["sync.future_days", "at most"]),
        ("[sync]\ndirection = 'up'", ["sync.direction", "'both'", "'to_crm'", "'to_google'"]),
        ("[sync]\nconflict = 3", ["sync.conflict", "'merge'"]),
        ("[sync]\nguests = 'ask'", ["sync.guests", "'keep'", "'write'"]),
        ("[sync]\npush = 'mine'", ["sync.push", "list"]),
        ("[sync]\npush = ['everyone']", ["sync.push", "'everyone'", "mine, invited, team"]),
        ("[sync]\npush = ['team:half']", ["sync.push", ":busy"]),
        (
            "[sync]\nguests = 'write'\npush = ['mine', 'invited:busy']",
            ["sync: with guests", '"invited:busy"', '"keep"'],
        ),
        ("[sync]\npush_types = 'Meeting'", ["sync.push_types", "list"]),
        ("[sync]\npush_categories = ['a', 'A:busy']", ["sync.push_categories", "'a' twice"]),
        ("[sync]\ndelete_brake = 3", ["sync.delete_brake", "{ count = 10, share = 0.05 }"]),
        ("[sync]\ndelete_brake = { cont = 3 }", ["sync.delete_brake.cont", "sync.delete_brake.count?"]),
        ("[sync]\ndelete_brake = { share = 2 }", ["sync.delete_brake.share", "at most 1"]),
        ("[daemon]\nworkers = 0", ["daemon.workers", "at least 1"]),
        ("[web]\nlisten = '8410'", ["web.listen", "HOST:PORT"]),
        ("[web]\nlisten = '127.0.0.1:99999'", ["web.listen", "HOST:PORT"]),
        ("[web]\nlisten = 8410", ["web.listen", "text in quotes"]),
        ("[web]\npublic_url = 'http://calsync.example.com'", ["web.public_url", "https outside loopback"]),
        ("[web]\npublic_url = 'calsync.example.com'", ["web.public_url", "https://"]),
        ("[web]\npublic_url = 'https://x.example/calsync'", ["web.public_url", "host and port only"]),
        ("[web]\npublic_url = 'https://x.example:port'", ["web.public_url", "https://"]),
        ("[google]\ntoken_uri = 'http://x.example/'", ["google.token_uri", "https outside loopback"]),
        ("[google]\napi_root = 'x'", ["google.api_root", "https://"]),
        ("[crm]\nbackend = 'opencrm'", ["crm.opencrm.base_url", "is empty", "the tenant's address"]),
        ("[crm]\nbackend = 'vtiger'", ["crm.vtiger.base_url", "https://crm.example.com"]),
        ("[crm]\nbackend = 'nope'", ["crm.backend", "'nope'", "installed: builtin", "opencrm", "vtiger"]),
        ("[database]\nurl = 'mysql://x/y'", ["database.url", "sqlite:///FILE"]),
        ("[database]\nurl = 'garbage'", ["database.url", "sqlite:///FILE"]),
        ("[database]\nurl = 'sqlite://'", ["database.url", "names no file"]),
        ("[database]\nurl = 'sqlite:///no/such/place.db'", ["database.url", "No such file or directory"]),
        ("[database]\nurl = 'sqlite:///a-directory'", ["database.url", "directory"]),
        ("[database]\nurl = 'sqlite:///calsync.toml'", ["database.url", "is the file a SQLite database"]),
        ("[secrets]\nkey_file = 'missing.keys'", ["secrets.key_file", "missing.keys", "calsync init"]),
        ("[secrets]\nkey_file = 'empty'", ["secrets.key_file", "empty", "calsync init"]),
        ("[secrets]\nkey_file = 'nonsense.keys'", ["secrets.key_file", "32 bytes"]),
        ("[daemon]\nstate_dir = 'calsync.toml/x'", ["daemon.state_dir"]),
    ],
)
def test_a_mistake_is_named_with_its_remedy(calsync, tmp_path, text, words):
    (tmp_path / "a-directory").mkdir()
    (tmp_path / "empty").write_text("")
    (tmp_path / "nonsense.keys").write_text("k1:bm9uc2Vuc2U=")
    (tmp_path / "nonsense.instance").write_text((tmp_path / "calsync.instance").read_text())
    assert complains(calsync(text + "\n" + "# filler " * 100, "users"), *words)


def test_an_unreachable_server_is_named_without_its_password(calsync):
    url = f"postgresql+psycopg://calsync:hunter2@127.0.0.1:{free_port()}/calsync"
    answer = calsync(f"[database]\nurl = '{url}'", "users")
    assert complains(answer, "database.url", "is the server running")
    assert "hunter2" not in answer[2]


def test_missing_google_settings_are_named_by_the_daemon(calsync, tmp_path):
    assert complains(calsync("", "run"), "google.client_id", "empty")
    google = "[google]\nclient_id = 'x'"
    assert complains(
        calsync(google, "run"), "google.client_secret_file", "google-client-secret", "put the secret"
    )
    (tmp_path / "google-client-secret").write_text(" \n")
    assert complains(calsync(google, "run"), "google.client_secret_file", "is empty")
    (tmp_path / "google-client-secret").write_bytes(b"\xff\xfe\x00")
    assert complains(calsync(google, "run"), "google.client_secret_file", "not text")


def test_a_configuration_that_is_not_there_is_named(calsync, tmp_path, monkeypatch, capsys):
    (tmp_path / "calsync.toml").unlink()
    assert complains(calsync(None, "users"), "calsync.toml does not exist", "init")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("CALSYNC_SYNC__POL_SECONDS", "3", ["sync.pol_seconds", "sync.poll_seconds?"]),
        ("CALSYNC_SYNC__POLL_SECONDS", "often", ["sync.poll_seconds", "a number"]),
        ("CALSYNC_SNC__POLL_SECONDS", "3", ["CALSYNC_SNC__POLL_SECONDS", "CALSYNC_SYNC__"]),
        ("CALSYNC_POLL_SECONDS", "3", ["CALSYNC_POLL_SECONDS", "CALSYNC_SECTION__KEY"]),
        ("CALSYNC_PATH__X", "3", ["CALSYNC_PATH__X"]),
        ("CALSYNC_SYNC__PUSH", "mine", ["sync.push", "list"]),
        ("CALSYNC_CRM__BACKEND__X", "y", ["CALSYNC_CRM__BACKEND__X", "no keys of its own"]),
    ],
)
def test_a_mistake_in_the_environment_is_named(calsync, monkeypatch, name, value, words):
    monkeypatch.setenv(name, value)
    assert complains(calsync("[crm]\nbackend = 'builtin'", "users"), *words)


def test_the_environment_overrides_the_file(tmp_path, monkeypatch):
    file = tmp_path / "calsync.toml"
    file.write_text("[sync]\npoll_seconds = 60\n")
    monkeypatch.setenv("CALSYNC_SYNC__POLL_SECONDS", "7")
    monkeypatch.setenv("CALSYNC_SYNC__PUSH", '["team:busy"]')
    monkeypatch.setenv("CALSYNC_SYNC__DELETE_BRAKE__COUNT", "3")
    settings = load(str(file))
    assert settings.sync.poll_seconds == 7
    assert settings.sync.push == ("team:busy",)
    assert (settings.sync.delete_brake.count, settings.sync.delete_brake.share) == (3, 0.05)


def test_the_file_is_found_by_the_environment(tmp_path, monkeypatch):
    file = tmp_path / "elsewhere.toml"
    file.write_text("[sync]\npoll_seconds = 61\n")
    monkeypatch.setenv("CALSYNC_CONFIG", str(file))
    assert load(None).sync.poll_seconds == 61


def test_secrets_are_looked_up_among_the_credentials_first(tmp_path, monkeypatch):
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "google-client-secret").write_text("from the service manager\n")
    (tmp_path / "google-client-secret").write_text("from beside the file\n")
    (tmp_path / "calsync.toml").write_text("")
    settings = load(str(tmp_path / "calsync.toml"))
    name = settings.google.client_secret_file
    assert settings.secret("google.client_secret_file", name) == "from beside the file"
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    assert settings.secret("google.client_secret_file", name) == "from the service manager"


def test_the_example_shows_every_key_with_its_default():
    document = tomllib.loads(EXAMPLE.read_text())
    defaults = Settings().model_dump(mode="json", exclude={"path"})
    assert {name: set(keys) for name, keys in document.items()} == {
        name: set(keys) for name, keys in defaults.items()
    }
    assert Settings(**document).model_dump(exclude={"path"}) == Settings().model_dump(exclude={"path"})


# -- init --------------------------------------------------------------------------------------------------


def test_init_makes_files_that_only_their_owner_reads(tmp_path):
    file = tmp_path / "new" / "calsync.toml"
    with pytest.raises(SystemExit) as ended:
        main(["--config", str(file), "init"])
    assert ended.value.code == 0
    for name in ("calsync.keys", "calsync.instance", "operator.token", "calsync.db"):
        mode = stat.S_IMODE((file.parent / name).stat().st_mode)
        assert mode == 0o600, name
    assert len((file.parent / "operator.token").read_text().strip()) >= 43


def test_init_never_replaces_keys(calsync, tmp_path):
    keys = {
        name: (tmp_path / name).read_bytes()
        for name in ("calsync.keys", "calsync.instance", "operator.token")
    }
    assert complains(calsync("[sync]\npoll_seconds = 9", "init"), "exists", "--force")
    assert "poll_seconds = 9" in (tmp_path / "calsync.toml").read_text()
    assert calsync(None, "init", "--force")[0] == 0
    assert (tmp_path / "calsync.toml").read_text() == EXAMPLE.read_text()
    assert {name: (tmp_path / name).read_bytes() for name in keys} == keys


def test_init_where_nothing_can_be_written_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    command = [sys.executable, "-m", "calsync", "--config", str(tmp_path / "file" / "calsync.toml"), "init"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    assert complains((done.returncode, done.stdout, done.stderr), "calsync.toml", "cannot be written")


# -- two daemons -------------------------------------------------------------------------------------------


def test_a_second_daemon_and_a_taken_port_end_at_once(running, tmp_path):
    second = running.run("run")
    assert complains((second.returncode, second.stdout, second.stderr), "another daemon is running")
    web = running.run("run", "--role", "web")
    assert complains((web.returncode, web.stdout, web.stderr), "web.listen", "port")
    assert running.is_running()


def test_sigterm_ends_the_daemon_with_exit_code_0(tmp_path):
    with Stage(tmp_path) as stage:
        stage.start_daemon()
        assert stage.stop() == 0
