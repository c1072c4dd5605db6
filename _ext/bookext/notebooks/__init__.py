"""The book as notebooks for Jupyter."""
