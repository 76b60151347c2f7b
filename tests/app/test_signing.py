"""The installation's keys: one per installation, rotated, given by file, and refused in words that say what to do."""

import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from app.errors import ConflictError, ForbiddenError, UnavailableError
from app.settings import Settings
from app.wiring import build
from engine.evidence.statements import check_statement, sign_statement
from tests.conftest import FAST_BCRYPT_ROUNDS

PASSPHRASE = "a pass phrase of the tests"


def another(settings, services, *, now=None, **changes):
    """The same installation with other settings or at another time."""
    later = {} if now is None else {"now": lambda: now}
    return build(replace(settings, **changes), database=services.database, password_rounds=FAST_BCRYPT_ROUNDS, **later)


def key_file(path, *, passphrase=PASSPHRASE, begins=-1, days=30):
    """A PKCS#12 file with a key and its certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Records office")])
    begin = datetime.now(UTC) + timedelta(days=begins)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    locked = serialization.BestAvailableEncryption(passphrase.encode())
    path.write_bytes(pkcs12.serialize_key_and_certificates(b"key", key, certificate, None, locked))
    return str(path)


def fingerprint(signer):
    return signer.identity()["statement_key"]["fingerprint"]


def keys_folder(settings):
    return settings.data_dir / "keys"


def test_the_first_use_makes_keys_and_every_other_one_finds_them(services, settings, owner):
    assert services.signing.list() == []
    first = services.signing.signer()
    again = another(settings, services).signing.signer()
    assert first.identity() == again.identity()
    (key,) = services.signing.list()
    assert (key.is_current, key.has_expired, key.source) == (True, False, "made by this installation")
    assert key.statement_fingerprint == fingerprint(first)
    assert services.signing.fingerprints() == {key.statement_fingerprint, key.document_fingerprint}


def test_public_keys_are_listed_and_secret_ones_are_only_for_the_installations_user(services, settings):
    services.signing.signer()
    (key,) = services.signing.list()
    public = serialization.load_pem_public_key(key.statement_public_key.encode())
    certificate = x509.load_pem_x509_certificate(key.certificate_pem.encode())
    assert certificate.fingerprint(hashes.SHA256()).hex() == key.document_fingerprint
    assert public.public_bytes_raw()
    assert "PRIVATE" not in key.statement_public_key + key.certificate_pem
    secret = [path for path in keys_folder(settings).rglob("*") if path.suffix in (".pem", ".p12")]
    assert len(secret) == 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in secret} == {0o600}
    assert {stat.S_IMODE(path.parent.stat().st_mode) for path in secret} == {0o700}


def test_processes_that_start_at_once_make_one_key(services, settings):
    gate = Barrier(6)

    def start(_):
        mine = build(settings, password_rounds=FAST_BCRYPT_ROUNDS)
        gate.wait()
        try:
            return fingerprint(mine.signing.signer())
        finally:
            mine.close()

    with ThreadPoolExecutor(6) as pool:
        found = set(pool.map(start, range(6)))
    assert len(found) == len(services.signing.list()) == 1
    assert len([path for path in keys_folder(settings).iterdir() if path.is_dir()]) == 1


def test_a_second_machine_without_the_key_files_is_told(services, settings, tmp_path):
    services.signing.signer()
    elsewhere = another(settings, services, data_dir=tmp_path / "elsewhere")
    with pytest.raises(UnavailableError, match=r"own keys, in the folder keys of DATA_DIR, cannot be used"):
        elsewhere.signing.signer()
    assert len(elsewhere.signing.list()) == 1


def test_rotated_keys_sign_from_then_on_and_the_old_ones_stay_known(services, settings, owner):
    before = services.signing.signer()
    signed = sign_statement(b"{}", before)
    rotated = services.signing.rotate(owner)
    after = services.signing.signer()
    assert fingerprint(after) == rotated.statement_fingerprint != fingerprint(before)
    newest, oldest = services.signing.list()
    assert (newest.is_current, oldest.is_current, oldest.retired_at is not None) == (True, False, True)
    assert check_statement(b"{}", signed) in services.signing.fingerprints()
    folders = [path.name for path in keys_folder(settings).iterdir() if path.is_dir()]
    assert folders == [rotated.id]  # the old secret is destroyed
    entry = services.audit.list(owner)[0]
    assert (entry.action, entry.object_id) == ("keys.rotate", rotated.id)


def test_who_read_the_keys_before_a_rotation_does_not_bring_them_back(services, owner, monkeypatch):
    services.signing.signer()
    real = services.signing._note_use

    def rotate_first(signer):
        monkeypatch.undo()
        rotated.append(services.signing.rotate(owner))
        real(signer)

    rotated = []
    monkeypatch.setattr(services.signing, "_note_use", rotate_first)
    services.signing.signer()
    assert services.signing.list()[0].id == rotated[0].id
    assert [key.is_current for key in services.signing.list()] == [True, False]


def test_only_administrators_rotate(services, stranger):
    services.signing.signer()
    with pytest.raises(ForbiddenError):
        services.signing.rotate(stranger)
    assert len(services.signing.list()) == 1


def test_a_given_file_signs_documents_and_is_never_rotated_here(services, settings, owner, tmp_path):
    own = services.signing.signer()
    path = key_file(tmp_path / "office.p12")
    given = another(settings, services, signing_key_file=path, signing_key_passphrase=PASSPHRASE)
    identity = given.signing.signer().identity()
    assert identity["document_key"]["subject"] == "Records office"
    assert identity["statement_key"] == own.identity()["statement_key"]
    assert [key.is_current for key in given.signing.list()] == [True, False]
    with pytest.raises(ConflictError, match="SIGNING_KEY_FILE"):
        given.signing.rotate(owner)
    assert services.signing.signer().identity() == own.identity()  # the file is taken away again
    assert {key.document_fingerprint for key in services.signing.list() if key.is_current} == {
        own.identity()["document_key"]["fingerprint"]
    }
    assert identity["document_key"]["fingerprint"] in services.signing.fingerprints()


@pytest.mark.parametrize(
    ("made", "given", "message"),
    [
        ({}, {"signing_key_passphrase": "wrong"}, "passphrase .*SIGNING_KEY_PASSPHRASE"),
        ({}, {"signing_key_passphrase": ""}, "SIGNING_KEY_FILE names cannot be used"),
        ({"begins": -40}, {}, "expired"),
        ({"begins": 5}, {}, "valid from"),
        (None, {}, "cannot be read"),
        ("text", {}, "not a PKCS#12 file"),
    ],
)
def test_a_file_that_cannot_sign_is_named_and_nothing_else_stops(
    services, settings, owner, tmp_path, made, given, message
):
    path = tmp_path / "office.p12"
    if made == "text":
        path.write_text("no key")
    elif made is not None:
        key_file(path, **made)
    choices = {"signing_key_file": str(path), "signing_key_passphrase": PASSPHRASE} | given
    broken = another(settings, services, **choices)
    with pytest.raises(UnavailableError, match=message) as refused:
        broken.signing.signer()
    assert "SIGNING_KEY_FILE" in refused.value.user_message
    assert PASSPHRASE not in refused.value.user_message
    broken.signing.prepare()  # the application starts all the same
    assert broken.datasets.list(owner) == []
    assert isinstance(broken.signing.list(), list)


def test_own_keys_that_expired_refuse_until_they_are_rotated(services, settings, owner):
    services.signing.signer()
    later = another(settings, services, now=datetime.now(UTC) + timedelta(days=4 * 365))
    with pytest.raises(UnavailableError, match="expired"):
        later.signing.signer()
    assert later.signing.list()[0].has_expired
    later.signing.rotate(owner)
    assert later.signing.signer()


def test_own_keys_are_encrypted_where_there_is_a_passphrase(services, settings, owner):
    locked = another(settings, services, signing_key_passphrase=PASSPHRASE)
    signer = locked.signing.signer()
    assert locked.signing.signer().identity() == signer.identity()
    (pem,) = keys_folder(settings).rglob("statement_key.pem")
    assert b"ENCRYPTED" in pem.read_bytes()
    for passphrase in ("", "another one"):
        with pytest.raises(UnavailableError, match="SIGNING_KEY_PASSPHRASE"):
            another(settings, services, signing_key_passphrase=passphrase).signing.signer()


def test_a_passphrase_that_comes_later_leaves_the_keys_usable(services, settings):
    signer = services.signing.signer()
    later = another(settings, services, signing_key_passphrase=PASSPHRASE)
    assert later.signing.signer().identity() == signer.identity()


def test_a_damaged_key_file_is_told_and_new_keys_can_be_made(services, settings, owner):
    services.signing.signer()
    (pem,) = keys_folder(settings).rglob("statement_key.pem")
    pem.write_bytes(b"-----BEGIN PRIVATE KEY-----\nbm90IGEga2V5\n-----END PRIVATE KEY-----\n")
    with pytest.raises(UnavailableError, match="DATA_DIR") as refused:
        services.signing.signer()
    assert "bm90" not in refused.value.user_message
    services.signing.rotate(owner)
    assert services.signing.signer()


def test_a_relative_path_stays_right_when_the_working_folder_changes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    environment = {"DATA_DIR": str(tmp_path), "SIGNING_KEY_FILE": "office.p12"}
    assert Settings.from_environment(environment).signing_key_file == str(tmp_path / "office.p12")


def test_the_passphrase_is_in_no_text_of_the_settings(settings):
    assert PASSPHRASE not in repr(replace(settings, signing_key_passphrase=PASSPHRASE))
