"""What the service counts, in Prometheus' format. No label holds anything a person wrote."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from api.admission import Admission
from api.decoder_metrics import DecoderMetrics
from api.state.jobs import JobState
from decoding.load import Load
from ingest.progress import Report
from qa.answer import Answer

CONTENT_TYPE = CONTENT_TYPE_LATEST
REQUEST_SECONDS = (0.005, 0.02, 0.1, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320)
FIRST_TOKEN_SECONDS = (0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128)
TOKEN_SECONDS = (0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28)
JOB_SECONDS = (0.1, 1, 5, 30, 120, 600, 3_600, 14_400)
DOCUMENTS = ("added", "updated", "unchanged", "moved", "removed", "failed")
STEP_TOKENS = (1, 1.25, 1.5, 2, 2.5, 3, 4, 6, 8, 12, 16)


class Metrics:
    """The counters of one application, in a registry of its own."""

    def __init__(self, admission: Admission, decoder: Callable[[], Load | None]) -> None:
        self._registry = registry = CollectorRegistry()
        self.requests = Counter(
            "docqa_http_requests", "Requests by route.", ("method", "route", "status"), registry=registry
        )
        self.request_seconds = Histogram(
            "docqa_http_request_seconds",
            "Time until the whole response was sent.",
            ("method", "route"),
            buckets=REQUEST_SECONDS,
            registry=registry,
        )
        self.answers = Counter(
            "docqa_answers",
            "Questions by outcome: answered, abstained, cancelled, deadline, failed, rejected.",
            ("outcome",),
            registry=registry,
        )
        self._sentences = Counter("docqa_sentences", "Sentences of answers by status.", ("status",), registry=registry)
        self._tokens = Counter(
            "docqa_tokens",
            "Tokens by kind: prompt, cached (of the prompt), output, drafted, accepted.",
            ("kind",),
            registry=registry,
        )
        self._drafts = Counter(
            "docqa_draft_tokens",
            "Drafted tokens by source, and by outcome: accepted, rejected.",
            ("source", "outcome"),
            registry=registry,
        )
        self._steps = Counter("docqa_target_steps", "Forward passes after the prompts' own.", registry=registry)
        self._first_token = Histogram(
            "docqa_time_to_first_token_seconds",
            "From taking up a question to the first token of its answer.",
            buckets=FIRST_TOKEN_SECONDS,
            registry=registry,
        )
        self._per_token = Histogram(
            "docqa_time_per_output_token_seconds",
            "Time per token after the first.",
            buckets=TOKEN_SECONDS,
            registry=registry,
        )
        self._per_step = Histogram(
            "docqa_tokens_per_step", "Tokens confirmed per forward pass.", buckets=STEP_TOKENS, registry=registry
        )
        self._jobs = Counter(
            "docqa_ingest_jobs",
            "Ingest jobs by outcome: succeeded, failed, cancelled, interrupted.",
            ("outcome",),
            registry=registry,
        )
        self._documents = Counter(
            "docqa_ingest_documents", "Documents of jobs that succeeded, by outcome.", ("outcome",), registry=registry
        )
        self._passages = Counter(
            "docqa_ingest_passages", "Passages stored by jobs: embedded, or reused.", ("kind",), registry=registry
        )
        self._job_seconds = Histogram(
            "docqa_ingest_seconds", "Time of jobs that succeeded.", buckets=JOB_SECONDS, registry=registry
        )
        self.ingest_running = Gauge("docqa_ingest_jobs_running", "Jobs at work.", registry=registry)
        self.ingest_waiting = Gauge("docqa_ingest_jobs_waiting", "Jobs that wait for their turn.", registry=registry)
        running = Gauge("docqa_answers_running", "Answers being made.", registry=registry)
        running.set_function(lambda: admission.running)
        waiting = Gauge("docqa_answers_waiting", "Questions that wait for their turn.", registry=registry)
        waiting.set_function(lambda: admission.waiting)
        registry.register(DecoderMetrics(decoder))

    def answered(self, answer: Answer) -> None:
        """Count a finished answer."""
        stats = answer.stats
        self.answers.labels("abstained" if answer.abstained else "answered").inc()
        for sentence in answer.sentences:
            self._sentences.labels(sentence.status.value).inc()
        self._tokens.labels("prompt").inc(stats.prompt_tokens)
        self._tokens.labels("cached").inc(stats.cached_tokens)
        self._tokens.labels("output").inc(stats.output_tokens)
        self._tokens.labels("drafted").inc(stats.drafted_tokens)
        self._tokens.labels("accepted").inc(stats.accepted_tokens)
        for draft in stats.drafts:
            self._drafts.labels(draft.source, "accepted").inc(draft.accepted)
            self._drafts.labels(draft.source, "rejected").inc(draft.drafted - draft.accepted)
        self._steps.inc(stats.target_steps)
        if stats.output_tokens:
            self._first_token.observe(stats.ttft_s)
        if stats.decode_tokens_per_s > 0:
            self._per_token.observe(1 / stats.decode_tokens_per_s)
        if stats.target_steps:
            self._per_step.observe(stats.tokens_per_step)

    def ingested(self, state: JobState, report: Report | None) -> None:
        """Count a job that is over."""
        self._jobs.labels(state.value).inc()
        if report is None:
            return
        for outcome in DOCUMENTS:
            self._documents.labels(outcome).inc(len(getattr(report, outcome)))
        self._passages.labels("embedded").inc(report.passages)
        self._passages.labels("reused").inc(report.reused)
        self._job_seconds.observe(report.seconds)

    def text(self) -> bytes:
        """All of it, for a scrape."""
        return generate_latest(self._registry)
