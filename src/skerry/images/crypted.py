"""SHA-512 crypt, the hash of passwords in /etc/shadow.

Python's own module for it is gone since 3.13, and `openssl passwd` need not be there. The method is Ulrich
Drepper's, https://www.akkadia.org/drepper/SHA-crypt.txt, whose examples are the tests.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

ROUNDS = 5000  # when nobody says
_LETTERS = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SALT_LENGTH = 16


def sha512_crypt(password: str, salt: str, rounds: int = ROUNDS) -> str:
    """The field of /etc/shadow for a password; of the salt, the first 16 characters count."""
    key, salted = password.encode(), salt[:_SALT_LENGTH].encode()
    digest = _initial(key, salted)
    of_key = _stretched(hashlib.sha512(key * len(key)).digest(), len(key))
    of_salt = _stretched(hashlib.sha512(salted * (16 + digest[0])).digest(), len(salted))
    for number in range(rounds):
        mixed = hashlib.sha512(of_key if number % 2 else digest)
        if number % 3:
            mixed.update(of_salt)
        if number % 7:
            mixed.update(of_key)
        mixed.update(digest if number % 2 else of_key)
        digest = mixed.digest()
    said = "" if rounds == ROUNDS else f"rounds={rounds}$"
    return f"$6${said}{salt[:_SALT_LENGTH]}${_encoded(digest)}"


def salt_for(*names: str) -> str:
    """A salt that follows from what it is for, so that one recipe gives one image."""
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    return "".join(_LETTERS[byte % 64] for byte in digest[:_SALT_LENGTH])


def _initial(key: bytes, salt: bytes) -> bytes:
    other = hashlib.sha512(key + salt + key).digest()
    first = hashlib.sha512(key + salt + _stretched(other, len(key)))
    bits = len(key)
    while bits:
        first.update(other if bits & 1 else key)
        bits >>= 1
    return first.digest()


def _stretched(digest: bytes, length: int) -> bytes:
    return (digest * (length // len(digest) + 1))[:length]


def _encoded(digest: bytes) -> str:
    turns: tuple[Callable[[int], tuple[int, int, int]], ...] = (
        lambda n: (n, n + 21, n + 42),
        lambda n: (n + 21, n + 42, n),
        lambda n: (n + 42, n, n + 21),
    )
    text = ""
    for number in range(21):
        high, middle, low = turns[number % 3](number)
        text += _letters((digest[high] << 16) | (digest[middle] << 8) | digest[low], 4)
    return text + _letters(digest[63], 2)


def _letters(value: int, count: int) -> str:
    return "".join(_LETTERS[(value >> (6 * number)) & 63] for number in range(count))
