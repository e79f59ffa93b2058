"""The product over a real index, with everything real but the models.

``python -m tests.api.indexed_docqa ARGUMENTS`` is its command line.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace

import httpx

from api.app import create_app
from api.cli.main import app
from api.components import LocalComponents
from api.owner_key import OwnerKey, left_in
from api.settings import load_settings
from ingest.document import Document
from ingest.formats import Readers
from tests.api.fake_answers import FakeAnswers
from tests.api.serving import eventually, served
from tests.fakes.embedder import HashEmbedder


class SlowReaders(Readers):
    """Takes ``DOCQA_TEST_READ_SECONDS`` for each file, so that a test can do something meanwhile."""

    def read(self, path: Path, source: str) -> Document:
        time.sleep(float(os.environ.get("DOCQA_TEST_READ_SECONDS", "0")))
        return super().read(path, source)


def _load(components: LocalComponents, begin: Callable[[str], None]) -> None:
    begin("index")
    _ = components.memory, components.catalog, components.vectors
    for collection in components.catalog.collections():
        components.pipeline.mend(collection)


def parts() -> dict[str, object]:
    """Attributes of `LocalComponents` that make it do without models."""
    answers = cached_property(lambda components: FakeAnswers(components.catalog))
    answers.__set_name__(LocalComponents, "answers")
    return {
        "embedder": HashEmbedder(),
        "embedder_engine": "nor here (a test)",
        "readers": SlowReaders(),
        "answers": answers,
        "decoder": SimpleNamespace(engine="none at all (a test)", draft_model=None),
        "load": _load,
        "require_models": lambda _: None,
    }


@dataclass(frozen=True, slots=True)
class Running:
    """A server over the index in the working directory, its owner's key, and a client with that key."""

    url: str
    left: OwnerKey
    client: httpx.Client

    def answer(self, question: str) -> list[str]:
        """Sources of the passages that were found."""
        body = self.client.post("/v1/answers", json={"question": question}).json()
        return [source["source"] for source in body.get("sources", [])]

    def states(self) -> list[str]:
        return [job["state"] for job in self.client.get("/v1/jobs").json()["jobs"]]


@contextmanager
def known(url: str, left: OwnerKey) -> Iterator[Running]:
    """The server at ``url``, which left this key."""
    headers = {"Authorization": f"Bearer {left.secret}"}
    with httpx.Client(base_url=url, headers=headers, trust_env=False) as client:
        yield Running(url, left, client)


@contextmanager
def running() -> Iterator[Running]:
    """A server in this process, whose `LocalComponents` have the attributes of `parts`."""
    settings = load_settings()
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    with LocalComponents(settings) as components:
        components.own_vectors()
        with left_in(settings.owner_key_path, url) as left, known(url, left) as server:
            application = create_app(components, owner=left)
            with served(application, listening):
                eventually(lambda: server.client.get("/readyz").status_code == 200, 60)
                yield server


def main() -> None:
    for name, part in parts().items():
        setattr(LocalComponents, name, part)
    app(prog_name="docqa")


if __name__ == "__main__":
    main()
