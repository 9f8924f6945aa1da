"""Metadata documents as XML, and on disk."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TypeAlias
from xml.etree import ElementTree

from ..errors import ConfigurationError
from .types import NAMESPACE, MetadataType

__all__ = ["Elements", "MetadataFile", "document", "write"]

Value: TypeAlias = "str | bool | int | list[str] | Elements | None"
Elements: TypeAlias = Mapping[str, Value]
"""Children by name. None is left out, a list becomes one element for each."""

_INDENT = "    "
_WARNING = "<!-- Holds, or will hold once it is retrieved, the app's consumer key and secret. Never commit it. -->\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataFile:
    """One file.

    Attributes:
        path: Below a package directory such as ``force-app/main/default``.
        content: XML. Not shown: it may hold the consumer secret.
        commit: False: keep it out of version control. Its type holds consumer key and secret, and a file that is
            retrieved from an org does, whatever was deployed.
    """

    path: PurePosixPath
    content: str = field(repr=False)
    commit: bool


def document(kind: MetadataType, member: str, elements: Elements) -> MetadataFile:
    """A member of a metadata type. Elements are put in alphabetical order, as Salesforce itself writes them."""
    root = ElementTree.Element(_qualified(kind.name))
    _fill(root, elements)
    ElementTree.indent(root, _INDENT)
    body = ElementTree.tostring(root, encoding="unicode", default_namespace=NAMESPACE)
    warning = _WARNING if kind.secret else ""
    return MetadataFile(
        path=PurePosixPath(kind.path(member)),
        content=f'<?xml version="1.0" encoding="UTF-8"?>\n{warning}{body}\n',
        commit=not kind.secret,
    )


def write(files: Iterable[MetadataFile], directory: Path | str, *, overwrite: bool = False) -> list[Path]:
    """Write the files below a directory, those not to be committed for their owner only.

    Args:
        files: Of one app or several.
        directory: A package directory such as ``force-app/main/default``.
        overwrite: Replace files that exist.

    Returns:
        The files that must not be committed: add them to .gitignore.

    Raises:
        ConfigurationError: A file exists already, or can't be written.
    """
    uncommitted: list[Path] = []
    for each in files:
        path = Path(directory) / each.path
        flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if overwrite else os.O_EXCL)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, flags, 0o644 if each.commit else 0o600)
            with open(descriptor, "w", encoding="utf-8", newline="\n") as file:  # noqa: PTH123 - a descriptor
                file.write(each.content)
        except FileExistsError:
            raise ConfigurationError(f"{path} exists already.", hint="Replace it with overwrite=True.") from None
        except OSError as problem:
            raise ConfigurationError(f"{path} can't be written: {problem.strerror}.") from None
        if not each.commit:
            uncommitted.append(path)
    return uncommitted


def _fill(parent: ElementTree.Element, elements: Elements) -> None:
    for name, value in sorted(elements.items()):
        for each in value if isinstance(value, list) else [value]:
            if each is None:
                continue
            child = ElementTree.SubElement(parent, _qualified(name))
            if isinstance(each, Mapping):
                _fill(child, each)
            else:
                child.text = str(each).lower() if isinstance(each, bool) else str(each)


def _qualified(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"
