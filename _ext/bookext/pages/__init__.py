"""What a page links to: the book's own address, a page for wrong addresses, places that run a page."""
