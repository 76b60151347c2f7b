"""Where randomness that protects people is drawn; nothing else in the engine may draw it.

Counts are integers, so `count + round(Z) = round(count + Z)` for a Gaussian Z: adding the rounded Gaussian is a
post-processing of the Gaussian mechanism, and its exact guarantee holds. `round(Z)` is drawn exactly: a 64-bit
uniform number decides almost always, and where it lies too close to a boundary for double precision, further
bits and multi-precision arithmetic decide. So no floating-point attack on the noise applies.

There is no seed. A secret key that the operating system drew may be kept, where the same draw must be made again.
A source that is not secure marks the run as having no privacy at all.
"""

from __future__ import annotations

import os
from typing import Protocol

import mpmath
import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from scipy.special import ndtr, ndtri

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

_UNIT = 2.0**-64  # the weight of one step of a 64-bit word
_RELATIVE_MARGIN = 1e-11
_EXTRA_BITS = 192

KEY_BYTES = 32
"""Length of a key of `KeyedNoise`."""


class NoiseSource(Protocol):
    """A stream of uniform 64-bit words."""

    secure: bool

    def words(self, count: int) -> npt.NDArray[np.uint64]:
        """`count` independent uniform words, shape (count,)."""
        ...


class SecureNoise:
    """The operating system's cryptographic generator. It cannot be seeded or replayed."""

    secure = True

    def words(self, count: int) -> npt.NDArray[np.uint64]:
        """`count` independent uniform words, shape (count,)."""
        return np.frombuffer(os.urandom(8 * count), dtype=np.uint64)


class KeyedNoise:
    """The ChaCha20 keystream of a secret key: the same words again, for who has the key.

    It is secure only because its key is: draw the key from the operating system, keep it secret, and use it for one
    thing. However many words are asked for at a time, they are the next ones of one stream.

    Args:
        key: `KEY_BYTES` bytes from `secrets.token_bytes`.

    Raises:
        ValueError: the key has another length.

    Source: Nir, Langley: RFC 8439, section 2.4, with block counter and nonce zero.
    """

    secure = True

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes, this one has {len(key)}")
        self._stream = Cipher(ChaCha20(key, nonce=bytes(16)), mode=None).encryptor()

    def words(self, count: int) -> npt.NDArray[np.uint64]:
        """The next `count` words of the stream, shape (count,)."""
        return np.frombuffer(self._stream.update(bytes(8 * count)), dtype="<u8").astype(np.uint64, copy=False)


def new_key(source: NoiseSource) -> bytes:
    """A key for `KeyedNoise`, as good as its source."""
    return source.words(KEY_BYTES // 8).tobytes()


def rounded_gaussian(shape: tuple[int, ...], scale: float, source: NoiseSource) -> IntArray:
    """Independent draws of round(Z), Z ~ N(0, scale²).

    Args:
        shape: shape of the result.
        scale: standard deviation of Z, positive.
        source: where the uniform words come from.

    Raises:
        ValueError: scale is not positive and finite.
    """
    if not (scale > 0.0 and np.isfinite(scale)):
        raise ValueError("scale must be positive and finite")
    count = int(np.prod(shape, dtype=np.int64))
    words = source.words(count)
    negative = (words >> np.uint64(63)).astype(bool)
    tail_word = words & np.uint64((1 << 63) - 1)
    magnitude = _rounded_magnitude(tail_word, scale, source)
    return np.where(negative, -magnitude, magnitude).reshape(shape)


def _rounded_magnitude(tail_word: npt.NDArray[np.uint64], scale: float, source: NoiseSource) -> IntArray:
    """round(|Z|), where P(|Z| > x) / 2 is read from a uniform 63-bit word.

    |Z| rounds to m if and only if tail((m + 1/2)/scale) < v <= tail((m - 1/2)/scale), v the uniform tail.
    """
    tail = (tail_word.astype(np.float64) + 0.5) * _UNIT
    magnitude = np.rint(-ndtri(tail) * scale)
    upper = ndtr(-(magnitude + 0.5) / scale)
    lower = np.where(magnitude > 0, ndtr(-(magnitude - 0.5) / scale), 0.5 + _UNIT)
    margin = _RELATIVE_MARGIN * tail + 4.0 * _UNIT
    doubtful = (tail <= upper + margin) | (tail >= lower - margin)
    doubtful &= ~((magnitude == 0) & (tail > upper + margin))
    result: IntArray = magnitude.astype(np.int64)
    for index in np.flatnonzero(doubtful):
        result[index] = _exact_magnitude(int(tail_word[index]), int(result[index]), scale, source)
    return result


def _exact_magnitude(tail_word: int, guess: int, scale: float, source: NoiseSource) -> int:
    """Settle a doubtful draw with further random bits and arithmetic to 300 bits."""
    further = 0
    for word in source.words(_EXTRA_BITS // 64):
        further = (further << 64) | int(word)
    with mpmath.workprec(300):
        tail = (mpmath.mpf((tail_word << _EXTRA_BITS) | further) + 0.5) / mpmath.mpf(2) ** (64 + _EXTRA_BITS)
        magnitude = max(guess - 1, 0)
        while tail <= mpmath.ncdf(-(mpmath.mpf(magnitude) + 0.5) / mpmath.mpf(scale)):
            magnitude += 1
        return magnitude


def gumbel(count: int, source: NoiseSource) -> FloatArray:
    """Independent standard Gumbel draws, shape (count,): argmax(x + gumbel) is a draw from softmax(x).

    Both tails keep full relative precision: the smaller of v and 1 - v is formed from the word itself.
    """
    words = source.words(count)
    below = (words.astype(np.float64) + 0.5) * _UNIT
    above = ((~words).astype(np.float64) + 0.5) * _UNIT
    exponential = np.where(below < 0.5, -np.log1p(-np.minimum(below, 0.5)), -np.log(above))
    return np.asarray(-np.log(exponential), dtype=np.float64)


def uniform_order(count: int, source: NoiseSource) -> IntArray:
    """A uniformly random order of `count` things, shape (count,)."""
    return np.argsort(source.words(count), kind="stable").astype(np.int64)
