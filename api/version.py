"""Which version of the product this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def package_version() -> str:
    """The installed version."""
    try:
        return version("docqa")
    except PackageNotFoundError:  # run from a source tree that was never installed
        return "0"
