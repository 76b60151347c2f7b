"""Keyed commitments to private files."""

import hashlib
import hmac

import pytest

from engine.errors import InputError
from engine.evidence.commitment import commit, read_key

KEY = bytes(range(32))


def test_it_is_the_standard_mac_of_the_whole_file(tmp_path):
    content = b"age,region\n" + b"30,north\n" * 400_000
    path = tmp_path / "private.csv"
    path.write_bytes(content)
    assert commit(path, KEY) == hmac.new(KEY, content, hashlib.sha256).hexdigest()
    assert commit(path, KEY) != hashlib.sha256(content).hexdigest()
    path.write_bytes(content[:-1] + b" ")
    assert commit(path, KEY) != hmac.new(KEY, content, hashlib.sha256).hexdigest()
    assert commit(path, KEY) != commit(path, bytes(32))


def test_keys(tmp_path):
    path = tmp_path / "key.txt"
    path.write_text(KEY.hex() + "\n")
    assert read_key(path) == KEY
    for text in ("", "00" * 31, "00" * 33, "zz" * 32, "00" * 2000, "\u00e9"):
        path.write_text(text)
        with pytest.raises(InputError, match="64 hexadecimal digits"):
            read_key(path)
    with pytest.raises(InputError, match="32 bytes"):
        commit(path, b"short")
