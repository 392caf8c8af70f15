"""Bearer tokens: 32 random bytes that are shown once and kept as their SHA-256, with scopes and an end.

A token reads `kpi_<id>_<secret>`. The secret has full entropy, so a plain hash of it is safe to keep. The file belongs
to one plant's data folder, only its own user can read it, and it is replaced as a whole under a lock.
"""

import fcntl
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from store import StoreError

SCOPES = ("read:kpi", "read:series", "assess", "admin")
FILE = "tokens.json"
_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Token:
    """What is kept of a token; times are UTC ns, `expires` and `used` 0 for never."""

    id: str
    sha256: str
    scopes: tuple[str, ...]
    created: int
    expires: int = 0
    used: int = 0

    def allows(self, scope: str) -> bool:
        return scope in self.scopes or "admin" in self.scopes

    def expired(self, now: int) -> bool:
        return bool(self.expires) and now >= self.expires


class Tokens:
    """All tokens of one plant. Every call reads the file as it is now, so that a revocation counts at once."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._seen: tuple[int, int] | None = None
        self._tokens: tuple[Token, ...] = ()

    def all(self) -> tuple[Token, ...]:
        """Raises `StoreError` when the file is there and cannot be understood: then nobody is let in."""
        try:
            state = self.path.stat()
        except FileNotFoundError:
            return ()
        if (state.st_mtime_ns, state.st_ino) != self._seen:
            try:
                rows = json.loads(self.path.read_text(encoding="utf-8"))
                self._tokens = tuple(Token(**{**row, "scopes": tuple(row["scopes"])}) for row in rows)
            except (OSError, ValueError, TypeError, KeyError) as error:
                raise StoreError(
                    f"{self.path}: not a list of tokens ({error}); put the file back, or remove it"
                ) from error
            self._seen = state.st_mtime_ns, state.st_ino
        return self._tokens

    def create(self, scopes: Sequence[str], now: int, lasts: int = 0) -> str:
        """Makes a token of these scopes that ends `lasts` [ns] from now (0: never), and returns its text."""
        secret = secrets.token_urlsafe(32)
        with self._changed() as kept:
            taken = {token.id for token in kept}
            name = next(word for word in iter(lambda: secrets.token_hex(4), "") if word not in taken)
            text = f"kpi_{name}_{secret}"
            expires = now + lasts if lasts else 0
            kept.append(Token(name, _digest(text), tuple(scopes), now, expires))
        return text

    def revoke(self, name: str) -> bool:
        """Whether there was one."""
        with self._changed() as kept:
            left = [token for token in kept if token.id != name]
            found = len(left) < len(kept)
            kept[:] = left
        return found

    def used(self, times: dict[str, int]) -> None:
        """Notes when tokens were last used."""
        with self._changed() as kept:
            kept[:] = [replace(token, used=max(token.used, times.get(token.id, 0))) for token in kept]

    def find(self, text: str) -> Token | None:
        """The token of this text, expired or not; None for any other text."""
        parts = text.split("_", 2)
        digest = _digest(text)
        found = None
        for token in self.all():
            if len(parts) == 3 and token.id == parts[1] and hmac.compare_digest(token.sha256, digest):
                found = token
        return found

    @contextmanager
    def _changed(self) -> Iterator[list[Token]]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            kept = list(self.all())
            yield kept
            fresh = self.path.with_suffix(".new")
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump([asdict(token) for token in kept], file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self.path)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class Allowance:
    """A bucket of requests for each token: so many at once, refilled at so many a second."""

    def __init__(self, burst: int = 240, rate: float = 60.0) -> None:
        self._burst, self._rate = burst, rate
        self._left: dict[str, tuple[float, int]] = {}

    def take(self, name: str, now: int) -> float:
        """0 when the request may go on, else the seconds to wait. `now` is monotonic ns."""
        left, then = self._left.get(name, (float(self._burst), now))
        left = min(float(self._burst), left + (now - then) / _SECOND * self._rate)
        if left < 1:
            self._left[name] = (left, now)
            return (1 - left) / self._rate
        self._left[name] = (left - 1, now)
        return 0.0
