"""A simulator of Salesforce's authorization server, and of enough of its APIs to run a client against.

    from sfauth.simulator import Fault, Simulator

It is as strict as Salesforce where that is documented, and no stricter than what widely used clients send. It shares
no code with the client half of sfauth: both read the same public documents, so that one checks the other.

Needs the extra ``sfauth[simulator]``. The names load when they are first asked for, so that importing this package
costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .faults import Fault
    from .identities import App, User
    from .org import SimulatedOrg
    from .server import RunningServer
    from .simulator import Simulator

__all__ = ["App", "Fault", "RunningServer", "SimulatedOrg", "Simulator", "User"]

_HOMES = {
    "App": ".identities",
    "Fault": ".faults",
    "RunningServer": ".server",
    "SimulatedOrg": ".org",
    "Simulator": ".simulator",
    "User": ".identities",
}


if not TYPE_CHECKING:  # or type checkers would believe that anything can be imported from here

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        try:
            value = getattr(import_module(_HOMES[name], __name__), name)
        except ModuleNotFoundError as error:
            if error.name is not None and error.name.split(".")[0] in {
                "starlette",
                "jwt",
                "uvicorn",
                "python_multipart",
            }:
                raise ModuleNotFoundError(
                    f"the simulator needs {error.name}, which comes with an extra: pip install 'sfauth[simulator]'",
                    name=error.name,
                ) from error
            raise
        globals()[name] = value
        return value
