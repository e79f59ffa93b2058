"""POST /v1/ingest and the jobs behind it, over the API."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest

from api.access import Role
from api.state.keys import KeyRequest
from ingest.document import Document
from tests.api.library import library
from tests.api.running import MANUAL, FakeProduct, client_of, fake_product
from tests.api.serving import served
from tests.api.waiting import wait_for
from tests.fakes.archives import zip_of
from tests.fakes.files import PlainReader
from tests.ingest.index import write

pytestmark = pytest.mark.anyio
PUMP = "Pump P-7\n\nThe bellows of the pump last 900 hours."


class HeldReader(PlainReader):
    """Waits before each file until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.reading, self.go = Event(), Event()

    def read(self, path: Path, source: str) -> Document:
        self.reading.set()
        assert self.go.wait(10)
        return super().read(path, source)


def product(tmp_path: Path, **given: Any) -> FakeProduct:  # noqa: ANN401 - see fake_product
    settings = {"ingest_folders": (tmp_path / "manuals",), "data_dir": tmp_path / "data", **given}
    return fake_product(catalog=library({}), **settings)


def files(*contents: tuple[str, str]) -> list[tuple[str, tuple[str, bytes]]]:
    return [("files", (name, content.encode())) for name, content in contents]


async def over(client: httpx.AsyncClient, job: str) -> dict[str, Any]:
    """The job once it is over."""
    for _ in range(1_000):
        body: dict[str, Any] = (await client.get(f"/v1/jobs/{job}")).json()
        if body["state"] not in ("queued", "running"):
            return body
        await asyncio.sleep(0.01)
    raise AssertionError("the job does not end")


async def ingest(client: httpx.AsyncClient, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - of a request
    response = await client.post("/v1/ingest", **request)
    assert response.status_code == 202, response.text
    assert response.headers["location"] == f"/v1/jobs/{response.json()['id']}"
    return await over(client, response.json()["id"])


async def answer(client: httpx.AsyncClient, question: str) -> dict[str, Any]:
    body: dict[str, Any] = (await client.post("/v1/answers", json={"question": question})).json()
    return body


async def test_uploaded_files_answer_once_their_job_has_succeeded(tmp_path: Path) -> None:
    async with client_of(product(tmp_path)) as client:
        job = await ingest(client, files=files(("pump.md", PUMP), ("hr/leave.txt", "Leave\n\nThirty days.")))
        assert (job["state"], job["kind"], job["sources"]) == ("succeeded", "upload", ["pump.md", "hr/leave.txt"])
        assert (job["counts"]["added"], job["counts"]["failed"]) == (2, 0)
        assert job["report"]["added"] == ["hr/leave.txt", "pump.md"]
        assert job["started_at"] <= job["ended_at"]
        found = await answer(client, "How long do the bellows of the pump last?")
        assert found["sentences"][0]["citations"][0]["source"] == "pump.md"
        again = await ingest(client, files=files(("pump.md", PUMP.replace("900", "700"))))
        assert (again["counts"]["updated"], again["counts"]["kept"], again["counts"]["removed"]) == (1, 0, 0)
        documents = (await client.get("/v1/documents")).json()["documents"]
    assert [(document["source"], document["revision"]) for document in documents] == [
        ("hr/leave.txt", 1),
        ("pump.md", 2),
    ]
    kept = tmp_path / "data" / "uploads"
    assert (kept / "default" / "pump.md").read_text() == PUMP.replace("900", "700")
    assert list((kept / ".staging").iterdir()) == []


async def test_folders_that_are_allowed_are_synchronised(tmp_path: Path) -> None:
    folder = write(tmp_path / "manuals", {"a.md": "A\n\nAlpha.", "b.md": "B\n\nBeta.", "bad.md": "broken"})
    body = {"paths": [str(folder)], "collection": "Manuals"}
    async with client_of(product(tmp_path)) as client:
        first = await ingest(client, json=body)
        assert (first["kind"], first["sources"], first["collection"]) == ("folders", [str(folder)], "Manuals")
        assert first["report"]["failed"] == [{"source": "bad.md", "reason": "is damaged"}]
        (folder / "b.md").unlink()
        second = await ingest(client, json=body)
        assert second["report"]["removed"] == ["b.md"]
        listed = (await client.get("/v1/jobs?limit=1")).json()
        rest = (await client.get(f"/v1/jobs?cursor={listed['next_cursor']}")).json()
    assert [job["id"] for job in listed["jobs"] + rest["jobs"]] == [second["id"], first["id"]]
    assert "report" not in listed["jobs"][0]


async def test_folders_that_are_not_allowed_are_refused_whether_they_exist_or_not(tmp_path: Path) -> None:
    write(tmp_path, {"manuals/a.md": "A", "manuals-2/a.md": "A", "secret.md": "x"})
    (tmp_path / "manuals" / "link").symlink_to(tmp_path / "manuals-2")
    async with client_of(product(tmp_path)) as client:
        for path in ("manuals-2", "secret.md", "none", "manuals/../secret.md", "manuals/link"):
            refused = await client.post("/v1/ingest", json={"paths": [f"{tmp_path}/{path}"]})
            assert (refused.status_code, refused.json()["type"]) == (403, "urn:docqa:problem:folder-not-allowed"), path
        relative = await client.post("/v1/ingest", json={"paths": ["manuals"]})
        missing = await client.post("/v1/ingest", json={"paths": [f"{tmp_path}/manuals/none"]})
        assert (await client.get("/v1/jobs")).json()["jobs"] == []
    assert (relative.status_code, missing.status_code) == (403, 422)


@pytest.mark.parametrize(
    "name", ["../a.md", "/etc/a.md", "a/../../b.md", "..\\a.md", ".hidden.md", "a//b.md", "C:\\a.md", "a\u202e.md"]
)
async def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    async with client_of(product(tmp_path)) as client:
        refused = await client.post("/v1/ingest", files=files(("a.md", PUMP), (name, PUMP)))
    assert refused.status_code == 422, refused.text
    assert refused.json()["errors"][0]["field"] == "files"
    assert not (tmp_path / "data" / "uploads").exists()


async def test_uploads_have_limits(tmp_path: Path) -> None:
    settings = {"max_upload_files": 2, "max_upload_mb": 3, "max_file_mb": 2}
    async with client_of(product(tmp_path, **settings)) as client:
        many = await client.post("/v1/ingest", files=files(*((f"{n}.md", "x") for n in range(3))))
        large = await client.post("/v1/ingest", files=files(("a.md", "x" * (2 * 2**20 + 1))))
        huge = await client.post("/v1/ingest", files=files(("a.md", "x" * 6 * 2**20)))
        none = await client.post("/v1/ingest", files={"other": ("a.md", b"x")})
        twice = await client.post("/v1/ingest", files=files(("a.md", "x"), ("a.md", "y")))
        text = await client.post("/v1/ingest", content="a.md", headers={"Content-Type": "text/plain"})
        broken = await client.post(
            "/v1/ingest", content="x", headers={"Content-Type": "multipart/form-data; boundary=a"}
        )
        options = (await client.get("/v1/ingest")).json()
    statuses = [response.status_code for response in (many, large, huge, none, twice, text, broken)]
    assert statuses == [400, 422, 413, 422, 422, 415, 400]
    assert "Maximum number of files is 2" in many.json()["detail"]
    assert options == {
        "folders": [str(tmp_path / "manuals")],
        "max_files": 2,
        "max_bytes": 3 * 2**20,
        "max_file_bytes": 2 * 2**20,
    }


async def test_a_second_ingest_of_what_is_being_ingested_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "manuals", {"a.md": "A\n\nAlpha.", "sub/b.md": "B\n\nBeta."})
    reader = HeldReader()
    made = product(tmp_path, reader=reader)
    async with client_of(made) as client:
        first = (await client.post("/v1/ingest", json={"paths": [str(folder)]})).json()
        await wait_for(reader.reading.is_set)
        for path in (folder, folder / "sub"):
            refused = await client.post("/v1/ingest", json={"paths": [str(path)]})
            assert (refused.status_code, refused.json()["job"]) == (409, first["id"])
        other = (await client.post("/v1/ingest", json={"paths": [str(folder)], "collection": "b"})).json()
        upload = (await client.post("/v1/ingest", files=files(("c.md", PUMP)))).json()
        busy = await client.post("/v1/ingest", files=files(("c.md", PUMP), ("d.md", PUMP)))
        assert (busy.status_code, busy.json()["job"]) == (409, upload["id"])
        states = {job["id"]: job["state"] for job in (await client.get("/v1/jobs")).json()["jobs"]}
        assert states == {first["id"]: "running", other["id"]: "queued", upload["id"]: "queued"}
        metrics = (await client.get("/metrics")).text
        assert "docqa_ingest_jobs_running 1.0" in metrics
        assert "docqa_ingest_jobs_waiting 2.0" in metrics
        reader.go.set()
        for job in (first, other, upload):
            assert (await over(client, job["id"]))["state"] == "succeeded"
        metrics = (await client.get("/metrics")).text
    assert 'docqa_ingest_jobs_total{outcome="succeeded"} 3.0' in metrics
    assert 'docqa_ingest_documents_total{outcome="added"} 5.0' in metrics


async def test_only_so_many_jobs_may_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.jobs.MAX_WAITING", 1)
    reader = HeldReader()
    made = product(tmp_path, reader=reader)
    async with client_of(made) as client:
        statuses = [(await client.post("/v1/ingest", files=files((f"{n}.md", PUMP)))).status_code for n in range(3)]
        refused = await client.post("/v1/ingest", files=files(("d.md", PUMP)))
        assert len(list((tmp_path / "data/uploads/.staging").iterdir())) <= 2
        reader.go.set()
        for job in (await client.get("/v1/jobs")).json()["jobs"]:
            assert (await over(client, job["id"]))["state"] == "succeeded"
    assert statuses == [202, 202, 429]
    assert (refused.json()["type"], refused.headers["retry-after"]) == ("urn:docqa:problem:queue-full", "60")


async def test_a_cancelled_job_keeps_what_it_published(tmp_path: Path) -> None:
    folder = write(tmp_path / "manuals", {f"{n}.md": f"Part {n}\n\nNumber {n}." for n in range(3)})
    reader = HeldReader()
    made = product(tmp_path, reader=reader)
    async with client_of(made) as client:
        running = (await client.post("/v1/ingest", json={"paths": [str(folder)]})).json()["id"]
        waiting = (await client.post("/v1/ingest", files=files(("c.md", PUMP)))).json()["id"]
        await wait_for(reader.reading.is_set)
        cancelled = (await client.post(f"/v1/jobs/{waiting}/cancel")).json()
        assert (cancelled["state"], cancelled["started_at"]) == ("cancelled", None)
        told = (await client.post(f"/v1/jobs/{running}/cancel")).json()
        assert (told["state"], told["cancelling"]) == ("running", True)
        reader.go.set()
        ended = await over(client, running)
        assert (ended["state"], ended["cancelling"], ended["report"]) == ("cancelled", False, None)
        late = await client.post(f"/v1/jobs/{running}/cancel")
        assert (late.status_code, late.json()["type"]) == (409, "urn:docqa:problem:job-over")
        entries = (await client.get("/v1/audit")).json()["entries"]
        again = await ingest(client, json={"paths": [str(folder)]})
    assert [entry["action"] for entry in entries] == ["ingest.cancel"] * 2 + ["ingest.start"] * 2
    assert entries[3]["details"]["sources"] == [str(folder)]
    assert again["counts"]["added"] + again["counts"]["unchanged"] == 3
    assert not (tmp_path / "data/uploads/default").exists()


async def test_events_follow_a_job_to_its_end(tmp_path: Path) -> None:
    folder = write(tmp_path / "manuals", {f"{n}.md": f"Part {n}\n\nNumber {n}." for n in range(3)})
    reader = HeldReader()
    made = product(tmp_path, reader=reader)
    seen = []
    with served(made.app) as url:
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            await wait_for(made.loaded.is_set)
            job = (await client.post("/v1/ingest", json={"paths": [str(folder)]})).json()["id"]
            async with client.stream("GET", f"/v1/jobs/{job}/events") as response:
                assert response.headers["content-type"].startswith("text/event-stream")
                async for line in response.aiter_lines():
                    if line.startswith("data: "):
                        seen.append(json.loads(line[6:]))
                        if seen[-1]["state"] == "running":
                            reader.go.set()
            assert (await client.get("/v1/jobs/none/events")).status_code == 404
    assert {event["id"] for event in seen} == {job}
    assert seen[-1]["state"] == "succeeded"
    assert seen[-1]["counts"]["added"] == 3
    assert seen[-1]["progress"]["position"] == seen[-1]["progress"]["total"] == 3
    assert seen[-1]["progress"]["passages"] == 6


async def test_an_ingest_sent_again_takes_effect_once(tmp_path: Path) -> None:
    key = {"Idempotency-Key": "one"}
    async with client_of(product(tmp_path)) as client:
        first = await client.post("/v1/ingest", files=files(("a.md", PUMP)), headers=key)
        again = await client.post("/v1/ingest", files=files(("a.md", PUMP)), headers=key)
        other = await client.post("/v1/ingest", files=files(("a.md", PUMP + "!")), headers=key)
        await over(client, first.json()["id"])
        jobs = (await client.get("/v1/jobs")).json()["jobs"]
    assert first.request.headers["content-type"] != again.request.headers["content-type"]  # their boundaries
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert (other.status_code, other.json()["type"]) == (422, "urn:docqa:problem:idempotency-key-reused")
    assert len(jobs) == 1


async def test_a_job_that_fails_says_why(tmp_path: Path) -> None:
    made = product(tmp_path)
    (tmp_path / "data/uploads/default/a.md").mkdir(parents=True)  # where the file should go
    async with client_of(made) as client:
        job = await ingest(client, files=files(("a.md", PUMP)))
    assert job["state"] == "failed"
    assert "a.md" in job["error"]
    assert list((tmp_path / "data/uploads/.staging").iterdir()) == []


async def test_jobs_are_seen_by_their_owner_and_by_who_reads_everything(tmp_path: Path) -> None:
    made = product(tmp_path, sign_in=("keys",))
    folder = write(tmp_path / "manuals", {"a.md": "A\n\nAlpha."})

    def key(role: Role, **request: Any) -> dict[str, str]:  # noqa: ANN401 - fields of a key
        _, secret = made.service.memory.keys.create(KeyRequest("test", role=role, **request))
        return {"Authorization": f"Bearer {secret}"}

    async with client_of(made) as client:
        admin, owner, other = key(Role.ADMIN), key(Role.CURATOR), key(Role.CURATOR)
        elsewhere, labelled = key(Role.ADMIN, collections=["a"]), key(Role.ADMIN, labels=["hr"])
        client.headers.update(owner)
        job = await ingest(client, files=files(("a.md", MANUAL)), data={"collection": "b"})
        assert [found["id"] for found in (await client.get("/v1/jobs", headers=admin)).json()["jobs"]] == [job["id"]]
        assert (await client.get(f"/v1/jobs/{job['id']}", headers=admin)).json() == job
        for headers in (other, elsewhere, labelled):
            for method, path in (("GET", ""), ("GET", "/events"), ("POST", "/cancel")):
                hidden = await client.request(method, f"/v1/jobs/{job['id']}{path}", headers=headers)
                assert hidden.status_code == 404
            assert (await client.get("/v1/jobs", headers=headers)).json()["jobs"] == []
            refused = await client.post("/v1/ingest", json={"paths": [str(folder)], "collection": "a"}, headers=headers)
            assert refused.status_code == (202 if headers is elsewhere else 403)
        unknown = await client.post(
            "/v1/ingest", files=files(("a.md", MANUAL)), data={"collection": "b"}, headers=elsewhere
        )
        assert (unknown.status_code, "b" in unknown.json()["collections"]) == (404, False)
        bad = await client.post("/v1/ingest", files=files(("a.md", MANUAL)), data={"collection": "../b"})
    assert bad.status_code == 422


async def test_nobody_replaces_what_he_may_not_read(tmp_path: Path) -> None:
    made = product(tmp_path, sign_in=("keys",))
    secret = "---\nlabels: [hr]\n---\n\nThe pay of an engineer."

    def key(**request: Any) -> dict[str, str]:  # noqa: ANN401 - fields of a key
        _, opened = made.service.memory.keys.create(KeyRequest("test", role=Role.CURATOR, **request))
        return {"Authorization": f"Bearer {opened}"}

    async with client_of(made) as client:
        holder, other = key(labels=["hr"]), key()
        sent = await client.post("/v1/ingest", files=files(("pay.md", secret)), headers=holder)
        await wait_for(lambda: made.service.jobs.find(sent.json()["id"]).job.state.over)
        refused = await client.post("/v1/ingest", files=files(("b.md", PUMP), ("pay.md", PUMP)), headers=other)
        elsewhere = await client.post(
            "/v1/ingest", files=files(("pay.md", PUMP)), data={"collection": "b"}, headers=other
        )
        packed = await client.post(
            "/v1/ingest", files=[("files", ("b.zip", zip_of({"pay.md": secret})))], headers=holder
        )
        await wait_for(lambda: made.service.jobs.find(packed.json()["id"]).job.state.over)
        for members in ({"pay.md": PUMP}, {"a.md": PUMP}):
            other_pack = [("files", ("b.zip", zip_of(members)))]
            assert (await client.post("/v1/ingest", files=other_pack, headers=other)).status_code == 409
        again = await client.post("/v1/ingest", files=files(("pay.md", secret + " More.")), headers=holder)
        await wait_for(lambda: made.service.jobs.find(again.json()["id"]).job.state.over)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:docqa:problem:name-taken")
    assert elsewhere.status_code == 202
    assert [(r.source, r.number, r.labels) for r in made.catalog.current("default")] == [
        ("b.zip/pay.md", 1, ("hr",)),
        ("pay.md", 2, ("hr",)),
    ]


async def test_uploads_that_a_killed_server_had_not_taken_are_deleted(tmp_path: Path) -> None:
    write(tmp_path / "data/uploads", {".staging/1/a.md": "half a fi", "default/b.md": PUMP})
    async with client_of(product(tmp_path)):
        assert not (tmp_path / "data/uploads/.staging").exists()
        assert (tmp_path / "data/uploads/default/b.md").exists()


async def test_jobs_of_a_server_that_ended_are_interrupted(tmp_path: Path) -> None:
    folder = write(tmp_path / "manuals", {"a.md": "A\n\nAlpha.", "b.md": "B\n\nBeta."})
    reader = HeldReader()
    made = product(tmp_path, reader=reader)
    async with client_of(made) as client:
        running = (await client.post("/v1/ingest", json={"paths": [str(folder)]})).json()["id"]
        waiting = (await client.post("/v1/ingest", files=files(("c.md", PUMP)))).json()["id"]
        await wait_for(reader.reading.is_set)
        reader.go.set()
        made.service.jobs.close()
        assert (await over(client, running))["state"] in ("interrupted", "succeeded")
        assert (await over(client, waiting))["state"] == "interrupted"
        refused = await client.post("/v1/ingest", files=files(("d.md", PUMP)))
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:docqa:problem:shutting-down")


async def test_an_uploaded_archive_s_members_are_documents_and_a_new_one_replaces_it(tmp_path: Path) -> None:
    def sent(members: dict[str, str]) -> list[tuple[str, tuple[str, bytes]]]:
        return [("files", ("manuals.zip", zip_of(members)))]

    async with client_of(product(tmp_path)) as client:
        first = await ingest(
            client, files=sent({"pump.txt": PUMP, "hr/leave.txt": "Leave\n\nThirty days.", "x.png": "x"})
        )
        assert first["report"]["added"] == ["manuals.zip/hr/leave.txt", "manuals.zip/pump.txt"]
        assert first["report"]["skipped"][0]["source"] == "manuals.zip/x.png"
        found = await answer(client, "How long do the bellows of the pump last?")
        citation = found["sentences"][0]["citations"][0]
        assert citation["source"] == "manuals.zip/pump.txt"
        path = f"/v1/documents/{citation['document']}/revisions/1"
        assert (await client.get(path)).json()["original"] is True
        original = await client.get(f"{path}/original")
        assert original.content == PUMP.encode()
        assert original.headers["content-disposition"] == "inline; filename*=UTF-8''pump.txt"
        second = await ingest(client, files=sent({"pump.txt": PUMP.replace("900", "700")}))
        assert second["report"]["updated"] == ["manuals.zip/pump.txt"]
        assert second["report"]["removed"] == ["manuals.zip/hr/leave.txt"]
        gone = await client.get(f"{path}/original")
        assert gone.status_code == 404
        bad = await ingest(client, files=[("files", ("manuals.zip", b"PK\x03\x04 not whole"))])
        assert [refusal["source"] for refusal in bad["report"]["failed"]] == ["manuals.zip"]
        assert (await client.get(path.replace("revisions/1", "revisions/2"))).json()["original"] is True
        assert (await client.get(f"{path.replace('revisions/1', 'revisions/2')}/original")).status_code == 404
    assert not (tmp_path / "data" / "unpacked").exists()


async def test_an_archive_may_be_as_large_as_an_upload(tmp_path: Path) -> None:
    large = {f"{n}.txt": random.Random(n).randbytes(700_000).hex() for n in range(2)}
    async with client_of(product(tmp_path, max_upload_mb=4, max_file_mb=1)) as client:
        job = await ingest(client, files=[("files", ("large.zip", zip_of(large)))])
        refused = await client.post("/v1/ingest", files=[("files", ("large.txt", zip_of(large)))])
    assert job["report"]["added"] == ["large.zip/0.txt", "large.zip/1.txt"]
    assert refused.status_code == 422
