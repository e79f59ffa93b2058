"""``python -m tests.api.dev_server [PORT]``: the service with fake answers, for work on its page.

A question with the word "fail" ends in an error, one with "weather" or without a matching word in an abstention.
"""

from __future__ import annotations

import sys

import uvicorn

from api.app import create_app
from api.settings import Settings
from tests.api.fake_answers import FakeAnswers
from tests.api.fake_components import FakeComponents
from tests.api.library import corpus_library


def main() -> None:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8010
    catalog = corpus_library()
    settings = Settings(port=port, model="fake-model")
    app = create_app(FakeComponents(catalog, FakeAnswers(catalog, delay=0.06), settings))
    uvicorn.run(app, host=settings.host, port=port, log_level="info")


if __name__ == "__main__":
    main()
