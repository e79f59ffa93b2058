"""reStructuredText, plain and as Sphinx has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.reader import Reader, UnreadableFile
from ingest.readers.restructuredtext.reader import RestructuredTextReader
from tests.contracts.reader import ReaderContract

SAMPLE = """\
Pumps
=====

Version *two*, see the `limits <limits.html>`_ and ``run --now``.

Limits
------

=====  =====
Part   bar
=====  =====
valve  6
tap    3
=====  =====

- one

  1. deep
- two

::

    $ run
      indented

Menu
----

.. image:: a.png
   :alt: A pump
"""


def text(tmp_path: Path, content: str) -> str:
    path = tmp_path / "file.rst"
    path.write_text(content, encoding="utf-8")
    return RestructuredTextReader().read(path, "file.rst").text


class TestRestructuredTextReader(ReaderContract):
    @pytest.fixture
    def reader(self) -> Reader:
        return RestructuredTextReader()

    @pytest.fixture
    def good(self, tmp_path: Path) -> Path:
        path = tmp_path / "good.rst"
        path.write_text(SAMPLE, encoding="utf-8")
        return path


def test_a_file(tmp_path: Path) -> None:
    assert text(tmp_path, SAMPLE) == (
        "# Pumps\n\nVersion *two*, see the [limits](limits.html) and `run --now`.\n\n"
        "## Limits\n\n| Part | bar |\n|---|---|\n| valve | 6 |\n| tap | 3 |\n\n"
        "- one\n  1. deep\n- two\n\n"
        "```\n$ run\n  indented\n```\n\n"
        "## Menu\n\n![A pump]()\n"
    )


def test_grid_tables_repeat_merged_cells(tmp_path: Path) -> None:
    table = "+---+---+\n| a | b |\n+===+===+\n| 1 | 2 |\n+   +---+\n|   | 3 |\n+---+---+\n"
    assert text(tmp_path, table) == "| a | b |\n|---|---|\n| 1 | 2 |\n| 1 | 3 |\n"


def test_what_sphinx_adds_keeps_its_text(tmp_path: Path) -> None:
    content = """\
See :ref:`the limits <limits>`, :func:`~pump.start`, :menuselection:`File` and |release|.

.. toctree::
   :maxdepth: 2

   other

.. versionadded:: 2.1
   Faster.

.. py:function:: start(pump, *, slowly)
   :noindex:

   Starts a *pump*.

.. code-block:: python
   :caption: Example
   :emphasize-lines: 1

   start(x)

.. only:: html

   Shown.

.. our-own:: Some title
   :odd: option

   Some text.
"""
    assert text(tmp_path, content) == (
        "See the limits, `pump.start`, File and |release|.\n\n"
        "**Added in version 2.1**\n\nFaster.\n\n"
        "**start(pump, \\*, slowly)**\n\nStarts a *pump*.\n\n"
        "```python\nstart(x)\n```\n\n"
        "Shown.\n\n"
        "**Some title**\n\nSome text.\n"
    )


def test_notes_keep_their_title(tmp_path: Path) -> None:
    assert text(tmp_path, ".. warning:: Hot.\n") == "**Warning**\n\nHot.\n"


def test_what_is_wrong_stays_as_it_was_written(tmp_path: Path) -> None:
    content = "Start `unknown_ and *open.\n\n===  ===\nbad table\n=== ===\n\n.. figure::\n\n   Legend.\n"
    read = text(tmp_path, content)
    for piece in ("unknown\\_", "open", "bad table", "Legend."):
        assert piece.replace("\\", "") in read.replace("\\", "")
    assert "System Message" not in read


def test_no_other_file_is_opened(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("TOP SECRET, of some length")
    (tmp_path / "docutils.conf").write_text("[general]\nfile_insertion_enabled: yes\nraw_enabled: yes\n")
    content = (
        f"Text.\n\n.. include:: {tmp_path}/secret\n\n.. csv-table::\n   :file: {tmp_path}/secret\n\n"
        f".. raw:: html\n   :file: {tmp_path}/secret\n\n.. literalinclude:: {tmp_path}/secret\n\n"
        f".. code:: text\n   :file: {tmp_path}/secret\n\nEnd.\n"
    )
    read = text(tmp_path, content)
    assert "TOP SECRET" not in read
    assert read.startswith("Text.\n\n")
    assert read.endswith("End.\n")
    assert "<" not in text(tmp_path, "Text.\n\n.. raw:: html\n\n   <script>alert(1)</script>\n")


def test_lines_without_end_are_refused(tmp_path: Path) -> None:
    assert len(text(tmp_path, "word " * 10_000)) > 49_000
    with pytest.raises(UnreadableFile, match="a line of more than 100,000 characters"):
        text(tmp_path, "word " * 30_000)
