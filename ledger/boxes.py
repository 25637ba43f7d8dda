"""Texts that only the house can read: closed under its secret, one key for each purpose.

A copy of a table opens nothing. What was closed under an earlier SECRET_KEY still opens while that
key stands in SECRET_KEY_FALLBACKS.
"""

import base64
import hashlib

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings


def close_text(text: str, purpose: str) -> str:
    """Return a text closed for one purpose; closing it again gives other letters."""
    return _box(purpose).encrypt(text.encode()).decode()


def open_text(closed: str, purpose: str) -> str:
    """Return what ``close_text`` closed for the same purpose.

    Raises:
        cryptography.fernet.InvalidToken: closed for another purpose, or under a key that is gone.
    """
    return _box(purpose).decrypt(closed.encode()).decode()


def _box(purpose: str) -> MultiFernet:
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    digests = [hashlib.sha256(f"{purpose}:{each}".encode()).digest() for each in keys]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(each)) for each in digests])
