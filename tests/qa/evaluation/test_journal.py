"""Results are on disk as they come, survive a crash in the middle of a line, and are never mixed."""

from __future__ import annotations

from pathlib import Path

import pytest

from qa.answer import SentenceStatus
from qa.evaluation.journal import Journal, JournalError, RunFingerprint
from tests.qa.evaluation.material import answer, citation, question

FINGERPRINT = RunFingerprint(model="m", collection="default", index="0", settings={"passages": 4})
ANSWER = answer(("Hold it for 5\u2028 s.", SentenceStatus.QUOTED, [citation("a", "Hold it for 5 s.", 0, 16)]))


def test_answers_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "new" / "run.jsonl"
    with Journal(path, FINGERPRINT) as journal:
        assert journal.get(question("a")) is None
        journal.append(question("a"), ANSWER)
    with Journal(path, FINGERPRINT) as journal:
        kept = journal.get(question("a"))
        assert kept is not None
        assert kept.answer == ANSWER
        assert journal.get(question("b")) is None


def test_each_answer_is_on_disk_at_once(tmp_path: Path) -> None:
    with Journal(tmp_path / "run.jsonl", FINGERPRINT) as journal:
        journal.append(question("a"), ANSWER)
        assert (tmp_path / "run.jsonl").read_bytes().count(b"\n") == 2


@pytest.mark.parametrize("lost", [1, 40, 200])
def test_a_line_cut_off_by_a_crash_is_asked_again(tmp_path: Path, lost: int) -> None:
    path = tmp_path / "run.jsonl"
    with Journal(path, FINGERPRINT) as journal:
        journal.append(question("a"), ANSWER)
        journal.append(question("b"), ANSWER)
    path.write_bytes(path.read_bytes()[:-lost])
    with Journal(path, FINGERPRINT) as journal:
        assert journal.get(question("a")) is not None
        assert journal.get(question("b")) is None
        journal.append(question("b"), ANSWER)
    with Journal(path, FINGERPRINT) as journal:
        assert journal.get(question("b")) is not None


def test_a_crash_before_the_first_line_was_whole(tmp_path: Path) -> None:
    (tmp_path / "run.jsonl").write_bytes(b'{"fingerpr')
    with Journal(tmp_path / "run.jsonl", FINGERPRINT) as journal:
        journal.append(question("a"), ANSWER)
    with Journal(tmp_path / "run.jsonl", FINGERPRINT) as journal:
        assert journal.get(question("a")) is not None


def test_a_reworded_question_is_asked_again_and_corrected_gold_is_not(tmp_path: Path) -> None:
    with Journal(tmp_path / "run.jsonl", FINGERPRINT) as journal:
        journal.append(question("a", "followup"), ANSWER)
        assert journal.get(question("a", "followup", facts=[["6 s"]])) is not None
        assert journal.get(question("a", "followup", question="Other?")) is None
        history = [{"question": "Q?", "answer": "Other."}]
        assert journal.get(question("a", "followup", history=history)) is None


def test_results_of_another_run_are_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with Journal(path, FINGERPRINT) as journal:
        journal.append(question("a"), ANSWER)
    before = path.read_bytes()
    other = FINGERPRINT.model_copy(update={"model": "n", "settings": {"passages": 5}})
    with pytest.raises(JournalError, match="a run with another model and settings; give another file"):
        Journal(path, other)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"hello\n", b"[]\n", b"{}\n"])
def test_another_kind_of_file_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(JournalError, match=r"notes\.txt, line 1: not a line of evaluation results"):
        Journal(path, FINGERPRINT)
    assert path.read_bytes() == content
