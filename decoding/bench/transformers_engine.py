"""The transformers library as an engine: plain, with prompt lookup, or with an assistant model; bfloat16."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from decoding.bench.prompts import BenchPrompt


class TransformersEngine:
    """``options`` go to the library's `generate`."""

    def __init__(self, name: str, model: Any, **options: Any) -> None:  # noqa: ANN401 - classes differ by model
        self.name = name
        self.said: dict[str, list[int]] = {}
        self._model = model
        self._options = options

    @staticmethod
    def load(folder: Path) -> Any:  # noqa: ANN401 - classes differ by model
        """A model of the library from a folder in its layout."""
        from transformers import AutoModelForCausalLM
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        logging.set_verbosity_error()  # type: ignore[no-untyped-call]
        model = AutoModelForCausalLM.from_pretrained(str(folder), dtype=torch.bfloat16, local_files_only=True)
        model.train(False)
        return model

    def stream(self, prompt: BenchPrompt, *, forced: bool = False) -> Iterator[int]:
        """See `decoding.bench.engines.Engine`."""
        arrivals: queue.Queue[list[int] | Exception | None] = queue.Queue()

        class Streamer:
            """The library hands its tokens to this."""

            prompt_seen = False

            def put(self, value: torch.Tensor) -> None:
                if self.prompt_seen:
                    arrivals.put(value.flatten().tolist())
                self.prompt_seen = True

            def end(self) -> None:
                arrivals.put(None)

        def run() -> None:
            try:
                ids = torch.tensor([list(prompt.tokens)])
                limits = {"max_new_tokens": prompt.max_tokens}
                if forced:
                    limits["min_new_tokens"] = prompt.max_tokens
                with torch.inference_mode():
                    self._model.generate(
                        ids,
                        attention_mask=torch.ones_like(ids),
                        do_sample=False,
                        temperature=None,
                        top_p=None,
                        top_k=None,
                        repetition_penalty=1.0,
                        streamer=Streamer(),
                        **limits,
                        **self._options,
                    )
            except Exception as error:
                arrivals.put(error)

        thread = threading.Thread(target=run)
        thread.start()
        said = self.said[prompt.id] = []
        while (tokens := arrivals.get()) is not None:
            if isinstance(tokens, Exception):
                raise tokens
            said += tokens
            yield len(tokens)
        thread.join()
