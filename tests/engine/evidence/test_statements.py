"""Signatures over bytes: each byte counts, and each signature is for one purpose and one key."""

import base64

import pytest

from engine.errors import InputError
from engine.evidence.keys import make_signer
from engine.evidence.statements import ARCHIVE, AUDIT_HEAD, EVIDENCE, MANIFEST, check_statement, sign_statement
from tests.engine.evidence.samples import MOMENT, flipped, signer

CONTENT = b'{"epsilon":1}'


def reason(content, signature, purpose=EVIDENCE):
    with pytest.raises(InputError) as caught:
        check_statement(content, signature, purpose)
    return str(caught.value)


def test_a_signature_holds_and_names_its_key():
    signature = sign_statement(CONTENT, signer())
    fingerprint = signer().identity()["statement_key"]["fingerprint"]
    assert check_statement(CONTENT, signature) == fingerprint == signature["fingerprint"]
    signer().statement_key.public_key().verify(
        base64.b64decode(signature["signature"]), b"synthetic-data-studio/evidence/1\n" + CONTENT
    )


@pytest.mark.parametrize("position", range(len(CONTENT)))
def test_a_changed_byte_of_the_content(position):
    signature = sign_statement(CONTENT, signer())
    changed = flipped(CONTENT, position)
    assert "not the one that was signed" in reason(changed, signature)
    other = sign_statement(changed, make_signer(MOMENT))
    forged = signature | {"content_sha256": other["content_sha256"]}
    assert "not one of this key" in reason(changed, forged)


def test_a_signature_for_one_purpose_is_none_for_another():
    for made in (EVIDENCE, MANIFEST, ARCHIVE, AUDIT_HEAD):
        signature = sign_statement(CONTENT, signer(), made)
        for asked in (EVIDENCE, MANIFEST, ARCHIVE, AUDIT_HEAD):
            if made == asked:
                check_statement(CONTENT, signature, asked)
            else:
                assert "not one of this key" in reason(CONTENT, signature, asked)
    with pytest.raises(ValueError, match="nothing is signed as"):
        sign_statement(CONTENT, signer(), "anything")


def test_a_purpose_cannot_be_moved_into_the_content():
    signature = sign_statement(b"manifest/1\n", signer(), EVIDENCE)
    assert "Ed25519" in reason(b"", signature | {"content_sha256": sign_statement(b"", signer())["content_sha256"]})


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"algorithm": "RSA"}, "does not know"),
        ({"signature_version": 2}, "does not know"),
        ({"signature_version": True}, "does not know"),
        ({"fingerprint": "0" * 64}, "fingerprint in the signature"),
        ({"fingerprint": None}, "fingerprint in the signature"),
        ({"content_sha256": "0" * 64}, "SHA-256 differs"),
        ({"signature": "AAAA"}, "64 bytes in base64"),
        ({"signature": None}, "64 bytes in base64"),
        ({"signature": "é"}, "64 bytes in base64"),
        ({"public_key": "!"}, "32 bytes in base64"),
        ({"more": 1}, "not of the form"),
    ],
)
def test_signatures_of_another_form(change, expected):
    assert expected in reason(CONTENT, sign_statement(CONTENT, signer()) | change)


@pytest.mark.parametrize("value", [None, [], "x", {}])
def test_what_is_no_signature(value):
    assert "not of the form" in reason(CONTENT, value)


def test_base64_that_decodes_to_the_same_bytes_is_refused():
    signature = sign_statement(CONTENT, signer())
    text = signature["public_key"]
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    twin = text[:-2] + letters[letters.index(text[-2]) | 1] + "="
    assert base64.b64decode(twin) == base64.b64decode(text)
    assert twin == text or "32 bytes in base64" in reason(CONTENT, signature | {"public_key": twin})
    assert letters.index(text[-2]) % 4 == 0  # so that the twin differs


def test_the_key_of_somebody_else():
    mine, other = sign_statement(CONTENT, signer()), sign_statement(CONTENT, make_signer(MOMENT))
    swapped = mine | {name: other[name] for name in ("public_key", "fingerprint")}
    assert "not one of this key" in reason(CONTENT, swapped)
