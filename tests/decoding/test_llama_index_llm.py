"""The decoder in LlamaIndex pipelines."""

from __future__ import annotations

import asyncio

import pytest
from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.prompts import PromptTemplate

from decoding.llama_index_llm import SpeculativeLLM
from decoding.target import ContextOverflow
from tests.fakes.decoding import ByteTokenizer, ScriptedGenerator

TEXT = "Four minutes, wörtlich. Then it closes."
MESSAGES = [
    ChatMessage(role=MessageRole.SYSTEM, content="Be brief."),
    ChatMessage(role=MessageRole.USER, content="How long?"),
]


def model(generator: ScriptedGenerator, **fields: object) -> SpeculativeLLM:
    return SpeculativeLLM(generator, ByteTokenizer(), model="scripted", **fields)


def test_a_chat_is_in_the_models_own_template() -> None:
    generator = ScriptedGenerator(TEXT)
    response = model(generator).chat(MESSAGES)
    assert response.message.content == TEXT
    assert response.message.role is MessageRole.ASSISTANT
    assert response.raw["finish_reason"] == "stop"
    assert response.raw["stats"]["prompt_tokens"] == len(generator.prompts[0])
    assert generator.prompts == [ByteTokenizer().chat_prompt([("system", "Be brief."), ("user", "How long?")])]


def test_streams_end_with_the_whole_text_and_the_figures() -> None:
    llm = model(ScriptedGenerator(TEXT))
    for pieces in (list(llm.stream_chat(MESSAGES)), list(llm.stream_complete("How long?"))):
        assert len(pieces) > 3
        assert "".join(piece.delta or "" for piece in pieces) == TEXT
        assert (pieces[-1].raw is not None, pieces[0].raw) == (True, None)
    assert pieces[-1].text == TEXT


def test_plain_prompts_are_a_users_message_unless_they_are_formatted() -> None:
    generator = ScriptedGenerator(TEXT)
    llm = model(generator)
    assert llm.complete("How long?").text == TEXT
    llm.complete("As it is", formatted=True)
    tokenizer = ByteTokenizer()
    assert generator.prompts == [tokenizer.chat_prompt([("user", "How long?")]), tokenizer.encode("As it is")]


def test_options_of_a_call_win() -> None:
    llm = model(ScriptedGenerator(TEXT), max_tokens=200)
    assert llm.complete("How long?", max_tokens=4).raw["finish_reason"] == "length"
    assert llm.complete("How long?", stop=", ").text == "Four minutes"
    with pytest.raises(ValueError, match="temperature"):
        llm.complete("How long?", temperature=9.0)


def test_a_pipeline_predicts_with_it_and_knows_its_limits() -> None:
    llm = model(ScriptedGenerator(TEXT, context_length=100), max_tokens=50)
    assert llm.predict(PromptTemplate("About {thing}?"), thing="it") == TEXT
    assert (llm.metadata.context_window, llm.metadata.num_output, llm.metadata.model_name) == (100, 50, "scripted")
    assert llm.metadata.is_chat_model
    with pytest.raises(ContextOverflow):
        llm.complete("x" * 100)
    with pytest.raises(ValueError, match="not of tool"):
        llm.chat([ChatMessage(role=MessageRole.TOOL, content="4")])


@pytest.mark.anyio
async def test_the_event_loop_goes_on_while_it_writes() -> None:
    llm = model(ScriptedGenerator(TEXT, delay=0.01))
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(0.001)

    beating = asyncio.create_task(beat())
    assert (await llm.achat(MESSAGES)).message.content == TEXT
    assert (await llm.acomplete("How long?")).text == TEXT
    chat = [piece.delta async for piece in await llm.astream_chat(MESSAGES)]
    complete = [piece.delta async for piece in await llm.astream_complete("How long?")]
    beating.cancel()
    assert "".join(map(str, chat)) == "".join(map(str, complete)) == TEXT
    assert beats > 20


@pytest.mark.anyio
async def test_who_leaves_a_stream_ends_it() -> None:
    generator = ScriptedGenerator("word " * 1_000, delay=0.01)
    stream = await model(generator, max_tokens=9_000).astream_chat(MESSAGES)
    async for _ in stream:
        break
    await stream.aclose()
    for _ in range(200):
        if generator.running == 0:
            break
        await asyncio.sleep(0.01)
    assert generator.running == 0
