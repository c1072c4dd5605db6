"""Widgets on static pages: collected from a cell's outputs, drawn at the build, run by the page's host."""
