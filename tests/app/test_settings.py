"""Settings: every row of the table is read, and a value that cannot be used is named."""

from dataclasses import fields

import pytest

from app.settings import SETTINGS, SettingError, Settings


def test_every_row_is_an_attribute():
    assert [setting.name.lower() for setting in SETTINGS] == sorted(
        (field.name for field in fields(Settings)), key=[setting.name.lower() for setting in SETTINGS].index
    )
    assert all(setting.help and not setting.help.endswith(".") for setting in SETTINGS)


def test_defaults_need_no_environment(tmp_path):
    settings = Settings.from_environment({"DATA_DIR": str(tmp_path)})
    assert settings.database_url == f"sqlite:///{tmp_path / 'studio.sqlite3'}"
    assert (settings.host, settings.port, settings.workers) == ("127.0.0.1", 8501, 1)
    assert settings.max_upload_bytes == 1024**3


def test_an_empty_variable_takes_the_default():
    assert Settings.from_environment({"PORT": " ", "LOG_FORMAT": ""}) == Settings.from_environment({})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PORT", "http", "PORT takes a whole number"),
        ("PORT", "70000", "PORT takes a whole number from 1 to 65535"),
        ("MAX_UPLOAD_MB", "0", "MAX_UPLOAD_MB takes a whole number from 1"),
        ("WORKERS", "-1", "WORKERS takes a whole number from 0"),
        ("LOG_FORMAT", "xml", "LOG_FORMAT takes one of console, json"),
        ("LOG_LEVEL", "loud", "LOG_LEVEL takes one of DEBUG"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(name, value, message):
    with pytest.raises(SettingError, match=message):
        Settings.from_environment({name: value})
