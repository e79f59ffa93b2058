from __future__ import annotations

from pathlib import Path

import pytest

from api.settings import Settings, SettingsError, load_settings, settings_table


def test_defaults_need_nothing() -> None:
    settings = load_settings()
    assert settings.url == "http://127.0.0.1:8000"
    assert settings.catalog_path == Path("data/catalog.sqlite")
    assert settings.vectors_dir == Path("data/chroma")
    assert settings.models_dir == Path("data/models")
    assert settings.on_loopback


def test_environment_wins_over_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("docqa.toml").write_text('model = "from-file"\nport = 9000\nmodel_sources = ["index", "hub"]\n')
    monkeypatch.setenv("DOCQA_MODEL", "from-environment")
    settings = load_settings()
    assert (settings.model, settings.port) == ("from-environment", 9000)
    assert settings.model_sources == ("index", "hub")


def test_arguments_win_over_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCQA_PORT", "9001")
    assert load_settings(port=9002).port == 9002


def test_lists_are_split_at_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCQA_MODEL_SOURCES", "local, index")
    monkeypatch.setenv("DOCQA_ALLOWED_HOSTS", "docs.example.com,localhost")
    settings = load_settings()
    assert settings.model_sources == ("local", "index")
    assert settings.allowed_hosts == ("docs.example.com", "localhost")


def test_named_file_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "elsewhere.toml"
    file.write_text("passages = 3\n")
    Path("docqa.toml").write_text("passages = 4\n")
    monkeypatch.setenv("DOCQA_CONFIG", str(file))
    assert load_settings().passages == 3


@pytest.mark.parametrize(
    ("name", "near"),
    [("DOCQA_MODLE", "DOCQA_MODEL"), ("DOCQA_HOTS", "DOCQA_HOST"), ("docqa_prot", "DOCQA_PORT"), ("DOCQA_X", "DOCQA_")],
)
def test_unknown_variable_names_the_nearest(name: str, near: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "x")
    with pytest.raises(SettingsError, match=f"unknown setting {name.upper()}; did you mean {near}"):
        load_settings()


def test_variables_of_the_tests_are_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCQA_TEST_POSTGRES_URL", "postgresql://")
    load_settings()


def test_unknown_key_in_file_names_file_and_nearest() -> None:
    Path("docqa.toml").write_text('modle = "x"\n')
    with pytest.raises(SettingsError, match=r"unknown setting modle in docqa\.toml; did you mean model\?"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("DOCQA_PORT", "70000", "DOCQA_PORT.*65535.*'70000'"),
        ("DOCQA_PORT", "http", "DOCQA_PORT.*integer.*'http'"),
        ("DOCQA_MODEL_SOURCES", "hub,moon", "DOCQA_MODEL_SOURCES.*'local', 'hub' or 'index'.*'moon'"),
        ("DOCQA_COLLECTION", "../etc", "DOCQA_COLLECTION"),
        ("DOCQA_LOG_LEVEL", "LOUD", "DOCQA_LOG_LEVEL.*'DEBUG'"),
        ("DOCQA_DEADLINE_SECONDS", "nan", "DOCQA_DEADLINE_SECONDS"),
    ],
)
def test_bad_value_is_named(name: str, value: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=says):
        load_settings()


def test_all_bad_values_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCQA_PORT", "x")
    monkeypatch.setenv("DOCQA_PASSAGES", "0")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert len(str(caught.value).splitlines()) == 2


def test_file_that_is_no_toml_is_named() -> None:
    Path("docqa.toml").write_text("port = = 1\n")
    with pytest.raises(SettingsError, match=r"docqa\.toml is not valid TOML.*line 1"):
        load_settings()


def test_named_file_must_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCQA_CONFIG", "missing.toml")
    with pytest.raises(SettingsError, match=r"DOCQA_CONFIG names missing\.toml"):
        load_settings()


@pytest.mark.parametrize(
    ("host", "url", "loopback"),
    [
        ("0.0.0.0", "http://127.0.0.1:8000", False),
        ("::1", "http://[::1]:8000", True),
        ("docs", "http://docs:8000", False),
    ],
)
def test_address_from_this_machine(host: str, url: str, loopback: bool) -> None:
    settings = load_settings(host=host)
    assert (settings.url, settings.on_loopback) == (url, loopback)


def test_table_describes_every_setting() -> None:
    rows = settings_table().splitlines()[2:]
    assert len(rows) == len(Settings.model_fields)
    for (name, field), row in zip(Settings.model_fields.items(), rows, strict=True):
        assert row.startswith(f"| `{name}` | `DOCQA_{name.upper()}` |")
        assert field.description
        assert field.description in row
