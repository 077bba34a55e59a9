"""One database, two programs: what the reference package writes TraceLLM reads, exactly, and the other way round."""

import asyncio
import collections
import datetime
import math
import os
import pty
import random
import time
import select
import sys
import unittest
import urllib.parse
import uuid
from typing import Any

import pymongo
from app.database import mongodb, project_service, trace_service
from tracellm.tracer import build_trace_payload

from service import Service

COUNT = 10_000
START = datetime.datetime(2026, 3, 1, tzinfo=datetime.timezone.utc)
URL = os.environ["MONGO_TEST_URL"]
FIELDS = ["trace_id", "prompt", "response", "latency", "token_count", "model_name", "project_id", "project_name", "environment", "status", "retry_count", "slow_request", "failure_reason"]


def payload(rng: random.Random, key: str) -> dict[str, Any]:
    """What the SDK makes of a traced call."""
    tools = [rng.choice(["search", "fetch", "draft"]) for _ in range(rng.randrange(4))]
    steps = [{"tool_name": tool, "input": {"n": rng.randrange(9)}, "output": {}, "duration": rng.random() * 300, "success": rng.random() > 0.04} for tool in tools]
    result = {"response": "Done.", "steps": steps, "retry_count": rng.choice([0, 0, 0, 1, 2])}
    project = rng.choice(["web", "shop", "default"])
    error = RuntimeError("upstream timed out") if rng.random() < 0.05 else None
    started = START + datetime.timedelta(microseconds=rng.randrange(5 * 86_400 * 10**6))
    model = rng.choice(["gpt-4.1", "claude-sonnet-4-5", "llama-3.3-70b", "unknown"])
    environment = rng.choice(["development", "staging", "production"])
    latency = round(rng.lognormvariate(6, 1), 2)
    return build_trace_payload(f"Question {rng.randrange(500)}", model, project, project.title(), key if rng.random() < 0.1 else None, environment, result, error, started, latency)


async def fill(db_name: str) -> str:
    """Stores everything through the reference package; answers with the key that it made."""
    for console in (trace_service.console, project_service.console, mongodb.console):
        console.quiet = True
    await mongodb.connect_to_mongo(URL, db_name)
    await trace_service.ensure_trace_indexes()
    await project_service.ensure_project_indexes()
    key = (await project_service.create_project("Web", "The shop's pages", "staging")).api_key.key
    rng = random.Random(7)
    for _ in range(0, COUNT, 500):
        stored = await asyncio.gather(*(trace_service.save_trace(payload(rng, key)) for _ in range(500)))
        assert None not in stored, "the reference package stores what it makes"
    await mongodb.close_mongo_connection()
    return key


def millis(date: datetime.datetime) -> str:
    return date.strftime("%Y-%m-%dT%H:%M:%S.") + f"{date.microsecond // 1000:03d}Z"


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


class Database(unittest.TestCase):
    key: str
    ours: Service
    all: list[dict[str, Any]]

    @classmethod
    def setUpClass(cls) -> None:
        cls.db_name = f"reference_{uuid.uuid4().hex[:12]}"
        cls.key = asyncio.run(fill(cls.db_name))
        cls.client = pymongo.MongoClient(URL, tz_aware=True)
        cls.database = cls.client[cls.db_name]
        cls.all = list(cls.database.traces.find())
        assert len(cls.all) == COUNT
        cls.all.sort(key=lambda doc: (doc["created_at"], doc["trace_id"], doc["project_id"]), reverse=True)
        cls.ours = Service.ours(URL, cls.db_name)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.ours.stop()
        cls.client.drop_database(cls.db_name)
        cls.client.close()

    def assertSame(self, ours: dict, doc: dict) -> None:
        self.assertEqual({field: ours[field] for field in FIELDS}, {field: doc[field] for field in FIELDS})
        self.assertEqual([ours["created_at"], ours["updated_at"]], [millis(doc["created_at"]), millis(doc["updated_at"])])
        steps = [(step["step_id"], step["tool_name"], step["input"], step["output"], step["duration"], step["success"], step["timestamp"]) for step in ours["steps"]]
        self.assertEqual(steps, [(step["step_id"], step["tool_name"], step["input"], step["output"], step["duration"], step["success"], millis(step["timestamp"])) for step in doc["steps"]])
        self.assertEqual(ours["api_key"], doc["api_key"] and f"tlm_sk_…{self.key[-4:]}", "never the clear key")

    def pages(self, query: str) -> tuple[list[dict], list[Any]]:
        items, totals, cursor = [], [], ""
        while True:
            page = self.ours.get(f"/api/traces?limit=200{query}{cursor}")
            items += page["items"]
            totals.append((page["total"], page.get("total_is_capped", False)))
            if page["next_cursor"] is None:
                return items, totals
            cursor = f"&cursor={page['next_cursor']}"

    def test_the_list_holds_each_trace_once_in_order_and_as_it_is(self) -> None:
        items, totals = self.pages("")
        self.assertEqual([item["trace_id"] for item in items], [doc["trace_id"] for doc in self.all])
        for item, doc in zip(items, self.all):
            self.assertSame(item, doc)
        self.assertEqual(set(totals), {(COUNT, False)})

    def test_filters_find_what_a_plain_reading_finds(self) -> None:
        tokens = sorted(doc["token_count"] for doc in self.all)
        low, high = tokens[COUNT // 3], tokens[COUNT // 2]
        filters = {
            "&status=failed": lambda doc: doc["status"] == "failed",
            "&status=warning&environment=production": lambda doc: doc["status"] == "warning" and doc["environment"] == "production",
            "&model=gpt-4.1&project_id=shop": lambda doc: doc["model_name"] == "gpt-4.1" and doc["project_id"] == "shop",
            "&project_id=default&latency_min=400&latency_max=1500": lambda doc: doc["project_id"] == "default" and 400 <= doc["latency"] <= 1500,
            "&from=2026-03-02T06:00:00Z&to=2026-03-02T09:00:00Z": lambda doc: START + datetime.timedelta(hours=30) <= doc["created_at"] < START + datetime.timedelta(hours=33),
            "&q=upstream": lambda doc: "upstream" in (doc["failure_reason"] or ""),
            f"&token_min={low}&token_max={high}": lambda doc: low <= doc["token_count"] <= high,
        }
        for query, matches in filters.items():
            expected = [doc["trace_id"] for doc in self.all if matches(doc)]
            self.assertGreater(len(expected), 10, query)
            items, totals = self.pages(query)
            self.assertEqual([item["trace_id"] for item in items], expected, query)
            # A count of words that stops early says so, until the index of words knows what others have stored.
            deadline = time.monotonic() + 60
            while totals[0][1] and time.monotonic() < deadline:
                time.sleep(0.2)
                _, totals = self.pages(query)
            self.assertEqual(totals[0], (len(expected), False), query)

    def test_one_trace_is_found(self) -> None:
        for doc in random.Random(1).sample(self.all, 50):
            self.assertSame(self.ours.get(f"/api/traces/{urllib.parse.quote(doc['trace_id'])}"), doc)

    def test_failures_are_those_of_a_plain_reading(self) -> None:
        found = self.ours.get("/api/failures?limit=100")
        kinds = {"failed_traces": lambda doc: doc["status"] == "failed", "retries": lambda doc: doc["retry_count"] > 0, "slow_requests": lambda doc: doc["slow_request"]}
        for kind, matches in kinds.items():
            expected = [doc["trace_id"] for doc in self.all if matches(doc)]
            self.assertEqual([trace["trace_id"] for trace in found[kind]], expected[:100], kind)
            self.assertEqual(found["totals"][kind], len(expected), kind)

    def test_analytics_are_over_all_and_not_over_five_thousand(self) -> None:
        for query, matches in {"": lambda doc: True, "?project_id=web": lambda doc: doc["project_id"] == "web", "?status=failed&model=gpt-4.1": lambda doc: (doc["status"], doc["model_name"]) == ("failed", "gpt-4.1")}.items():
            docs = [doc for doc in self.all if matches(doc)]
            found = self.ours.get(f"/api/analytics{query}")
            summary = found["summary"]
            statuses = collections.Counter(doc["status"] for doc in docs)
            latencies = [doc["latency"] for doc in docs]
            exact = {
                "total_traces": len(docs),
                "failed_traces": statuses["failed"],
                "warning_traces": statuses["warning"],
                "total_token_usage": sum(doc["token_count"] for doc in docs),
                "retries": sum(doc["retry_count"] for doc in docs),
                "slow_requests": sum(doc["slow_request"] for doc in docs),
            }
            self.assertEqual({name: summary[name] for name in exact}, exact, query)
            self.assertAlmostEqual(summary["success_rate"], 100 * statuses["success"] / len(docs), places=9)
            self.assertAlmostEqual(summary["average_latency"], math.fsum(latencies) / len(docs), places=6)
            for name, share in (("p50_latency", 0.5), ("p95_latency", 0.95), ("p99_latency", 0.99)):
                expected = percentile(latencies, share)
                self.assertLessEqual(abs(summary[name] - expected), 0.01 * expected, name)
            self.assertEqual(sum(point["traces"] for point in found["charts"]), len(docs))
            self.assertEqual(sum(point["failed"] for point in found["charts"]), statuses["failed"])
            for name, field in (("status", "status"), ("model", "model_name"), ("project", "project_id")):
                counts = {row["key"]: row["count"] for row in found[f"{name}_breakdown"]}
                self.assertEqual(counts, dict(collections.Counter(doc[field] for doc in docs)), name)
            bad = [doc["trace_id"] for doc in docs if doc["status"] != "success" or doc["slow_request"] or doc["retry_count"]]
            self.assertEqual([trace["trace_id"] for trace in found["recent_failures"]], bad[:5])

    def test_their_key_opens_our_server(self) -> None:
        stored = self.ours.post("/api/traces", {"trace_id": "by-key"}, {"authorization": f"Bearer {self.key}"})
        self.assertEqual(stored["outcome"], "created")
        trace = self.ours.get("/api/traces/by-key")
        self.assertEqual((trace["project_id"], trace["environment"], trace["api_key"]), ("web", "staging", f"tlm_sk_…{self.key[-4:]}"))
        self.database.traces.delete_one({"trace_id": "by-key"})

    def test_their_monitor_follows_us(self) -> None:
        port = urllib.parse.urlsplit(self.ours.url).port
        env = {**os.environ, "MONGO_URL": URL, "DB_NAME": self.db_name, "COLUMNS": "200", "LINES": "60", "TERM": "xterm"}
        command = [sys.executable, "-m", "tracellm.cli", "monitor", "--ws-port", str(port), "--refresh", "0.5"]
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(sys.executable, command, env)
        seen = b""

        def wait_for(words: bytes) -> None:
            nonlocal seen
            deadline = time.monotonic() + 60
            while words not in seen:
                self.assertLess(time.monotonic(), deadline, seen[-2000:])
                if select.select([terminal], [], [], 1)[0]:
                    seen += os.read(terminal, 65_536)

        try:
            wait_for(b"Connected")
            self.ours.post("/api/traces", {"trace_id": "seen-live", "model": "watched-model", "prompt": "watch this"})
            wait_for(b"watched-model")
        finally:
            os.kill(pid, 15)
            os.waitpid(pid, 0)
            os.close(terminal)
            self.database.traces.delete_one({"trace_id": "seen-live"})


class OurTraces(unittest.TestCase):
    def test_the_reference_server_reads_what_we_write(self) -> None:
        db_name = f"reference_{uuid.uuid4().hex[:12]}"
        ours = theirs = None
        try:
            ours = Service.ours(URL, db_name)
            steps = [{"tool_name": "search", "duration": 5.5, "input": {"q": 1}}, {"tool_name": "llm", "kind": "llm", "duration": 7, "input_tokens": 5, "success": False, "output": {"error": "boom"}}]
            whole = {"trace_id": "whole", "prompt": "Hello", "response": "Hi", "latency": 1600.25, "model": "gpt-4.1", "project_id": "web", "steps": steps, "tags": ["x"], "metadata": {"a": {"b": 1}}, "session_id": "s", "cost_usd": 0.25, "unknown": [1]}
            ours.post("/api/traces", [whole, {"trace_id": "bare"}, {"trace_id": "chat", "prompt": [{"role": "user", "content": "hi"}], "retry_count": 2}])
            key = ours.post("/api/projects", {"name": "Web"})["api_key"]["key"]
            self.assertTrue(key.startswith("tlm_sk_"))
            theirs = Service.theirs(URL, db_name)
            found = theirs.get("/traces")
            self.assertEqual(found["total"], 3)
            fields = [field for field in FIELDS if field != "response"]
            for item in found["items"]:
                here = ours.get(f"/api/traces/{item['trace_id']}")
                self.assertEqual({field: item[field] for field in fields}, {field: here[field] for field in fields})
                self.assertEqual(item["response"], here["response"] or "", "its list shows no response as an empty one")
                one = theirs.get(f"/traces/{item['trace_id']}")
                self.assertEqual([step["step_id"] for step in one["steps"]], [step["step_id"] for step in here["steps"]])
                # It writes dates of MongoDB without the `Z` that they have.
                start = datetime.datetime.fromisoformat(one["created_at"].removesuffix("Z"))
                self.assertEqual(start, datetime.datetime.fromisoformat(here["created_at"].removesuffix("Z")))
            summary = theirs.get("/analytics")["summary"]
            self.assertEqual((summary["total_traces"], summary["failed_traces"], summary["retries"], summary["slow_requests"]), (3, 1, 2, 1))
            self.assertEqual([project["project_id"] for project in theirs.get("/projects")], ["web"])
        finally:
            for service in (ours, theirs):
                if service:
                    service.stop()
            with pymongo.MongoClient(URL) as client:
                client.drop_database(db_name)


if __name__ == "__main__":
    unittest.main()
