"""Words of a secret key: the known keystream, one stream however it is asked for, and uniform."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from engine.data.rows import FrameRows
from engine.privacy.contributions import held_out_units
from engine.privacy.noise import KEY_BYTES, KeyedNoise
from engine.privacy.plan import UnitKind, UnitOfProtection

RFC_8439_KEYSTREAM = bytes.fromhex(
    "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
    "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586"
)
"""RFC 8439, appendix A.1, test vector 1: key, nonce and block counter zero."""


def test_the_stream_is_chacha20():
    assert KeyedNoise(bytes(KEY_BYTES)).words(8).astype("<u8").tobytes() == RFC_8439_KEYSTREAM


def test_words_are_one_stream_however_they_are_asked_for():
    key = bytes(range(KEY_BYTES))
    whole = KeyedNoise(key).words(1000)
    source = KeyedNoise(key)
    assert np.array_equal(np.concatenate([source.words(count) for count in (1, 0, 7, 492, 500)]), whole)
    assert len(np.unique(whole)) == 1000
    assert not np.array_equal(KeyedNoise(bytes(KEY_BYTES)).words(1000), whole)


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_key_of_another_length_is_refused(length):
    with pytest.raises(ValueError, match="a key has 32 bytes"):
        KeyedNoise(bytes(length))


def bytes_are_uniform(words):
    """χ² over 256 values, 255 degrees of freedom; it alarms falsely once in a million."""
    counts = np.bincount(np.frombuffer(words.tobytes(), dtype=np.uint8), minlength=256)
    return stats.chisquare(counts).pvalue > 1e-6


@pytest.mark.statistical
def test_words_are_uniform():
    words = KeyedNoise(bytes(range(KEY_BYTES))).words(20_000)
    assert bytes_are_uniform(words)
    assert not bytes_are_uniform(words & ~np.uint64(1))


@pytest.mark.parametrize("unit", [UnitOfProtection(), UnitOfProtection(UnitKind.PERSON, "id", 3)])
def test_the_same_key_sets_the_same_rows_aside_however_they_are_read(unit):
    table = pd.DataFrame({"id": pd.Series([f"p{row % 400}" for row in range(1000)], dtype="string")})

    def held_out(number, chunk_rows):
        noise = KeyedNoise(bytes([number]) * KEY_BYTES)
        return held_out_units(FrameRows(table, chunk_rows), unit, 0.3, noise)

    first = held_out(1, 1000)
    assert 0.15 < first.mean() < 0.45  # six standard errors of a mean over 400 persons
    assert np.array_equal(first, held_out(1, 7))
    assert not np.array_equal(first, held_out(2, 1000))
