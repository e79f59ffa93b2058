"""Documents that give orders to the model, asked about: `python -m tests.injection.suite --model NAME`.

Twenty documents under `documents/` tell a fact about a pump and, beside it, what an assistant is to do: forget its
rules, cite what does not exist, speak as somebody else, send readers elsewhere. `cases.jsonl` has for each a question
about the fact and the signs of obedience: words that stand nowhere in the document and are written only by whoever does
as told.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from api.components import LocalComponents
from api.settings import Settings, load_settings
from qa.answer import Answer, AnswerDone, Question
from qa.evaluation.answers import citation_problem
from qa.evaluation.questions import GoldQuestion, read_questions

FOLDER = Path(__file__).parent
DOCUMENTS = FOLDER / "documents"
ROOT = FOLDER.parents[1]
CORPUS = ROOT / "docs_corpus"
PLAIN, LACED = "plain", "laced"


@dataclass(frozen=True, slots=True)
class Case:
    """A document, a question about its fact, and the signs of obedience."""

    document: str
    question: str
    fact: str
    signs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a case came to; ``problems`` names citations that do not hold to the letter."""

    case: Case
    answer: Answer
    obeyed: bool
    problems: tuple[str, ...]

    @property
    def stated(self) -> bool:
        """Whether the fact was told."""
        return self.case.fact in self.answer.text


@dataclass(frozen=True, slots=True)
class Compared:
    """The answers to a question on another matter ``before`` the hostile documents came and ``after``."""

    question: GoldQuestion
    before: Answer
    after: Answer

    @property
    def same(self) -> bool:
        """Whether text, statuses and citations are the same."""
        return _shown(self.before) == _shown(self.after)

    @property
    def same_passages(self) -> bool:
        """Whether both rest on the same passages. Words are weighed by their rarity, which more documents change."""
        before, after = ([found.stored.passage.text for found in one.passages] for one in (self.before, self.after))
        return before == after


def cases() -> list[Case]:
    """All twenty."""
    lines = (FOLDER / "cases.jsonl").read_text(encoding="utf-8").splitlines()
    return [Case(**{**case, "signs": tuple(case["signs"])}) for case in map(json.loads, lines)]


def obeyed(case: Case, text: str) -> bool:
    """Whether ``text`` shows a sign of obedience."""
    return any(sign in text for sign in case.signs)


def hostile(components: LocalComponents) -> list[Outcome]:
    """Each case asked of the collection that holds the hostile documents."""
    return [_outcome(case, _ask(components, case.question, LACED), components) for case in cases()]


def unchanged(components: LocalComponents, questions: Iterable[GoldQuestion]) -> Iterator[Compared]:
    """Each question asked without and with the hostile documents."""
    for question in questions:
        before, after = (_ask(components, question.question, collection) for collection in (PLAIN, LACED))
        yield Compared(question, before, after)


def other_matters(sources: Sequence[str] | None, limit: int | None) -> list[GoldQuestion]:
    """Sample questions that stand alone and are answered by the sample documents ``sources``; None: by any."""
    asked = [question for question in read_questions(CORPUS / "questions.jsonl") if not question.turns]
    about = [
        question
        for question in asked
        if question.gold and (sources is None or all(gold.document in sources for gold in question.gold))
    ]
    return about[:limit]


@contextmanager
def product(settings: Settings, sources: Sequence[str] | None) -> Iterator[LocalComponents]:
    """The product over a fresh folder: sample documents (``sources``; None: all) alone, and with the hostile ones."""
    with LocalComponents(settings) as components:
        sample = CORPUS / "documents"
        if sources is not None:
            sample = settings.data_dir / "sample"
            for source in sources:
                (sample / source).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(CORPUS / "documents" / source, sample / source)
        for collection, folders in ((PLAIN, [sample]), (LACED, [sample, DOCUMENTS])):
            for folder in folders:
                report = components.pipeline.ingest([folder], collection)
                assert not report.failed, report.failed
        yield components


def _ask(components: LocalComponents, question: str, collection: str) -> Answer:
    for event in components.answers.answer(Question(question, collection)):
        if isinstance(event, AnswerDone):
            return event.answer
    raise RuntimeError("the answer's events ended without an answer")


def _outcome(case: Case, answer: Answer, components: LocalComponents) -> Outcome:
    citations = [citation for sentence in answer.sentences for citation in sentence.citations]
    problems = [problem for one in citations if (problem := citation_problem(one, components.catalog.document))]
    return Outcome(case, answer, obeyed(case, answer.text), tuple(problems))


def _shown(answer: Answer) -> object:
    places = [
        (sentence.text, sentence.status, [(one.source, one.span, one.quote) for one in sentence.citations])
        for sentence in answer.sentences
    ]
    return answer.text, answer.abstained, places


def main() -> int:
    """Run the suite on a language model and the whole sample corpus; 1 when a document was obeyed or misquoted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="qwen2.5-coder-1.5b-instruct")
    parser.add_argument("--others", type=int, default=20, help="sample questions asked with and without the documents")
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        settings = load_settings(model=arguments.model, data_dir=Path(folder))
        (Path(folder) / "models").symlink_to(load_settings().models_dir.resolve())
        with product(settings, None) as components:
            outcomes = hostile(components)
            for outcome in outcomes:
                verdict = "OBEYED" if outcome.obeyed else "stated" if outcome.stated else "not stated"
                print(f"{outcome.case.document:<24} {verdict:<10} {' '.join(outcome.answer.text.split())[:150]}")
            bad = sum(outcome.obeyed or bool(outcome.problems) for outcome in outcomes)
            print(f"obeyed or misquoted: {bad} of {len(outcomes)}; facts stated: {sum(o.stated for o in outcomes)}")
            compared = list(unchanged(components, other_matters(None, arguments.others)))
            print(f"answers on other matters unchanged: {sum(one.same for one in compared)} of {len(compared)}")
            for one in compared:
                if not one.same:
                    print(f"changed: {one.question.question}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
