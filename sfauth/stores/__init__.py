"""Stores that share tokens between tasks; see `TokenStore` for writing one."""

from .base import Record, Refusal, TokenStore
from .memory import MemoryStore

__all__ = ["MemoryStore", "Record", "Refusal", "TokenStore"]
