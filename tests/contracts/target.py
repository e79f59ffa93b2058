"""What every target must do."""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decoding.attention import AttentionQuery
from decoding.target import ContextOverflow, Extension, TargetModel, TargetSequence
from decoding.tree import StepTree
from tests.decoding.branches import branches

HEADS = ((0, 1), (0, 3))
TOKENS = [(7 * i * i + 3 * i + 1) % 61 for i in range(40)]


@st.composite
def trees(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    """Tokens and parents of 1 to 12 tokens, from chains to stars."""
    count = draw(st.integers(1, 12))
    parents = [draw(st.integers(max(-1, index - 3), index - 1)) for index in range(count)]
    return draw(st.lists(st.integers(0, 60), min_size=count, max_size=count)), parents


# The suite runs once for each target, and a target has no state beside its sequences.
branching = settings(
    max_examples=20,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)


class TargetContract:
    """Subclasses provide the fixture ``target`` (vocabulary 64, context of 64 tokens) and may loosen ``exact``."""

    exact = True

    def same(self, left: torch.Tensor, right: torch.Tensor) -> bool:
        return bool(torch.equal(left, right) if self.exact else torch.allclose(left, right, atol=0.1))

    def test_rows_are_float32_of_the_vocabulary(self, target: TargetModel) -> None:
        rows = target.start().extend(TOKENS[:5], 3)
        assert rows.dtype == torch.float32
        assert rows.shape == (3, target.vocabulary)
        assert torch.isfinite(rows).all()

    @pytest.mark.parametrize("width", [1, 2, 3, 5, 8, 16, 39])
    def test_rows_do_not_depend_on_how_the_tokens_are_cut(self, target: TargetModel, width: int) -> None:
        whole = target.start().extend(TOKENS, len(TOKENS))
        sequence = target.start()
        pieces = [TOKENS[at : at + width] for at in range(0, len(TOKENS), width)]
        assert self.same(torch.cat([sequence.extend(piece, len(piece)) for piece in pieces]), whole)
        assert sequence.length == len(TOKENS)

    @pytest.mark.parametrize("kept", [0, 1, 9, 20])
    def test_what_is_truncated_leaves_no_trace(self, target: TargetModel, kept: int) -> None:
        fresh = target.start()
        expected = fresh.extend(TOKENS[: kept + 5], 5)
        sequence = target.start()
        sequence.extend([*TOKENS[:kept], 9, 8, 7, 6, 5, 4, 3], 1)
        sequence.truncate(kept)
        assert sequence.length == kept
        assert self.same(sequence.extend(TOKENS[kept : kept + 5], 5), expected)

    @branching
    @given(tree=trees(), kept=st.integers(0, 20))
    def test_a_token_of_a_tree_sees_its_own_path_alone(
        self, target: TargetModel, tree: tuple[list[int], list[int]], kept: int
    ) -> None:
        tokens, parents = tree
        rows = started(target, kept).extend(tokens, len(tokens), parents)
        for branch in branches(StepTree.of(kept, len(tokens), parents)):
            path = list(branch.path)
            chain = started(target, kept).extend([tokens[index] for index in path], len(path))
            assert self.same(rows[path], chain)

    @branching
    @given(tree=trees(), kept=st.integers(0, 20), data=st.data())
    def test_a_retained_path_goes_on_like_a_chain(
        self, target: TargetModel, tree: tuple[list[int], list[int]], kept: int, data: st.DataObject
    ) -> None:
        tokens, parents = tree
        leaf = data.draw(st.integers(-1, len(tokens) - 1))
        path = StepTree.of(kept, len(tokens), parents).path_to(leaf)
        sequence = started(target, kept)
        sequence.extend(tokens, 1, parents)
        sequence.retain(kept, path)
        assert sequence.length == kept + len(path)
        plain = started(target, kept)
        if path:
            plain.extend([tokens[index] for index in path], 1)
        for follow_up in ([5, 6], [7]):
            assert self.same(sequence.extend(follow_up, len(follow_up)), plain.extend(follow_up, len(follow_up)))

    def test_a_tree_can_be_forgotten(self, target: TargetModel) -> None:
        sequence = started(target, 9)
        sequence.extend([1, 2, 3], 1, [-1, -1, 0])
        sequence.truncate(5)
        assert self.same(sequence.extend([4], 1), started(target, 5).extend([4], 1))

    @pytest.mark.parametrize("parents", [[-1, 0], [-1, 0, 2], [-2, 0, 1], [0, 0, 1]])
    def test_what_is_no_tree_is_refused(self, target: TargetModel, parents: list[int]) -> None:
        with pytest.raises(ValueError, match="parents"):
            target.start().extend([1, 2, 3], 3, parents)

    @pytest.mark.parametrize(
        ("start", "path"), [(3, [1]), (4, [2]), (4, [0, 1]), (4, [3]), (4, [-1]), (4, [0, 0]), (5, [0])]
    )
    def test_what_is_no_path_is_not_retained(self, target: TargetModel, start: int, path: list[int]) -> None:
        sequence = started(target, 4)
        sequence.extend([1, 2, 3], 3, [-1, -1, 0])
        with pytest.raises(ValueError, match=r"can't retain|no path"):
            sequence.retain(start, path)
        assert sequence.length == 7

    def test_an_uncut_tree_stops_everything_but_its_cut(self, target: TargetModel) -> None:
        sequence = started(target, 4)
        sequence.extend([1, 2], 2, [-1, -1])
        with pytest.raises(ValueError, match="retain one of its paths"):
            sequence.extend([3], 1)
        with pytest.raises(ValueError, match="retain one of its paths"):
            sequence.truncate(5)
        with pytest.raises(ValueError, match="retain one of its paths"):
            sequence.fork(5)
        assert sequence.fork(4).length == 4
        sequence.retain(4, [1])
        with pytest.raises(ValueError, match="no step"):
            sequence.retain(4, [0])
        assert self.same(sequence.extend([3], 1), started(target, 4).extend([2, 3], 1))

    def test_sequences_do_not_feel_each_other(self, target: TargetModel) -> None:
        alone = target.start().extend(TOKENS, 1)
        one, other = target.start(), target.start()
        one.extend(TOKENS[:20], 1)
        other.extend(list(reversed(TOKENS)), 1)
        assert self.same(one.extend(TOKENS[20:], 1), alone)

    @branching
    @given(data=st.data(), parts=st.lists(trees(), min_size=1, max_size=4))
    def test_sequences_that_share_a_pass_do_not_feel_each_other(
        self, target: TargetModel, data: st.DataObject, parts: list[tuple[list[int], list[int]]]
    ) -> None:
        kept = [data.draw(st.integers(0, 20)) for _ in parts]
        sequences = [started(target, each) for each in kept]
        logits = [data.draw(st.integers(0, len(tokens))) for tokens, _ in parts]
        passed = target.extend(
            [
                Extension(sequence, tokens, count, parents)
                for sequence, (tokens, parents), count in zip(sequences, parts, logits, strict=True)
            ]
        )
        for sequence, length, (tokens, parents), count, rows in zip(
            sequences, kept, parts, logits, passed, strict=True
        ):
            assert self.same(rows, started(target, length).extend(tokens, count, parents))
            assert sequence.length == length + len(tokens)
            assert sequence.bytes <= target.bytes_for(sequence.length)

    @pytest.mark.parametrize("width", [1, 3, 7, 40])
    def test_attention_does_not_depend_on_how_the_tokens_are_cut(self, target: TargetModel, width: int) -> None:
        query = AttentionQuery(20, 33, ((0, 4), (4, 19), (19, 20)), HEADS)
        whole, cut, other = target.start(), target.start(), target.start()
        for sequence in (whole, cut):
            sequence.watch(query)
        assert whole.attention == ()
        expected = whole.extend(TOKENS, len(TOKENS))
        for at in range(0, len(TOKENS), width):
            assert len(cut.attention) == (len(query.spans) if at >= query.end else 0)
            piece = TOKENS[at : at + width]
            rows, _ = target.extend([Extension(cut, piece, len(piece)), Extension(other, TOKENS[:1], 1)])
            other.truncate(0)
            assert self.same(rows, expected[at : at + width])
        tolerance = 0.0 if self.exact else 0.01
        assert cut.attention == pytest.approx(whole.attention, rel=0.0, abs=tolerance)
        assert other.attention == cut.fork(32).attention == ()
        fork = cut.fork(33)
        assert fork.attention == cut.attention
        fork.truncate(25)
        fork.extend([5] * 9, 1)
        assert fork.attention != cut.attention
        assert cut.watch(query)
        assert cut.attention == cut.fork(40).attention
        assert not fork.watch(AttentionQuery(20, 33, query.spans, HEADS[:1]))

    @pytest.mark.parametrize("heads", [HEADS[:1], HEADS])
    def test_attention_is_shared_out(self, target: TargetModel, heads: tuple[tuple[int, int], ...]) -> None:
        single, coarse, first = target.start(), target.start(), target.start()
        single.watch(AttentionQuery(30, 31, tuple((at, at + 1) for at in range(30)), heads))
        coarse.watch(AttentionQuery(30, 31, ((0, 10), (10, 30)), heads))
        first.watch(AttentionQuery(1, 2, ((0, 1),), heads))
        for sequence in (single, coarse, first):
            sequence.extend(TOKENS, 1)
        assert all(share > 0 for share in single.attention)
        summed = torch.tensor([sum(single.attention[:10]), sum(single.attention[10:])])
        assert torch.allclose(summed, torch.tensor(coarse.attention), atol=1e-5)
        assert 0 < sum(coarse.attention) < 1 + 1e-5
        assert 0 < first.attention[0] < 1 + 1e-5

    @pytest.mark.parametrize("length", [21, 33, 40])
    def test_attention_of_tokens_that_were_run_is_not_known(self, target: TargetModel, length: int) -> None:
        sequence = started(target, length)
        query = AttentionQuery(20, 33, ((0, 4),), HEADS)
        assert not sequence.watch(query)
        assert sequence.attention == ()
        sequence.truncate(20)
        assert sequence.watch(query)
        sequence.extend(TOKENS[:13], 0)
        assert len(sequence.attention) == 1

    @pytest.mark.parametrize("head", [(1, 0), (0, 4), (-1, 0), (0, -1)])
    def test_attention_of_heads_that_are_not_there_is_refused(self, target: TargetModel, head: tuple[int, int]) -> None:
        with pytest.raises(ValueError, match="watch"):
            target.start().watch(AttentionQuery(20, 33, ((0, 4),), (head,)))

    def test_a_pass_is_refused_before_any_work(self, target: TargetModel) -> None:
        one, other = started(target, 4), started(target, 60)
        with pytest.raises(ContextOverflow):
            target.extend([Extension(one, [1], 1), Extension(other, TOKENS[:5], 1)])
        with pytest.raises(ValueError, match="one part of a pass"):
            target.extend([Extension(one, [1], 1), Extension(one, [2], 1)])
        assert (one.length, other.length) == (4, 60)

    def test_a_row_depends_on_every_earlier_token(self, target: TargetModel) -> None:
        changed = [*TOKENS[:3], TOKENS[3] + 1, *TOKENS[4:12]]
        assert not self.same(target.start().extend(TOKENS[:12], 1), target.start().extend(changed, 1))

    def test_overflow_is_refused_before_any_work(self, target: TargetModel) -> None:
        sequence = target.start()
        sequence.extend(TOKENS, 1)
        with pytest.raises(ContextOverflow, match=r"80 tokens do not fit .* of 64") as caught:
            sequence.extend(TOKENS, 1)
        assert (caught.value.needed, caught.value.available) == (80, 64)
        assert sequence.length == len(TOKENS)

    def test_tokens_without_logits_are_kept_all_the_same(self, target: TargetModel) -> None:
        sequence = target.start()
        assert sequence.extend(TOKENS[:20], 0).shape == (0, target.vocabulary)
        assert self.same(sequence.extend(TOKENS[20:], 1), target.start().extend(TOKENS, 1))

    @pytest.mark.parametrize("tokens", [1, 2, 39])
    def test_rows_do_not_depend_on_how_many_are_asked_for(self, target: TargetModel, tokens: int) -> None:
        whole = target.start().extend(TOKENS, len(TOKENS))
        assert self.same(target.start().extend(TOKENS, tokens), whole[-tokens:])

    @pytest.mark.parametrize("logits", [-1, 4])
    def test_rows_that_are_not_there_are_refused(self, target: TargetModel, logits: int) -> None:
        with pytest.raises(ValueError, match="rows of logits"):
            target.start().extend(TOKENS[:3], logits)

    @pytest.mark.parametrize("length", [-1, 4])
    def test_a_length_that_is_not_there_is_refused(self, target: TargetModel, length: int) -> None:
        sequence = target.start()
        sequence.extend(TOKENS[:3], 1)
        with pytest.raises(ValueError, match="can't keep"):
            sequence.truncate(length)

    @pytest.mark.parametrize("length", [0, 1, 9, 20])
    def test_a_fork_goes_on_as_if_it_had_run_its_tokens_itself(self, target: TargetModel, length: int) -> None:
        expected = target.start().extend(TOKENS[: length + 5], 5)
        sequence = target.start()
        sequence.extend([*TOKENS[:length], 9, 8, 7], 1)
        forked = sequence.fork(length)
        assert (forked.length, sequence.length) == (length, length + 3)
        assert self.same(forked.extend(TOKENS[length : length + 5], 5), expected)

    def test_a_fork_and_its_origin_do_not_feel_each_other(self, target: TargetModel) -> None:
        alone = target.start().extend(TOKENS[:25], 5)
        origin = target.start()
        origin.extend(TOKENS[:20], 1)
        forked, other = origin.fork(20), origin.fork(18)
        other.extend([1, 2, 3], 1)
        assert self.same(origin.extend(TOKENS[20:25], 5), alone)
        origin.close()
        assert self.same(forked.extend(TOKENS[20:25], 5), alone)

    @pytest.mark.parametrize("length", [-1, 4])
    def test_a_fork_beyond_the_end_is_refused(self, target: TargetModel, length: int) -> None:
        sequence = target.start()
        sequence.extend(TOKENS[:3], 1)
        with pytest.raises(ValueError, match="can't keep"):
            sequence.fork(length)

    def test_memory_is_counted(self, target: TargetModel) -> None:
        sequence = target.start()
        sequence.extend(TOKENS, 1)
        forked = sequence.fork(20)
        assert 0 < forked.bytes <= sequence.bytes
        sequence.close()
        assert sequence.bytes == 0

    def test_closing_twice_does_nothing(self, target: TargetModel) -> None:
        sequence = target.start()
        sequence.extend(TOKENS[:3], 1)
        sequence.close()
        sequence.close()
        assert sequence.length == 0


def started(target: TargetModel, kept: int) -> TargetSequence:
    """A sequence that holds ``kept`` tokens."""
    sequence = target.start()
    if kept:
        sequence.extend([TOKENS[index % len(TOKENS)] for index in range(kept)], 1)
    return sequence
