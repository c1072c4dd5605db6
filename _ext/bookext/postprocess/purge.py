"""Drop from a style sheet what no page can match: rules, icon fonts, animations and variables that nothing uses."""

import re
from typing import Any, NamedTuple

import tinycss2

# Classes of the icon fonts; book.css draws the few icons that are left.
ICON = re.compile(r"fa[srbldt]?|fa-.*")
GROUPING = {"media", "supports", "layer", "container"}
# The pages link one sheet, in one encoding.
DROPPED = {"import", "charset"}
VARIABLE = re.compile(r"--[\w-]+")


class Rule(NamedTuple):
    """A rule of a style sheet."""

    keyword: str  # of an at-rule, in lower case; "" for a rule with selectors
    prelude: list[list[Any]]  # the tokens of each selector, or of each piece between commas
    parts: list[Any] | None  # rules, and declarations as tinycss2 has them; None for a statement such as ``@layer a;``


def words_of(html):
    """Every class, id and element name in a page."""
    words = {name.lower() for name in re.findall(r"<([a-zA-Z][\w-]*)", html)}
    for value in re.findall(r"""\b(?:class|id)=["']([^"']*)["']""", html):
        words.update(value.split())
    return words


def parsed(css, matches=lambda selector: True):
    """The rules of a style sheet, with those selectors that match; what is no CSS is left out, as browsers do."""
    return rules(tinycss2.parse_stylesheet(css), matches)


def rules(nodes, matches):
    made = []
    for node in nodes:
        if node.type == "declaration":
            made.append(node)
        elif node.type == "qualified-rule" and (selectors := list(filter(matches, pieces(node.prelude)))):
            made.append(Rule("", selectors, rules(tinycss2.parse_blocks_contents(node.content), matches)))
        elif node.type == "at-rule":
            keyword, parts = node.lower_at_keyword, None
            if node.content is not None:
                holds_rules = keyword in GROUPING or keyword.endswith("keyframes")
                parse = tinycss2.parse_rule_list if holds_rules else tinycss2.parse_blocks_contents
                parts = rules(parse(node.content), matches)
            made.append(Rule(keyword, pieces(node.prelude), parts))
    return made


def pieces(tokens):
    """Tokens without comments, cut at their outer commas."""
    made = [[]]
    for token in tokens:
        if token == ",":
            made.append([])
        elif token.type != "comment":
            made[-1].append(token)
    return made


def written(parts):
    """The text of rules and declarations."""
    return "".join(map(text_of, parts))


def text_of(part):
    if not isinstance(part, Rule):
        lines = part.serialize().split("\n")  # minifiers keep the lines of a variable's value
        return " ".join(map(str.strip, lines)) + ";"
    prelude = ",".join(tinycss2.serialize(piece).strip() for piece in part.prelude)
    head = f"@{part.keyword} {prelude}".rstrip() if part.keyword else prelude
    return f"{head};" if part.parts is None else f"{head}{{{written(part.parts)}}}"


def filtered(parts, wanted):
    """The rules and declarations that are wanted, without rules in which nothing is left."""
    made = []
    for part in filter(wanted, parts):
        if isinstance(part, Rule) and part.parts is not None:
            part = part._replace(parts=filtered(part.parts, wanted))
            if not part.parts:
                continue
        made.append(part)
    return made


def declarations(parts):
    for part in parts:
        if isinstance(part, Rule):
            yield from declarations(part.parts or ())
        else:
            yield part


def can_match(selector, used):
    """False when the selector asks for a class, id or element that no page has.

    What stands in brackets, as in ``:not()`` and ``[…]``, asks for nothing certain.
    """
    before = ""
    for token in selector:
        if token.type == "ident" and before != ":":
            if (token.value if before == "." else token.lower_value) not in used:
                return False
        elif token.type == "hash" and token.value not in used:
            return False
        before = token.value if token.type == "literal" else ""
    return True


def purge(css, used):
    """The style sheet without rules, animations and icon fonts that pages with the words `used` cannot match."""
    used = {word for word in used if not ICON.fullmatch(word)} | {"html", "body", "from", "to"}
    sheet = parsed(css, lambda selector: can_match(selector, used))
    # also --bs-spinner-animation-name, which an animation takes from a variable
    values = [d.value for d in declarations(sheet) if d.lower_name.endswith(("animation", "animation-name"))]
    played = {token.value for value in values for token in value if token.type in ("ident", "string")}

    def wanted(part):
        keyword = part.keyword if isinstance(part, Rule) else ""
        if keyword.endswith("keyframes"):
            return any(token.type in ("ident", "string") and token.value in played for token in part.prelude[0])
        return keyword not in DROPPED and not (keyword == "font-face" and "font awesome" in text_of(part).lower())

    return written(filtered(sheet, wanted))


def drop_variables(css, elsewhere=""):
    """The sheet without the custom properties that no value of what stays asks for and nothing `elsewhere` names."""
    sheet, asks, asked = parsed(css), {}, VARIABLE.findall(elsewhere)
    for declaration in declarations(sheet):
        names = VARIABLE.findall(tinycss2.serialize(declaration.value))
        (asks.setdefault(declaration.name, []) if is_variable(declaration) else asked).extend(names)
    needed = set()
    while asked:
        name = asked.pop()
        if name not in needed:
            needed.add(name)
            asked += asks.get(name, ())

    def wanted(part):
        return isinstance(part, Rule) or not is_variable(part) or part.name in needed

    return written(filtered(sheet, wanted))


def is_variable(declaration):
    return declaration.name.startswith("--")
