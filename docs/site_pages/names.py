"""Names of theorems, claims and figures in running text become links, once a paragraph."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform

__all__ = ["LinkNames", "page_of_name"]

_NAME = re.compile(r"(?<![\w/.\-'])(T[1-9]\d?(?:[bc]\b|['’p](?!\w))?|C[1-9]\d?|F[1-9]\d?b?)(?!\w)")
_NOT_IN = (
    nodes.reference,
    nodes.literal,
    nodes.literal_block,
    nodes.title,
    nodes.math,
    nodes.math_block,
    nodes.raw,
)
_NOT_ON = ("generated/api/", "generated/code/", "generated/project/CHANGELOG")


def page_of_name(name: str) -> str:
    """The page of T4', C3 or F8."""
    name = name.replace("’", "p").replace("'", "p")
    folder = {"T": "theory", "C": "generated/claims", "F": "generated/figures"}[name[0]]
    return f"{folder}/{name}"


class LinkNames(SphinxPostTransform):
    """Replace each first name in a paragraph or cell by a link to its page."""

    default_priority = 400

    def run(self, **_: Any) -> None:
        """Go through the page's text."""
        here = self.env.docname
        if self.app.builder.format != "html" or here.startswith(_NOT_ON):
            return
        seen: dict[int, set[str]] = {}
        for text in list(self.document.findall(nodes.Text)):
            above, node = [], text.parent
            while node is not None:
                above.append(node)
                node = node.parent
            if any(isinstance(one, (*_NOT_IN, addnodes.toctree, addnodes.desc_signature)) for one in above):
                continue
            block = next((one for one in above if isinstance(one, nodes.TextElement)), text.parent)
            pieces = self._pieces(str(text), here, seen.setdefault(id(block), set()))
            if len(pieces) > 1:
                text.parent.replace(text, pieces)

    def _pieces(self, text: str, here: str, seen: set[str]) -> list[nodes.Node]:
        pieces: list[nodes.Node] = []
        done = 0
        for match in _NAME.finditer(text):
            page = page_of_name(match[1])
            if page == here or page in seen or page not in self.env.all_docs:
                continue
            seen.add(page)
            uri = self.app.builder.get_relative_uri(here, page)
            link = nodes.reference("", match[1], refuri=uri, internal=True, classes=["name-link"])
            pieces += [nodes.Text(text[done : match.start()]), link]
            done = match.end()
        return [*pieces, nodes.Text(text[done:])]
