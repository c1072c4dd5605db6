"""The frame of a page: templates, style sheet and small scripts."""
