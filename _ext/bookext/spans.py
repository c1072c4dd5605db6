"""Cut texts at marks in one pass, however long they are and whether or not a mark has its end."""

import re


def spans(text, opening, closing):
    """(start, end) of each piece of a text from an `opening` to the next `closing`, in order.

    Args:
        text: the text.
        opening: a compiled expression.
        closing: a string; an opening without one is none.
    """
    at = 0
    while (match := opening.search(text, at)) and (end := text.find(closing, match.end())) >= 0:
        at = end + len(closing)
        yield match.start(), at


def without(text, opening, closing):
    """The text without the pieces that `spans` finds."""
    kept, at = [], 0
    for start, end in spans(text, opening, closing):
        kept.append(text[at:start])
        at = end
    return "".join([*kept, text[at:]])


TAG = re.compile(r"<[^<>]*>")
