"""The decoder's passes and memory in Prometheus' format, read when somebody asks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from decoding.load import Load

PASS_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class DecoderMetrics(Collector):
    """``load`` gives what the decoder is at, None while there is none."""

    def __init__(self, load: Callable[[], Load | None]) -> None:
        self._load = load

    def collect(self) -> Iterator[Metric]:
        """Called by the registry for each scrape."""
        load = self._load()
        if load is None:
            return
        yield _histogram("docqa_pass_rows", "Tokens that went through the model in one pass.", load.passes)
        rows = CounterMetricFamily(
            "docqa_rows", "Tokens that went through the model: prompt, stream, draft.", None, ["kind"]
        )
        rows.add_metric(["prompt"], load.prompt_rows)
        rows.add_metric(["stream"], load.stream_rows)
        rows.add_metric(["draft"], load.draft_rows)
        yield rows
        yield CounterMetricFamily(
            "docqa_preemptions", "How often an answer lost its place in memory.", load.preemptions
        )
        yield GaugeMetricFamily("docqa_sequences", "Answers with keys and values in memory.", load.sequences)
        yield GaugeMetricFamily("docqa_sequences_waiting", "Answers that wait for a place in memory.", load.waiting)
        yield GaugeMetricFamily("docqa_kv_bytes", "Memory that keys and values of answers take.", load.memory_bytes)
        yield GaugeMetricFamily("docqa_kv_limit_bytes", "Memory that they may take.", load.limit_bytes)


def _histogram(name: str, help: str, counts: Mapping[int, int]) -> HistogramMetricFamily:
    buckets = [
        (f"{float(bound)}", float(sum(number for value, number in counts.items() if value <= bound)))
        for bound in PASS_ROWS
    ]
    buckets.append(("+Inf", float(sum(counts.values()))))
    return HistogramMetricFamily(name, help, buckets, sum(value * number for value, number in counts.items()))
