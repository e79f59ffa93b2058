"""The decoder as a language model for LlamaIndex pipelines: `pip install 'docqa[llama-index]'`.

    llm = SpeculativeLLM(decoder.generator, decoder.tokenizer, model="qwen2.5-coder-1.5b-instruct")
    Settings.llm = llm

A prompt is drafted from whatever it holds, so that pipelines which put passages into it are sped up as this product's
own answers are. The figures of each generation come with the response (``raw``).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from threading import Event
from typing import Any, TypeVar, cast

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    LLMMetadata,
    MessageRole,
)
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.llms.custom import CustomLLM
from pydantic import Field, PrivateAttr

from decoding.generator import GenerationDone, GenerationParams, Generator, SamplingParams, Tokenizer

T = TypeVar("T")
ROLES = (MessageRole.SYSTEM, MessageRole.USER, MessageRole.ASSISTANT)


class SpeculativeLLM(CustomLLM):
    """Chats and completes with one generator. ``max_tokens``, ``temperature``, ``seed`` and ``stop`` of a call win.

    A prompt to `complete` is one message of a user; with ``formatted`` it is plain text to go on with. Raises
    `decoding.target.ContextOverflow` for what does not fit, ValueError for roles other than `ROLES`.
    """

    model: str = Field(description="Name under which responses report the model.")
    max_tokens: int = Field(default=384, ge=1, description="Tokens of a response, at most.")
    temperature: float = Field(default=0.0, ge=0.0, le=5.0, description="0 gives the same response each time.")
    seed: int = Field(default=0, ge=0, description="Makes a response with a temperature repeatable.")
    _generator: Generator = PrivateAttr()
    _tokenizer: Tokenizer = PrivateAttr()

    def __init__(self, generator: Generator, tokenizer: Tokenizer, **fields: Any) -> None:  # noqa: ANN401 - pydantic's
        super().__init__(**fields)
        self._generator = generator
        self._tokenizer = tokenizer

    @classmethod
    def class_name(cls) -> str:
        """Called by LlamaIndex."""
        return "docqa_speculative_llm"

    @property
    def metadata(self) -> LLMMetadata:
        """Called by LlamaIndex, to fit prompts into the context."""
        return LLMMetadata(
            context_window=self._generator.context_length,
            num_output=self.max_tokens,
            is_chat_model=True,
            model_name=self.model,
        )

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:  # noqa: ANN401
        """The whole response."""
        return _last(self._completions(prompt, formatted, kwargs, Event()))

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:  # noqa: ANN401
        """The response as it comes; its last piece has the figures."""
        return cast(CompletionResponseGen, self._completions(prompt, formatted, kwargs, Event()))

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:  # noqa: ANN401
        """The whole response, in the model's own chat template."""
        return _last(self._chats(messages, kwargs, Event()))

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:  # noqa: ANN401
        """The response as it comes, in the model's own chat template."""
        return cast(ChatResponseGen, self._chats(messages, kwargs, Event()))

    @llm_completion_callback()
    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:  # noqa: ANN401
        """`complete` in a thread, so that the event loop goes on."""
        return await asyncio.to_thread(lambda: _last(self._completions(prompt, formatted, kwargs, Event())))

    @llm_completion_callback()
    async def astream_complete(  # noqa: D102 - as stream_complete
        self,
        prompt: str,
        formatted: bool = False,
        **kwargs: Any,  # noqa: ANN401
    ) -> CompletionResponseAsyncGen:
        return cast(
            CompletionResponseAsyncGen, _in_thread(lambda cancel: self._completions(prompt, formatted, kwargs, cancel))
        )

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:  # noqa: ANN401
        """`chat` in a thread, so that the event loop goes on."""
        return await asyncio.to_thread(lambda: _last(self._chats(messages, kwargs, Event())))

    @llm_chat_callback()
    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:  # noqa: ANN401
        """`stream_chat` in a thread, so that the event loop goes on."""
        return cast(ChatResponseAsyncGen, _in_thread(lambda cancel: self._chats(messages, kwargs, cancel)))

    def _completions(
        self, prompt: str, formatted: bool, options: dict[str, Any], cancel: Event
    ) -> Iterator[CompletionResponse]:
        tokens = self._tokenizer.encode(prompt) if formatted else self._tokenizer.chat_prompt([("user", prompt)])
        for text, delta, raw in self._generate(tokens, options, cancel):
            yield CompletionResponse(text=text, delta=delta, raw=raw)

    def _chats(self, messages: Sequence[ChatMessage], options: dict[str, Any], cancel: Event) -> Iterator[ChatResponse]:
        tokens = self._tokenizer.chat_prompt([_role_and_content(message) for message in messages])
        for text, delta, raw in self._generate(tokens, options, cancel):
            said = ChatMessage(role=MessageRole.ASSISTANT, content=text)
            yield ChatResponse(message=said, delta=delta, raw=raw)

    def _generate(
        self, tokens: Sequence[int], options: dict[str, Any], cancel: Event
    ) -> Iterator[tuple[str, str, dict[str, Any] | None]]:
        """All text so far, its last piece, and at the end the figures."""
        stream = self._generator.generate(tokens, self._params(options, cancel))
        text = ""
        with closing(cast("Any", stream)):
            for item in stream:
                if isinstance(item, GenerationDone):
                    figures = {"finish_reason": item.finish_reason.value, "stats": asdict(item.stats)}
                    yield text, "", figures
                elif item.text:
                    text += item.text
                    yield text, item.text, None

    def _params(self, options: dict[str, Any], cancel: Event) -> GenerationParams:
        stop = options.get("stop") or ()
        return GenerationParams(
            max_tokens=options.get("max_tokens", self.max_tokens),
            sampling=SamplingParams(
                temperature=options.get("temperature", self.temperature), seed=options.get("seed", self.seed)
            ),
            stop=(stop,) if isinstance(stop, str) else tuple(stop),
            cancel=cancel,
        )


def _role_and_content(message: ChatMessage) -> tuple[str, str]:
    if message.role not in ROLES:
        raise ValueError(f"messages are of {', '.join(role.value for role in ROLES)}, not of {message.role.value}")
    return message.role.value, message.content or ""


def _last(pieces: Iterator[T]) -> T:
    *_, last = pieces
    return last


async def _in_thread(make: Callable[[Event], Iterator[T]]) -> AsyncIterator[T]:
    """The pieces as a thread makes them, each in its turn; a reader who leaves cancels the rest."""
    cancel = Event()
    pieces = make(cancel)
    over = object()
    try:
        while (piece := await asyncio.to_thread(next, pieces, over)) is not over:
            yield cast(T, piece)
    finally:
        cancel.set()
        await asyncio.to_thread(cast("Any", pieces).close)
