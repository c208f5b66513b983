"""Makes a hand-written script smaller without changing what it does: comments, white space, long local names.

It is no JavaScript parser. It relies on rules the source keeps (`problems` names what breaks them): no template
literals, no block comments, no comment after code, no division (so every slash outside a string begins a regular
expression), every statement ended by a semicolon or a brace, no shorthand properties, object keys written `key:` and
conditionals `a ? b : c`.
"""

import itertools
import re
from collections.abc import Iterator
from string import ascii_lowercase, ascii_uppercase

_TOKEN = re.compile(
    r"(?P<text>'(?:[^'\\\n]|\\.)*')"
    r"|(?P<pattern>/(?!\*)(?:[^/\\\n\[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/[a-z]*)"
    r"|(?P<word>(?<![\w$.])[A-Za-z_$][\w$]*)"
    r"|(?P<space>\s+)"
    r"|(?P<other>[\w$]+|.)"
)
_DECLARED = re.compile(r"\b(?:const|let) (\w+)")
_AT_MARGIN = re.compile(r"^(?:const|let) (\w+)", re.MULTILINE)
_PARAMETERS = re.compile(r"\bfunction \(([\w, ]*)\)|\(([\w, ]*)\) =>|\b(\w+) =>|\bcatch \((\w+)\)")
_RESERVED = frozenset({"as", "do", "if", "in", "is", "of"})


def problems(source: str) -> list[str]:
    """What in `source` breaks the rules this module relies on; empty where nothing does."""
    found = []
    for number, line in enumerate(source.splitlines(), 1):
        code = line.strip()
        if code.startswith("//"):
            continue
        bare = "".join(m[0] for m in _TOKEN.finditer(code) if m.lastgroup not in {"text", "pattern"})
        for mark, name in (("`", "a template literal"), ("/", "a comment or a division"), ('"', "a double quote")):
            if mark in bare:
                found.append(f"line {number}: {name}")
    return found


def shrink(source: str) -> str:
    """`source` without comments and needless white space, with short names for its constants, variables, parameters.

    Names declared at the margin (and what the enclosing function takes) are known everywhere and get a short name of
    their own; the others live inside one statement at the margin, and those of different statements share theirs.
    """
    statements = _statements(source)
    everywhere = _declared(statements[0]) | set(_AT_MARGIN.findall(source))
    taken = {m[0] for m in _TOKEN.finditer("\n".join(statements)) if m.lastgroup in {"word", "other"}}
    capitals = _free_names(ascii_uppercase, taken)
    short = dict(zip(_by_use(everywhere, "\n".join(statements)), capitals, strict=False))
    out: list[str] = []
    for statement in statements:
        local = _by_use(_declared(statement) - everywhere, statement)
        names = dict(zip(local, _free_names(ascii_lowercase, taken), strict=False))
        code = _squeeze(statement, short | names)
        if out and code.startswith("const ") and re.match(r"const .*;$", out[-1], re.DOTALL):
            # One declaration of many constants.
            out[-1] = f"{out[-1][:-1]},\n{code.removeprefix('const ')}"
        else:
            out.append(code)
    return "\n".join(out) + "\n"


def _statements(source: str) -> list[str]:
    """What stands at the margin, each with the lines that belong to it."""
    found: list[str] = []
    for line in source.splitlines():
        code = line.strip()
        if not code or code.startswith("//"):
            continue
        if found and (line[0] == " " or code[0] == "}"):
            found[-1] += "\n" + code
        else:
            found.append(code)
    return found


def _squeeze(code: str, short: dict[str, str]) -> str:
    tokens = [(m.lastgroup, m[0]) for m in _TOKEN.finditer(code)]
    out: list[str] = []
    for i, (kind, text) in enumerate(tokens):
        after = tokens[i + 1][1] if i + 1 < len(tokens) else ""
        if kind == "space":
            # Between two words the space stays; so does one between signs that would become another operator.
            before = out[-1][-1:] if out else ""
            if (_wordy(before) and _wordy(after[:1])) or (before in set("+-") and before == after[:1]):
                out.append(" ")
        elif kind == "word" and after != ":":
            out.append(short.get(text, text))
        elif text == "}" and out and out[-1] == ";":
            out[-1] = text
        else:
            out.append(text)
    return "".join(out)


def _wordy(character: str) -> bool:
    return character.isalnum() or character in {"_", "$"}


def _declared(code: str) -> set[str]:
    """The names of constants, variables and parameters that `code` introduces."""
    names = set(_DECLARED.findall(code))
    for groups in _PARAMETERS.findall(code):
        names.update(re.findall(r"\w+", " ".join(groups)))
    return names


def _by_use(names: set[str], code: str) -> list[str]:
    return sorted(names, key=lambda name: (-len(re.findall(rf"\b{name}\b", code)), name))


def _free_names(first: str, taken: set[str]) -> Iterator[str]:
    """Short names that begin with one of `first` and are nowhere in use."""
    for name in itertools.chain(first, map("".join, itertools.product(first, ascii_uppercase + ascii_lowercase))):
        if name not in taken and name not in _RESERVED:
            yield name
