"""The Lua scripts of `RedisStore`. A script is one step of the server: nobody sees half of it, nor comes in between.

Redis 5 and all of Valkey run them. They are sent as text each time (``EVAL``): a few hundred bytes, for which there is
no cache of scripts to lose at a restart, a failover or on another node of a cluster.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ACQUIRE", "DELETE", "PUT", "RELEASE", "RENEW", "SET_ASIDE", "Names"]


@dataclass(frozen=True, slots=True)
class Names:
    """What the store's keys and channels are called."""

    prefix: str

    def of(self, key: str, what: str) -> str:
        """A Redis key. What is in braces decides about the slot: all keys of an identity are on one node."""
        return f"{self.prefix}:{{{key}}}:{what}"

    @property
    def changed(self) -> str:
        """The channel on which keys of changed records are told."""
        return f"{self.prefix}:changed"

    @property
    def released(self) -> str:
        """The channel on which keys of leases are told that were given back while somebody waited."""
        return f"{self.prefix}:released"


PUT = """
-- KEYS: record. ARGV: expected, generation, sealed, milliseconds to live (0: for ever), channel, message
if redis.call('HGET', KEYS[1], 'sealed') == ARGV[3] then
  return 1 -- ours: the answer to the first try was lost on its way
end
if (redis.call('HGET', KEYS[1], 'generation') or '0') ~= ARGV[1] then
  return 0
end
redis.call('HSET', KEYS[1], 'generation', ARGV[2], 'sealed', ARGV[3])
if ARGV[4] == '0' then
  redis.call('PERSIST', KEYS[1])
else
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
end
redis.call('PUBLISH', ARGV[5], ARGV[6])
return 1
"""

DELETE = """
-- KEYS: record. ARGV: channel, message
if redis.call('DEL', KEYS[1]) == 1 then
  redis.call('PUBLISH', ARGV[1], ARGV[2])
end
"""

SET_ASIDE = """
-- KEYS: record, damaged. ARGV: sealed, milliseconds to live
if (redis.call('HGET', KEYS[1], 'sealed') or '') == ARGV[1] then
  redis.call('RENAME', KEYS[1], KEYS[2])
  redis.call('PEXPIRE', KEYS[2], ARGV[2])
end
"""

ACQUIRE = """
-- KEYS: lease, awaited. ARGV: owner, milliseconds
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then
  redis.call('SET', KEYS[2], '1', 'PX', ARGV[2])
  return {owner, redis.call('PTTL', KEYS[1])}
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return false
"""

# It never takes a lease again that was lost: sent before a release and executed after it, it would hold it for nobody.
RENEW = """
-- KEYS: lease. ARGV: owner, milliseconds
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 0
"""

RELEASE = """
-- KEYS: lease, awaited. ARGV: owner, channel, message
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('DEL', KEYS[1])
  if redis.call('DEL', KEYS[2]) == 1 then
    redis.call('PUBLISH', ARGV[2], ARGV[3])
  end
end
"""
