"""Kinds of traits whose values are checked, and the limits that all figures of a network share."""

import re

import numpy as np
import traitlets

from .. import _check

MAX_STEPS = 64
MAX_HIDDEN = 64
MAX_SEED = 2**53 - 1  # the largest whole number that a page's script holds exactly
FORGET_BIASES = 0.0, 6.0  # of an LSTM
LIMITS = {"steps": MAX_STEPS, "hidden": MAX_HIDDEN, "seed": MAX_SEED}  # as the views know them

TRAINING = {"UPDATES": 300, "RATE": 0.2}  # of the figures whose network learns its text


class InvalidValue(traitlets.TraitError, ValueError):
    """A trait's value is out of range; caught as ValueError or as TraitError."""


class InvalidType(traitlets.TraitError, TypeError):
    """A trait's value is of the wrong type; caught as TypeError or as TraitError."""


class Whole(traitlets.TraitType):
    """A trait that holds a whole number from `low` to `high`."""

    def __init__(self, low, high, **kwargs):
        self.low, self.high = low, high
        super().__init__(**kwargs)

    def validate(self, obj, value):
        try:
            return _check.whole(self.name, value, self.low, self.high)
        except TypeError as error:
            raise InvalidType(str(error)) from None
        except ValueError as error:
            raise InvalidValue(str(error)) from None


class Choice(traitlets.TraitType):
    """A trait that holds one of `choices`, which are strings."""

    def __init__(self, choices, **kwargs):
        self.choices = choices
        super().__init__(**kwargs)

    def validate(self, obj, value):
        try:
            return _check.one_of(self.name, value, self.choices)
        except ValueError as error:
            raise (InvalidValue if isinstance(value, str) else InvalidType)(str(error)) from None


class Text(traitlets.TraitType):
    """A trait that holds a text of 2 to `most` characters: the last is only predicted."""

    def __init__(self, most=MAX_STEPS + 1, **kwargs):
        self.most = most
        super().__init__(**kwargs)

    def validate(self, obj, value):
        expected = f"{self.name}: expected a string of 2 to {self.most} characters"
        if not isinstance(value, str):
            raise InvalidType(f"{expected}, got {_check.describe(value)}")
        if not 2 <= len(value) <= self.most:
            raise InvalidValue(f"{expected}, got {len(value)}")
        if half := re.search("[\ud800-\udfff]", value):  # UTF-8 has no bytes for it, so no page could be told of it
            raise InvalidValue(f"{expected}, got half a surrogate pair, {half[0]!r}, at place {half.start()}")
        return value


class Number(traitlets.TraitType):
    """A trait that holds a number from `low` to `high`, as a float."""

    def __init__(self, low, high, **kwargs):
        self.low, self.high = low, high
        super().__init__(**kwargs)

    def validate(self, obj, value):
        expected = f"{self.name}: expected a number from {self.low:g} to {self.high:g}"
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
            raise InvalidType(f"{expected}, got {_check.describe(value)}")
        if not self.low <= value <= self.high:
            raise InvalidValue(f"{expected}, got {value}")
        return float(value)


def defaults(body):
    """{name: default value} of the traits that the body of a class has so far, as the views know them."""
    traits = {name: trait.default_value for name, trait in body.items() if isinstance(trait, traitlets.TraitType)}
    plain = (str, int, float)  # neither bytes nor what follows from other traits
    return {name: value for name, value in traits.items() if isinstance(value, plain)}
