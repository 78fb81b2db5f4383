"""YAML as plain values that remember where they stand, so that every message can name a line.

YAML 1.2 without the parts that hide or multiply content: no anchors and aliases, no tags, no duplicate
keys, a bound on size and depth. All that is wrong with the text is collected, not only the first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from twin.errors import InputError, Problem

Path = tuple[str | int, ...]

MAXIMUM_SIZE = 1_000_000
"""Characters of a file, six seconds of reading; ten thousand racks written row by row stay below, and a
CSV file or `repeat` says more."""
MAXIMUM_DEPTH = 50
"""Keys and lists within one another; a layout has less than ten."""
DEEP = "is nested too deep"
MAXIMUM_BITS = 64
"""Of a whole number."""
PLAIN = "tag:yaml.org,2002:"
CONSTRUCTED = {PLAIN + kind for kind in ("int", "float", "bool", "null")}
WRITTEN = {PLAIN + kind for kind in ("str", "timestamp")}


@dataclass
class Document:
    """Values of a YAML text, with line and column (from one) of every key and value."""

    file: str
    value: Any = None
    keys: dict[Path, tuple[int, int]] = field(default_factory=dict)
    values: dict[Path, tuple[int, int]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    anchored: bool = False
    """Whether the text has anchors, so that part of its content stands elsewhere."""

    def place(self, path: Path, key: bool = False) -> tuple[int, int]:
        """Line and column of a value or of its key; of what holds it where the file does not have it."""
        table = self.keys if key else self.values
        while path and path not in table:
            path, table = path[:-1], self.values
        return table.get(path, (1, 1))

    def problem(self, path: Path, message: str, key: bool = False) -> Problem:
        """A problem at a path of the document."""
        return Problem(self.file, *self.place(path, key), written(path), message)


def written(path: Iterable[str | int]) -> str:
    """A path as people write it.

    >>> written(("rows", 3, "feeds"))
    'rows[3].feeds'
    """
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def read(text: str, file: str) -> Document:
    """The document in a text whose root is a mapping; raises InputError when it cannot be read at all.

    Duplicate keys are reported in `problems` and the first of them kept, so that a reader can add its own.

    >>> read("a: {b: [1, 2 kW]}", "x.yaml").value
    {'a': {'b': [1, '2 kW']}}
    """
    document = Document(file)
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = _Shallow
    if len(text) > MAXIMUM_SIZE:
        raise InputError([Problem(file, None, None, "", f"is larger than {MAXIMUM_SIZE:,} characters")])
    try:
        root = yaml.compose(text)
        if not isinstance(root, MappingNode):
            found = {SequenceNode: "a list", ScalarNode: "a single value"}.get(type(root), "empty")
            message = f"is {found}; expected a mapping of keys such as 'name: my-hall'"
            raise InputError([Problem(file, 1, 1, "", message)])
        document.value = _value(root, (), document, yaml, set())
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (None, None)
        cause = ", ".join(part for part in (error.context, error.problem) if part)
        message = DEEP if error.problem == DEEP else f"not YAML: {cause}"
        raise InputError([Problem(file, *place, "", message)]) from None
    except YAMLError as error:
        raise InputError([Problem(file, None, None, "", f"not YAML: {str(error).splitlines()[0]}")]) from None
    return document


class _Shallow(Composer):
    """A composer that stops at a depth no layout has, long before Python's own limit."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.depth += 1
        if self.depth > MAXIMUM_DEPTH:
            raise MarkedYAMLError(problem=DEEP, problem_mark=self.parser.peek_event().start_mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def _value(node: Any, path: Path, document: Document, yaml: YAML, seen: set[int]) -> Any:
    """The plain value of a node; notes its place and what is not allowed in it."""
    place = (node.start_mark.line + 1, node.start_mark.column + 1)
    document.values.setdefault(path, place)
    if node.anchor and not document.anchored:
        message = f"anchors and aliases are not allowed (here '&{node.anchor}'); write the value out where it is used"
        document.problems.append(document.problem(path, message))
        document.anchored = True
    if id(node) in seen:
        return None
    seen.add(id(node))
    if isinstance(node, SequenceNode) and node.tag == PLAIN + "seq":
        return [_value(item, (*path, index), document, yaml, seen) for index, item in enumerate(node.value)]
    if isinstance(node, MappingNode) and node.tag == PLAIN + "map":
        return _mapping(node, path, document, yaml, seen)
    if node.tag in WRITTEN:
        return node.value
    if node.tag in CONSTRUCTED:
        try:
            made = yaml.constructor.construct_object(node)
        except (
            ValueError,
            KeyError,
            AttributeError,
        ):  # a tag such as !!bool on another word, or endless digits
            made = None
        if (made is None and node.tag != PLAIN + "null") or (
            isinstance(made, int) and made.bit_length() > MAXIMUM_BITS
        ):
            document.problems.append(document.problem(path, "is not a number that can be read"))
            return None
        return made
    tag = node.tag.removeprefix(PLAIN)
    document.problems.append(document.problem(path, f"the tag {tag!r} is not allowed; write a plain value"))
    return None


def _mapping(node: Any, path: Path, document: Document, yaml: YAML, seen: set[int]) -> dict[str, Any]:
    """The plain mapping of a node, each key once."""
    found: dict[str, Any] = {}
    for key, item in node.value:
        place = (key.start_mark.line + 1, key.start_mark.column + 1)
        name = key.value if isinstance(key, ScalarNode) else None
        if name is None:
            document.problems.append(Problem(document.file, *place, written(path), "a key must be a word"))
            continue
        inner = (*path, name)
        if name in found:
            first = document.keys[inner][0]
            message = f"the key {name!r} stands here a second time; the first is in line {first}"
            document.problems.append(Problem(document.file, *place, written(inner), message))
            continue
        document.keys[inner] = place
        found[name] = _value(item, inner, document, yaml, seen)
    return found
