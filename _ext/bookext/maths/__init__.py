"""Equations as MathML, the symbols in them, and the font that they are set in."""
