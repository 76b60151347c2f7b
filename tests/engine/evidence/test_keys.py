"""Signing keys: what they are made of, how they are kept, and which of an operator's own are taken."""

import base64
import hashlib
import inspect
import stat
import threading
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from engine.errors import InputError
from engine.evidence.key_files import load_pkcs12, load_signer, load_statement_key, save_signer
from engine.evidence.keys import Signer, check_validity, make_signer
from tests.engine.evidence.samples import MOMENT, signer

STATEMENT_KEY = ed25519.Ed25519PrivateKey.generate()
YEAR = timedelta(days=365)


def certificate_for(key, *, issuer=None, name="Registry Office", usage=None, purposes=None, begin=MOMENT):
    """A certificate of a key, signed by itself or by (name, key)."""
    issuer_name, issuer_key = issuer or (name, key)
    subject, issued_by = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in (name, issuer_name))
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issued_by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + YEAR)
    )
    if usage is not None:
        names = inspect.signature(x509.KeyUsage).parameters
        builder = builder.add_extension(x509.KeyUsage(**{each: each in usage for each in names}), critical=True)
    if purposes is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def pkcs12_file(tmp_path, key, certificate, *, chain=None, passphrase=b"open sesame"):
    encryption = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    path = tmp_path / "given.p12"
    path.write_bytes(pkcs12.serialize_key_and_certificates(b"key", key, certificate, chain, encryption))
    return path


def test_a_made_key_names_nobody_and_may_only_sign():
    made = make_signer(MOMENT, years=3)
    certificate = made.document_certificate
    assert certificate.subject.rfc4514_string() == "CN=Synthetic Data Studio"
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature and usage.content_commitment and not usage.key_cert_sign
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    certificate.verify_directly_issued_by(certificate)
    assert {extension.oid.dotted_string for extension in certificate.extensions} == {
        "2.5.29.14",
        "2.5.29.15",
        "2.5.29.19",
    }
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == timedelta(days=1096)
    other = make_signer(MOMENT).identity()
    assert other["statement_key"] != made.identity()["statement_key"]
    assert other["document_key"]["fingerprint"] != made.identity()["document_key"]["fingerprint"]


def test_the_identity_is_what_others_can_compute():
    identity = signer().identity()
    raw = signer().statement_key.public_key().public_bytes_raw()
    assert identity["statement_key"] == {
        "algorithm": "Ed25519",
        "fingerprint": hashlib.sha256(raw).hexdigest(),
        "public_key": base64.b64encode(raw).decode(),
    }
    der = signer().document_certificate.public_bytes(serialization.Encoding.DER)
    assert identity["document_key"] == {
        "algorithm": "ECDSA P-256",
        "fingerprint": hashlib.sha256(der).hexdigest(),
        "subject": "Synthetic Data Studio",
        "not_before": "2026-11-28T10:00:00+00:00",
        "not_after": "2029-11-28T10:00:00+00:00",
        "source": "made by this installation",
    }
    public = serialization.load_pem_public_key(signer().statement_key_pem())
    assert public.public_bytes_raw() == raw
    assert x509.load_pem_x509_certificates(signer().document_certificate_pem()) == [signer().document_certificate]


def test_no_key_is_printed():
    private = signer().statement_key.private_bytes_raw()
    assert private.hex() not in repr(signer())
    assert "PrivateKey" not in repr(signer())


@pytest.mark.parametrize("passphrase", ["correct horse", None])
def test_kept_keys_are_private_and_come_back(tmp_path, passphrase):
    folder = tmp_path / "data" / "keys"
    save_signer(signer(), folder, passphrase)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert sorted(path.name for path in folder.iterdir()) == ["document_key.p12", "statement_key.pem"]
    assert [path.name for path in folder.parent.iterdir()] == ["keys"]
    assert load_signer(folder, passphrase).identity() == signer().identity()
    private = signer().statement_key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    is_in_clear = base64.b64encode(private) in (folder / "statement_key.pem").read_bytes()
    assert is_in_clear is (passphrase is None)


def test_kept_keys_are_never_replaced(tmp_path):
    folder = tmp_path / "keys"
    save_signer(signer(), folder, None)
    other = make_signer(MOMENT)
    with pytest.raises(InputError, match="signing keys already"):
        save_signer(other, folder, None)
    assert load_signer(folder, None).identity() == signer().identity()
    assert [path.name for path in tmp_path.iterdir()] == ["keys"]


def test_of_two_first_starts_one_wins(tmp_path):
    outcomes = []

    def start(keys):
        try:
            save_signer(keys, tmp_path / "keys", None)
            outcomes.append("saved")
        except InputError:
            outcomes.append("refused")

    threads = [threading.Thread(target=start, args=(make_signer(MOMENT),)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused"] * 7 + ["saved"]
    load_signer(tmp_path / "keys", None)


def test_kept_keys_that_cannot_be_read(tmp_path):
    folder = tmp_path / "keys"
    with pytest.raises(InputError, match=r"statement_key\.pem cannot be read"):
        load_signer(folder, None)
    with pytest.raises(InputError, match="empty passphrase"):
        save_signer(signer(), folder, "")
    save_signer(signer(), folder, "right")
    with pytest.raises(InputError, match=r"passphrase of statement_key\.pem is wrong"):
        load_signer(folder, "wrong")
    with pytest.raises(InputError, match="needs a passphrase"):
        load_signer(folder, None)
    (folder / "statement_key.pem").write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    with pytest.raises(InputError, match="holds no Ed25519 key"):
        load_statement_key(folder / "statement_key.pem", None)
    with pytest.raises(InputError, match="leave the passphrase out"):
        load_statement_key(folder / "statement_key.pem", "right")


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (rsa.generate_private_key(65537, 2048), "RSA 2048"),
        (ec.generate_private_key(ec.SECP256R1()), "ECDSA P-256"),
        (ec.generate_private_key(ec.SECP384R1()), "ECDSA P-384"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_key_that_the_operator_has(tmp_path, key, algorithm):
    root = ec.generate_private_key(ec.SECP256R1())
    chain = [certificate_for(root, name="Root")]
    certificate = certificate_for(key, issuer=("Root", root), usage=["digital_signature"])
    given = load_pkcs12(pkcs12_file(tmp_path, key, certificate, chain=chain), "open sesame", STATEMENT_KEY)
    found = given.identity()["document_key"]
    assert (found["algorithm"], found["subject"]) == (algorithm, "Registry Office")
    assert found["source"] == "given by its operator as a file"
    assert found["chain"] == [chain[0].fingerprint(hashes.SHA256()).hex()]
    assert len(x509.load_pem_x509_certificates(given.document_certificate_pem())) == 2
    assert given.statement_key is STATEMENT_KEY


def refused(tmp_path, key, certificate, passphrase="open sesame", **choices):
    path = pkcs12_file(tmp_path, key, certificate, **choices)
    with pytest.raises(InputError) as caught:
        load_pkcs12(path, passphrase, STATEMENT_KEY)
    return str(caught.value)


def test_keys_of_the_operator_that_are_refused(tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = certificate_for(key)
    assert "passphrase of given.p12 is wrong" in refused(tmp_path, key, certificate, passphrase="wrong")
    assert "passphrase of given.p12 is wrong" in refused(tmp_path, key, certificate, passphrase=None)
    assert "no private key" in refused(tmp_path, None, certificate)
    assert "no certificate" in refused(tmp_path, key, None)
    small = rsa.generate_private_key(65537, 1024)
    assert "2048 bits or more, not 1024" in refused(tmp_path, small, certificate_for(small))
    rare = ec.generate_private_key(ec.SECP256K1())
    assert "on the curves" in refused(tmp_path, rare, certificate_for(rare))
    edwards = ed25519.Ed25519PrivateKey.generate()
    root = ("Root", key)
    with pytest.raises(InputError, match="on the curves"):
        Signer(STATEMENT_KEY, edwards, certificate, (), "here")
    unsuitable = certificate_for(key, usage=["key_encipherment"])
    assert "does not allow its key to sign" in refused(tmp_path, key, unsuitable)
    server = certificate_for(key, issuer=root, purposes=[ExtendedKeyUsageOID.SERVER_AUTH])
    assert "another purpose" in refused(tmp_path, key, server)
    mail = certificate_for(key, purposes=[ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.EMAIL_PROTECTION])
    load_pkcs12(pkcs12_file(tmp_path, key, mail), "open sesame", STATEMENT_KEY)


def test_files_that_are_no_key_files(tmp_path):
    path = tmp_path / "given.p12"
    path.write_bytes(b"-----BEGIN CERTIFICATE-----\n")
    with pytest.raises(InputError, match=r"given\.p12 is not a PKCS#12 file"):
        load_pkcs12(path, "x", STATEMENT_KEY)
    path.write_bytes(bytes(2 << 20))
    with pytest.raises(InputError, match="too large"):
        load_pkcs12(path, "x", STATEMENT_KEY)


def test_a_certificate_of_another_key_is_refused():
    key, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    with pytest.raises(InputError, match="belongs to another key"):
        Signer(STATEMENT_KEY, key, certificate_for(other), (), "here")


def test_validity():
    keys = make_signer(MOMENT, years=1)
    check_validity(keys, MOMENT)
    check_validity(keys, MOMENT + YEAR)
    with pytest.raises(InputError, match=r"expired on 2027-11-28: an administrator"):
        check_validity(keys, datetime(2027, 11, 29, tzinfo=UTC))
    with pytest.raises(InputError, match=r"valid from 2026-11-28 10:00 UTC on"):
        check_validity(keys, MOMENT - timedelta(seconds=1))
