"""Drop from a style sheet what a set of pages cannot match: rules, fonts, animations and variables nothing uses."""

import re

# The icon fonts and their classes: book.css draws the few icons that are left.
ICON_FONT = re.compile(r"font awesome|\.fa[srbldt]?(?![\w])|\.fa-", re.I)
GROUPING = ("@media", "@supports", "@layer", "@container")
COMMENT = re.compile(r"/\*.*?\*/", re.S)
STRING_OR_BRACE = re.compile(r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|url\([^)"']*\)|[{};]""")


def words_of(html):
    """Every class, id and element name in a page, and every name its elements carry as data-* attributes."""
    words = set(re.findall(r"<([a-z][a-z0-9]*)", html))
    for value in re.findall(r"""\b(?:class|id)=["']([^"']*)["']""", html):
        words.update(value.split())
    return words


def blocks(css):
    """(prelude, body or None for a plain statement) of each rule at this level."""
    depth, start, prelude, body_start = 0, 0, "", 0
    for match in STRING_OR_BRACE.finditer(css):
        sign = match[0]
        if sign == ";" and depth == 0:
            yield css[start : match.start()].strip(), None
            start = match.end()
        elif sign == "{":
            if depth == 0:
                prelude, body_start = css[start : match.start()].strip(), match.end()
            depth += 1
        elif sign == "}":
            depth -= 1
            if depth == 0:
                yield prelude, css[body_start : match.start()]
                start = match.end()


def split_list(selectors):
    """A selector list at its outer commas."""
    parts, depth = [""], 0
    for char in selectors:
        depth += (char in "([") - (char in ")]")
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return [part.strip() for part in parts]


def can_match(selector, used):
    """False when the selector asks for a class, id or element that no page has."""
    plain = selector
    while True:  # what stands in :not(), :is(), :where(), :has() or [] asks for nothing certain
        shorter = re.sub(r":[\w-]+\([^()]*\)|\[[^\]]*\]", "", plain)
        if shorter == plain:
            break
        plain = shorter
    names = re.findall(r"[.#]((?:[\w-]|\\.)+)", plain)
    plain = re.sub(r"[.#](?:[\w-]|\\.)+|::?[\w-]+", "", plain)
    elements = re.findall(r"[a-z][a-z0-9]*", plain)
    return all(name.replace("\\", "") in used for name in names) and all(name in used for name in elements)


def purge(css, used):
    """The style sheet without rules, animations and icon fonts that pages with the words `used` cannot match."""
    css = COMMENT.sub("", css)
    text = prune(css, used | {"html", "body", "from", "to"})
    names = " ".join(re.findall(r"animation(?:-name)?:([^;}]*)", text))
    return re.sub(
        r"@(?:-webkit-)?keyframes ([\w-]+)\{(?:[^{}]*\{[^{}]*\})*\}", lambda m: m[0] if m[1] in names else "", text
    )


def prune(css, used):
    kept = []
    for prelude, body in blocks(css):
        if body is None:
            if not prelude.startswith(("@import", "@charset")):
                kept.append(prelude + ";")
        elif prelude.startswith(GROUPING):
            inner = prune(body, used)
            if inner:
                kept.append(f"{prelude}{{{inner}}}")
        elif prelude.startswith("@"):
            if not ICON_FONT.search(body):
                kept.append(f"{prelude}{{{tidy(body)}}}")
        else:
            selectors = [s for s in split_list(prelude) if can_match(s, used) and not ICON_FONT.search(s)]
            if selectors and body.strip():
                kept.append(f"{','.join(selectors)}{{{tidy(body)}}}")
    return "".join(kept)


VARIABLE = re.compile(r"--[\w-]+")
ASKED = re.compile(r"var\(\s*(--[\w-]+)")
# What a declaration begins with or ends at, and strings, in which no such sign counts; an open one goes on to the end.
DECLARATION_SIGN = re.compile(r"""(?:(?<=[{};])|^)\s*(--[\w-]+):|"(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?|[{};()]""", re.S)


def declarations(css):
    """(start, end, name) of each custom property that is set; its end is after the semicolon, or before the brace."""
    depth, start, name = 0, 0, None
    for match in DECLARATION_SIGN.finditer(css):
        sign = match[0]
        if match[1]:
            start, name, depth = match.start(), match[1], 0
        elif sign in "()":
            depth += 1 if sign == "(" else -1
        elif name and sign == "{":
            name = None
        elif name and (sign == "}" or (sign == ";" and depth <= 0)):
            yield start, match.end() if sign == ";" else match.start(), name
            name = None


def drop_variables(css, elsewhere=""):
    """The sheet without the custom properties that no var() of what stays asks for and nothing `elsewhere` names."""
    rest, at, values = [], 0, {}
    places = list(declarations(css))
    for start, end, name in places:
        values.setdefault(name, []).append(css[start:end])
        rest.append(css[at:start])
        at = end
    asked = [*ASKED.findall("\0".join([*rest, css[at:]])), *VARIABLE.findall(elsewhere)]
    needed = set()
    while asked:
        name = asked.pop()
        if name not in needed:
            needed.add(name)
            asked += ASKED.findall("\0".join(values.get(name, ())))
    kept, at = [], 0
    for start, end, name in places:
        if name not in needed:
            kept.append(css[at:start])
            at = end
    return re.sub(r"(?<=[{}])[^{}@]+\{\}", "", "".join([*kept, css[at:]]))


def tidy(body):
    return re.sub(r"\s+", " ", body).replace("; ", ";").replace(": ", ":").strip().rstrip(";")
