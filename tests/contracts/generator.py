"""What every generator must do."""

from __future__ import annotations

import math
from threading import Event

import pytest

from decoding.generator import FinishReason, GenerationDone, GenerationParams, Generator, TokenChunk
from decoding.target import ContextOverflow

PROMPT = list(b"The gateway answers the gateway. ")


def run(generator: Generator, params: GenerationParams) -> tuple[list[TokenChunk], GenerationDone]:
    """All chunks of a stream and its end."""
    *chunks, done = generator.generate(PROMPT, params)
    assert isinstance(done, GenerationDone)
    assert all(isinstance(chunk, TokenChunk) for chunk in chunks)
    return [chunk for chunk in chunks if isinstance(chunk, TokenChunk)], done


class GeneratorContract:
    """Subclasses provide the fixture ``generator``, which says more than 12 tokens about `PROMPT`."""

    def test_chunks_make_up_the_whole(self, generator: Generator) -> None:
        chunks, done = run(generator, GenerationParams(max_tokens=40))
        assert "".join(chunk.text for chunk in chunks) == done.text
        assert tuple(token for chunk in chunks for token in chunk.tokens) == done.tokens
        assert done.stats.prompt_tokens == len(PROMPT)
        assert done.stats.output_tokens == len(done.tokens)
        assert 0 <= done.stats.accepted <= done.stats.drafted

    @pytest.mark.parametrize("limit", [1, 2, 7, 12])
    def test_the_limit_ends_it(self, generator: Generator, limit: int) -> None:
        _, done = run(generator, GenerationParams(max_tokens=limit))
        assert len(done.tokens) == limit
        assert done.finish_reason is FinishReason.LENGTH

    def test_a_stop_string_ends_it_and_is_not_shown(self, generator: Generator) -> None:
        _, whole = run(generator, GenerationParams(max_tokens=40))
        stop = whole.text[6:9]
        chunks, done = run(generator, GenerationParams(max_tokens=40, stop=(stop,)))
        assert done.text == whole.text[: whole.text.index(stop)]
        assert "".join(chunk.text for chunk in chunks) == done.text
        assert done.finish_reason is FinishReason.STOP

    def test_a_cancel_ends_it(self, generator: Generator) -> None:
        cancel = Event()
        stream = generator.generate(PROMPT, GenerationParams(max_tokens=40, cancel=cancel))
        next(stream)
        cancel.set()
        *_, done = stream
        assert isinstance(done, GenerationDone)
        assert done.finish_reason is FinishReason.CANCELLED
        assert len(done.tokens) < 40

    def test_a_cancel_before_the_start_says_nothing(self, generator: Generator) -> None:
        cancel = Event()
        cancel.set()
        _, done = run(generator, GenerationParams(max_tokens=40, cancel=cancel))
        assert (done.tokens, done.text, done.finish_reason) == ((), "", FinishReason.CANCELLED)

    def test_the_first_token_is_the_likeliest_option(self, generator: Generator) -> None:
        _, plain = run(generator, GenerationParams(max_tokens=4))
        others = [token for token in range(65, 75) if token != plain.tokens[0]]
        _, done = run(generator, GenerationParams(max_tokens=4, options=(plain.tokens[0], *others)))
        assert done.tokens == plain.tokens
        assert len(done.option_logprobs) == 1 + len(others)
        assert 0.0 >= done.option_logprobs[0] > max(done.option_logprobs[1:])
        assert sum(map(math.exp, done.option_logprobs)) <= 1.0 + 1e-6

    def test_overflow_is_refused_by_the_call_itself(self, generator: Generator) -> None:
        with pytest.raises(ContextOverflow):
            generator.generate(PROMPT, GenerationParams(max_tokens=generator.context_length))

    def test_an_empty_prompt_is_refused(self, generator: Generator) -> None:
        with pytest.raises(ValueError, match="empty"):
            generator.generate([], GenerationParams(max_tokens=4))
