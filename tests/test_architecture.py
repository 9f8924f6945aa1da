"""The house rules that a reviewer would forget to look for: layers, purity, a light import, small files."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "sfauth"

# What may import what: only from its own layer or from a lower one. docs/explanation/design.md says why.
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"errors", "events", "clock"}),
    frozenset({"browser_sessions", "discovery", "hosts", "identity", "introspection", "lifetime", "org", "token"}),
    frozenset({"access_tokens", "bearer_answers", "certificates", "grants", "expiry", "diagnosis", "wire", "flows"}),
    frozenset({"asking", "credentials", "endpoint", "stores"}),
    frozenset({"background", "flight", "renewal", "runtime", "source", "timer"}),
    frozenset({"auth", "clients", "logins", "metadata", "status", "validation"}),
    frozenset({"manager", "settings"}),
    frozenset({"cli", "demo", "simulator", "testing", "__main__"}),
)
LAYER_OF = {name: number for number, names in enumerate(LAYERS) for name in names}

# Below the line everything is a function of its arguments. The clock is the one that others are handed.
THE_LINE = 2
IMPURE = {"aiohttp", "anyio", "asyncio", "httpx", "random", "secrets", "socket", "time", "trio"}
READS_A_CLOCK = {"clock"}

# Loaded when first needed, never by `import sfauth`.
HEAVY = {
    "aiohttp",
    "authlib",
    "cryptography",
    "httpx_aiohttp",
    "joserfc",
    "jwt",
    "keyring",
    "multipart",
    "python_multipart",
    "redis",
    "rich",
    "starlette",
    "uvicorn",
}

# A file with one idea is shorter than this.
MOST_LINES = 450


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def part_of(module: str) -> str:
    """`sfauth.grants.jwt_bearer` -> `grants`."""
    return module.split(".")[1]


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    return grimp.build_graph("sfauth", include_external_packages=True, cache_dir=None)


@pytest.fixture(scope="module")
def imports_at_runtime() -> grimp.ImportGraph:
    return grimp.build_graph(
        "sfauth", include_external_packages=True, exclude_type_checking_imports=True, cache_dir=None
    )


def inside(graph: grimp.ImportGraph) -> list[str]:
    return sorted(module for module in graph.modules if module.startswith("sfauth."))


def where(graph: grimp.ImportGraph, importer: str, imported: str) -> str:
    lines = {
        f"{importer}:{detail['line_number']}: {detail['line_contents']}"
        for detail in graph.get_import_details(importer=importer, imported=imported)
    }
    return "; ".join(sorted(lines))


def test_every_part_of_the_package_has_its_layer(imports: grimp.ImportGraph) -> None:
    homeless = {part_of(module) for module in inside(imports)} - LAYER_OF.keys()
    assert not homeless, "new parts of the package: decide which layer of LAYERS they belong to"


def test_imports_only_go_down(imports: grimp.ImportGraph) -> None:
    upward = [
        where(imports, importer, imported)
        for importer in inside(imports)
        for imported in sorted(imports.find_modules_directly_imported_by(importer))
        if imported.startswith("sfauth.")
        if LAYER_OF.get(part_of(imported), -1) > LAYER_OF.get(part_of(importer), len(LAYERS))
    ]
    assert upward == []


def test_nothing_inside_imports_the_package_from_outside() -> None:
    """`import sfauth` from inside would make every part depend on all the others."""
    absolute = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Import) and any(alias.name.partition(".")[0] == "sfauth" for alias in node.names))
        or (isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").partition(".")[0] == "sfauth")
    ]
    assert absolute == []


def test_nothing_inside_leans_on_the_public_face(imports: grimp.ImportGraph) -> None:
    leaning = [
        where(imports, importer, "sfauth") for importer in sorted(imports.find_modules_that_directly_import("sfauth"))
    ]
    assert leaning == []


def test_below_the_line_no_clock_no_chance_no_network(imports_at_runtime: grimp.ImportGraph) -> None:
    graph = imports_at_runtime
    impure = [
        where(graph, module, imported)
        for module in inside(graph)
        if LAYER_OF.get(part_of(module), len(LAYERS)) <= THE_LINE and part_of(module) not in READS_A_CLOCK
        for imported in sorted(graph.find_modules_directly_imported_by(module))
        if imported in IMPURE
    ]
    assert impure == []


def test_below_the_line_nothing_awaits() -> None:
    awaiting = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in modules()
        if LAYER_OF.get(path.relative_to(PACKAGE).parts[0].removesuffix(".py"), len(LAYERS)) <= THE_LINE
        if path.stem not in READS_A_CLOCK
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith | ast.AsyncFunctionDef)
    ]
    assert awaiting == []


def test_the_simulator_and_the_client_share_no_code(imports: grimp.ImportGraph) -> None:
    """A mistake made once must not hide itself by being made on both sides."""
    shared = [
        where(imports, importer, imported)
        for importer in inside(imports)
        if part_of(importer) == "simulator"
        for imported in sorted(imports.find_modules_directly_imported_by(importer))
        if imported.startswith("sfauth.") and part_of(imported) != "simulator"
    ]
    assert shared == []


def test_importing_sfauth_loads_nothing_heavy() -> None:
    # httpx comes first: its command line, imported along with it, takes rich where it finds it.
    script = "import sys, httpx; old = set(sys.modules); import sfauth; print(*(set(sys.modules) - old))"
    shown = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {name.partition(".")[0] for name in shown.stdout.split()} & HEAVY == set()


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_module_is_small(path: Path) -> None:
    assert len(path.read_text().splitlines()) < MOST_LINES


def test_every_module_with_annotations_postpones_them() -> None:
    eager = [str(path.relative_to(ROOT)) for path in modules() if _annotates(path) and not _postpones_annotations(path)]
    assert eager == []


def _annotates(path: Path) -> bool:
    annotating = ast.FunctionDef | ast.AsyncFunctionDef | ast.AnnAssign
    return any(isinstance(node, annotating) for node in ast.walk(ast.parse(path.read_text())))


def _postpones_annotations(path: Path) -> bool:
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "__future__"
        and any(alias.name == "annotations" for alias in node.names)
        for node in ast.parse(path.read_text()).body
    )
