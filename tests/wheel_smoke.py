"""Run by ``nox -s wheel`` with the Python that has the wheel and its core dependencies, and nothing else.

Usage: ``python wheel_smoke.py EXPECTED_VERSION SOURCE_TREE``. Not a pytest module: pytest isn't there.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import subprocess
import sys
from pathlib import Path


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sfauth", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def main(expected_version: str, source_tree: str) -> None:
    distribution = importlib.metadata.distribution("sfauth")
    assert distribution.version == expected_version, distribution.version

    # Modules of every extra: were one importable, the core could lean on it unseen.
    requirements = [re.match(r"[\w.-]+", r)[0] for r in distribution.requires or [] if "extra ==" in r]  # type: ignore[index]
    modules = {"pyjwt": "jwt", "python-multipart": "python_multipart"}
    extras = {modules.get(name.lower(), name.lower().replace("-", "_")) for name in requirements} - {"sfauth"}
    assert extras, "no extras declared?"
    for module in extras:
        assert importlib.util.find_spec(module) is None, (
            f"{module} is installed; the wheel must be tried without extras"
        )

    import sfauth

    package = Path(sfauth.__file__).resolve().parent
    assert not package.is_relative_to(Path(source_tree).resolve() / "sfauth"), f"imported from the tree: {package}"
    assert (package / "py.typed").is_file(), "py.typed is missing: users would get no types"
    for name in sfauth.__all__:
        getattr(sfauth, name)

    files = {file.parts[0] for file in distribution.files or []}
    assert files <= {"sfauth", f"sfauth-{expected_version}.dist-info", "..", "bin"}, f"more than the package: {files}"

    usage = command("--help")
    assert usage.returncode == 0, usage
    assert "demo" in usage.stdout, usage

    demo = command("demo")
    said = demo.stdout + demo.stderr
    assert demo.returncode != 0, "the demo needs extras that aren't there"
    assert "sfauth[" in said, f"doesn't say which extra is missing: {said!r}"
    assert "Traceback" not in said, said

    print(f"sfauth {expected_version}: the wheel works without extras ({len(sfauth.__all__)} public names)")


if __name__ == "__main__":
    main(*sys.argv[1:])
