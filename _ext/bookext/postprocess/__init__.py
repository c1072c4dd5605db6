"""What happens to the built pages and their files."""
