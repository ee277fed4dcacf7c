"""The reference: a page a public name of `mli` and `mli.testing`, a page a package with its rooms' files."""

from __future__ import annotations

import ast
import re

from site_pages.links import ROOT, code_page

__all__ = ["DOORS", "PACKAGES", "door_page", "names_of_door", "package_page", "source_files", "stub_pages"]

PACKAGES = ("mli", "paper_figures", "validation", "simulations", "mli_theory")
DOORS = ("mli", "mli.testing", *(["mli.plots"] if (ROOT / "mli" / "plots.py").exists() else []))
"""The modules from which users import."""


def source_files() -> list[str]:
    """Every Python file of the packages, by its path in the repository."""
    return [
        str(path.relative_to(ROOT)) for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))
    ]


def names_of_door(door: str) -> dict[str, str]:
    """The names that a door imports to give them, each with the module that it comes from."""
    folder = ROOT / door.replace(".", "/")
    file = folder / "__init__.pyi" if folder.is_dir() else folder.with_suffix(".py")
    imports = [node for node in ast.parse(file.read_text()).body if isinstance(node, ast.ImportFrom)]
    return {one.name: str(node.module) for node in imports for one in node.names}


def _defined(module: str, name: str) -> ast.AST | None:
    """Where a name is defined: its module, or the one that this imports it from."""
    path = ROOT / module.replace(".", "/")
    file = path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__init__.py"
    for stub in (file.with_suffix(".pyi"), file):
        if not stub.exists():
            continue
        for node in ast.parse(stub.read_text()).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
                return node
            if isinstance(node, ast.ImportFrom) and any(one.name == name for one in node.names):
                return _defined(str(node.module), name)
    return None


def stub_pages(door: str) -> dict[str, str]:
    """The page of each name of a door: what autodoc says of it."""
    pages = {}
    for name, module in names_of_door(door).items():
        directive = "autoclass" if isinstance(_defined(module, name), ast.ClassDef) else "autofunction"
        members = "   :members:\n" if directive == "autoclass" else ""
        title = f"{door}.{name}"
        head = f":orphan:\n\n{title}\n{'=' * len(title)}\n\n.. currentmodule:: {door}\n\n"
        pages[title] = f"{head}.. {directive}:: {name}\n{members}"
    return pages


def _first_line(node: ast.AST | None) -> str:
    if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.Module):
        return ""
    return (ast.get_docstring(node) or "").partition("\n")[0].replace("|", r"\|").replace("*", r"\*")


def _groups() -> dict[str, list[str]]:
    """The names of `mli` by the lines of its docstring; those that no line has are the theory's."""
    names = dict.fromkeys(names_of_door("mli"))
    text = ast.get_docstring(ast.parse((ROOT / "mli" / "__init__.py").read_text())) or ""
    groups: dict[str, list[str]] = {}
    for title, listed in re.findall(r"^- ([^:]+): (.*)$", text, re.MULTILINE):
        found = [name for name in re.findall(r"`(\w+)`", listed) if name in names]
        if found:
            groups[title] = found
            for name in found:
                names.pop(name, None)
    rest = list(names)
    classes = [name for name in rest if name[0].isupper()]
    groups.setdefault("theory", []).extend(name for name in rest if name not in classes)
    return {
        **{key: values for key, values in groups.items() if values},
        "what they return, and errors": classes,
    }


def door_page() -> str:
    """The page of all names of `mli` and `mli.testing`, as Markdown."""
    groups = [(title[0].upper() + title[1:], "mli", names) for title, names in _groups().items()]
    groups += [(f"All of `{door}`", door, list(names_of_door(door))) for door in DOORS if door != "mli"]
    parts = []
    for title, door, names in groups:
        modules = names_of_door(door)
        rows = [
            f"| [`{title}`](/generated/api/{title}.rst) | {_first_line(_defined(modules[name], name))} |"
            for title, name in ((f"{door}.{name}", name) for name in names)
        ]
        parts.append(f"## {title}\n\n| name | what it is |\n| --- | --- |\n" + "\n".join(rows) + "\n")
    head = "# Public names: `mli`\n\nA name is imported when it is first used.\n\n"
    return head + "\n".join(parts)


def _exported(tree: ast.Module) -> list[str]:
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if any(isinstance(one, ast.Name) and one.id == "__all__" for one in targets):
            value = node.value  # type: ignore[union-attr]
            if isinstance(value, ast.List):
                return [str(one.value) for one in value.elts if isinstance(one, ast.Constant)]
    return []


def package_page(package: str) -> str:
    """A package's rooms, each with what its docstring says and its files and their names, as Markdown."""
    parts = [f"# The rooms of `{package}`\n"]
    rooms = sorted({path.parent for path in (ROOT / package).rglob("*.py")})
    for room in rooms:
        dotted = ".".join(room.relative_to(ROOT).parts)
        init = room / "__init__.py"
        said = (ast.get_docstring(ast.parse(init.read_text())) or "") if init.exists() else ""
        rows = []
        for path in sorted(room.glob("*.py")):
            tree = ast.parse(path.read_text())
            if path.name == "__init__.py" and not _exported(tree):
                continue
            inside = str(path.relative_to(ROOT))
            names = ", ".join(f"`{name}`" for name in _exported(tree))
            rows.append(f"| [`{path.name}`](/{code_page(inside)}.md) | {_first_line(tree)} | {names} |")
        table = "| file | what it is | names |\n| --- | --- | --- |\n" + "\n".join(rows) if rows else ""
        parts.append(f"## `{dotted}`\n\n```text\n{said}\n```\n\n{table}\n")
    return "\n".join(parts)
