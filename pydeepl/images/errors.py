"""What is raised for a file that is no readable image."""

from __future__ import annotations


class ImageError(ValueError):
    """An image that cannot be read: damaged, cut short, too large, or of no supported format."""
