"""The installation's keys: made at first start, rotated by an administrator, or given by its operator as a file."""

from __future__ import annotations

import builtins
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from app.clock import Clock
from app.errors import ConflictError, ForbiddenError, UnavailableError
from app.logs import get_logger
from app.services.audit import AuditService
from app.services.evidence_views import KeyView
from app.services.sources import sentence
from app.services.views import UserView
from app.settings import Settings
from app.store import signing_keys as rows
from app.store.models import SigningKey, new_id
from app.store.session import Database, IntegrityError
from engine.errors import EngineError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from engine.evidence.keys import Signer

SECONDS_TO_WAIT = 60.0
"""For another process of this machine that makes keys at the same time."""

OWN_KEYS = "The installation's own keys, in the folder keys of DATA_DIR, cannot be used"
GIVEN_KEY = "The key that SIGNING_KEY_FILE names cannot be used"

_logger = get_logger(__name__)


class SigningService:
    """The keys that sign reports. Secret keys stay in their files; the database holds the public halves of all.

    Args:
        database: where public keys are kept for ever.
        audit: told of every rotation.
        settings: where keys are, and their passphrase.
        now: the time.
    """

    def __init__(self, database: Database, audit: AuditService, settings: Settings, now: Clock) -> None:
        self._database = database
        self._audit = audit
        self._settings = settings
        self._now = now
        self._folder = settings.data_dir / "keys"

    def prepare(self) -> None:
        """Make the keys at the first start, and say in the log where there are none to sign with."""
        try:
            self.signer()
        except UnavailableError as error:
            _logger.warning("no_signing_key", reason=error.user_message)

    def signer(self) -> Signer:
        """The keys in use; made where there are none yet.

        Raises:
            UnavailableError: they cannot be read or do not sign any more; it names the setting and what to do.
        """
        from engine.evidence.keys import check_validity

        if self._settings.signing_key_file:
            place, signer = GIVEN_KEY, self._given()
        else:
            place, signer = OWN_KEYS, self._own()
        with _explained(place):
            check_validity(signer, self._now())
        self._note_use(signer)
        return signer

    def list(self) -> builtins.list[KeyView]:
        """The public keys of this installation, newest first; they are for everybody."""
        now = self._now()
        with self._database.read() as session:
            return [
                KeyView(
                    id=key.id,
                    statement_fingerprint=key.statement_fingerprint,
                    document_fingerprint=key.document_fingerprint,
                    statement_public_key=key.statement_public_key,
                    certificate_pem=key.certificate_pem,
                    not_after=key.not_after,
                    source=key.source,
                    created_at=key.created_at,
                    retired_at=key.retired_at,
                    has_expired=key.not_after < now,
                )
                for key in rows.list_keys(session)
            ]

    def fingerprints(self) -> frozenset[str]:
        """Fingerprints of all keys that this installation has ever signed with."""
        keys = self.list()
        return frozenset(
            fingerprint for key in keys for fingerprint in (key.statement_fingerprint, key.document_fingerprint)
        )

    @property
    def is_given(self) -> bool:
        """Whether documents are signed with a key that the operator gave, so that it cannot be rotated here."""
        return bool(self._settings.signing_key_file)

    def rotate(self, user: UserView) -> KeyView:
        """Make new keys for all reports from now on; what the old ones signed stays valid, and they sign no more.

        Args:
            user: an administrator.

        Raises:
            ForbiddenError: the user is none.
            ConflictError: the key is given by file, so its operator replaces that.
            UnavailableError: the keys cannot be written.
        """
        if not user.is_admin:
            raise ForbiddenError("Only an administrator may replace the signing keys.")
        if self.is_given:
            raise ConflictError(
                "Documents are signed with the key that SIGNING_KEY_FILE names. Put another file there to replace it."
            )
        with self._alone():
            with self._database.read() as session:
                before = rows.installed_key(session)
            made = self._make(user)
            if before is not None:
                shutil.rmtree(self._folder / before.id, ignore_errors=True)
        return next(key for key in self.list() if key.id == made.id)

    def _own(self) -> Signer:
        from engine.evidence.key_files import load_signer

        installed = self._installed()
        folder = self._folder / installed.id
        try:
            with _explained(OWN_KEYS):
                return load_signer(folder, self._own_passphrase(folder))
        except UnavailableError:
            if self._installed().id == installed.id:
                raise
        return self._own()  # they were rotated after it was read which ones they are

    def _given(self) -> Signer:
        from engine.evidence.key_files import load_pkcs12

        statement_key = self._statement_key()
        with _explained(GIVEN_KEY):
            return load_pkcs12(
                Path(self._settings.signing_key_file), self._settings.signing_key_passphrase or None, statement_key
            )

    def _statement_key(self) -> Ed25519PrivateKey:
        from engine.evidence.key_files import STATEMENT_KEY_FILE, load_statement_key

        folder = self._folder / self._installed().id
        with _explained(OWN_KEYS):
            return load_statement_key(folder / STATEMENT_KEY_FILE, self._own_passphrase(folder))

    def _own_passphrase(self, folder: Path) -> str | None:
        """The passphrase; None for keys that were made before there was one, which are in clear."""
        from engine.evidence.key_files import STATEMENT_KEY_FILE

        try:
            is_clear = (folder / STATEMENT_KEY_FILE).read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")
        except OSError:
            is_clear = False
        return None if is_clear else self._settings.signing_key_passphrase or None

    def _installed(self) -> SigningKey:
        """The pair that the installation made; one process makes it, and all others wait for that."""
        with self._database.read() as session:
            found = rows.installed_key(session)
        if found is not None:
            return found
        with self._alone():
            with self._database.read() as session:
                found = rows.installed_key(session)
            return self._make(None) if found is None else found

    def _make(self, user: UserView | None) -> SigningKey:
        """New keys in the place of those before; the caller holds the lock.

        Args:
            user: who rotates; None at the first start, where another machine's keys win.
        """
        from engine.evidence.key_files import save_signer
        from engine.evidence.keys import make_signer

        signer = make_signer(self._now())
        key = self._row(signer, is_installed=True)
        folder = self._folder / key.id
        with _explained(OWN_KEYS):
            save_signer(signer, folder, self._settings.signing_key_passphrase or None)
        try:
            with self._database.write() as session:
                if user is None:
                    session.add(key)
                    session.flush()
                else:
                    rows.replace_installed(session, key)
                    rows.retire_others(session, key.id, self._now())
                action = "keys.make" if user is None else "keys.rotate"
                self._audit.add(session, user, action, "key", key.id, statement_key=key.statement_fingerprint)
        except IntegrityError:
            shutil.rmtree(folder, ignore_errors=True)
            raise UnavailableError(
                f"{OWN_KEYS}: another machine with the same database has made keys. Have all machines share DATA_DIR."
            ) from None
        return key

    def _note_use(self, signer: Signer) -> None:
        """Know the public keys for ever, and all others as retired."""
        row = self._row(signer, is_installed=None)
        with self._database.read() as session:
            known = rows.list_keys(session)
        same = [key for key in known if _pair(key) == _pair(row)]
        if same and [_pair(key) for key in known if key.retired_at is None] == [_pair(row)]:
            return
        with self._database.write() as session:
            found = rows.find_key(session, *_pair(row))
            if not self.is_given and (found is None or not found.is_installed):
                return  # they were rotated after they were read
            if found is None:
                session.add(row)
                session.flush()
                self._audit.add(session, None, "keys.use", "key", row.id, document_key=row.document_fingerprint)
            rows.retire_others(session, (found or row).id, self._now())

    def _row(self, signer: Signer, *, is_installed: bool | None) -> SigningKey:
        identity = signer.identity()
        return SigningKey(
            id=new_id(),
            created_at=self._now(),
            statement_fingerprint=identity["statement_key"]["fingerprint"],
            document_fingerprint=identity["document_key"]["fingerprint"],
            statement_public_key=signer.statement_key_pem().decode("ascii"),
            certificate_pem=signer.document_certificate_pem().decode("ascii"),
            not_after=signer.document_certificate.not_valid_after_utc,
            source=signer.source,
            is_installed=is_installed,
        )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock of this machine's keys."""
        from filelock import FileLock, Timeout

        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = FileLock(self._folder / ".lock")
            lock.acquire(timeout=SECONDS_TO_WAIT)
        except Timeout:
            raise UnavailableError("Another process is making keys and does not end. Try again in a minute.") from None
        except OSError:
            raise UnavailableError(f"{OWN_KEYS}: the folder cannot be written.") from None
        try:
            yield
        finally:
            lock.release()


def _pair(key: SigningKey) -> tuple[str, str]:
    return key.statement_fingerprint, key.document_fingerprint


@contextmanager
def _explained(place: str) -> Iterator[None]:
    """Say of which setting an error about a key is."""
    try:
        yield
    except EngineError as error:
        hint = sentence(error)
        told = f"{place}: {hint[:1].lower()}{hint[1:]}"
        if "passphrase" in hint:
            told += " The passphrase is the setting SIGNING_KEY_PASSPHRASE."
        raise UnavailableError(told) from None
    except OSError:
        raise UnavailableError(f"{place}: the files cannot be read or written.") from None
