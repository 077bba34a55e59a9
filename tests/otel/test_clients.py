"""Real clients, each in a process of its own, call a stub model server and export to a running TraceLLM: what they did lands right."""

import html
import os
import pathlib
import re
import subprocess
import sys
import time
import unittest
import urllib.request
from typing import Any

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "reference"))

import grpc  # noqa: E402
from service import Service, free_port  # noqa: E402 - the path is set first

from stub import Stub  # noqa: E402

QUESTION = "What is the weather in Lisbon?"
ANSWER = "It is sunny in Lisbon."
OLD = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"}
NEW = {"OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental", "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "span_only"}


class Clients(unittest.TestCase):
    def setUp(self, *options: str) -> None:
        self.server = Service.ours(os.environ.get("MONGO_TEST_URL", ""), f"otel_{os.getpid()}_{time.time_ns()}", *options)
        self.stub = Stub().__enter__()

    def tearDown(self) -> None:
        self.stub.__exit__()
        self.server.stop()

    def run_client(self, name: str, **env: str) -> list[dict[str, Any]]:
        """The traces of a client that runs as an application would, the first first."""
        command = ["node", f"{os.environ['OTEL_NODE']}/{name}.mjs"] if name == "vercel-ai" else [sys.executable, str(HERE / f"clients/{name}.py")]
        env = {**os.environ, "STUB_URL": self.stub.url, "OTEL_EXPORTER_OTLP_ENDPOINT": self.server.url, **env}
        subprocess.run(command, env=env, check=True, timeout=120)
        return self.server.get("/api/traces?sort=created_at&limit=200")["items"]

    def check_conversation(self, traces: list[dict[str, Any]], cached: int | None) -> None:
        self.assertEqual(len(traces), 4, [trace["prompt"] for trace in traces])
        call, answer, stream, failed = traces
        self.assertEqual((call["prompt"], call["response"]), (QUESTION, 'get_weather({"city":"Lisbon"})'))
        self.assertEqual(call["steps"][0]["output"]["messages"][0]["tool_calls"][0]["arguments"], {"city": "Lisbon"})
        self.assertTrue(answer["prompt"].endswith('tool: {"sky": "sunny"}'), answer["prompt"])
        for trace in (answer, stream):
            self.assertEqual(trace["response"], ANSWER)
        for trace in (call, answer, stream):
            self.assertEqual((trace["status"], trace["model_name"], trace["environment"]), ("success", "gpt-4.1-mini-2025-04-14", "staging"))
            self.assertEqual((trace["token_count"], trace["input_tokens"], trace["output_tokens"]), (150, 120, 30))
            self.assertEqual(trace.get("cached_tokens"), cached)
            self.assertGreater(trace["cost_usd"], 0)
            self.assertEqual(trace["steps"][0]["input"]["messages"][0], {"role": "system", "content": "You are a travel agent."})
        self.assertEqual((failed["status"], failed["model_name"]), ("failed", "gpt-4.1-mini"))
        self.assertIn("the stub was asked to fail", failed["failure_reason"])

    def test_openllmetry(self) -> None:
        self.check_conversation(self.run_client("openllmetry-openai"), 64)

    def test_openinference(self) -> None:
        self.check_conversation(self.run_client("openinference-openai"), 64)

    def test_grpc(self) -> None:
        for compression in ({}, {"OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"}):
            with self.subTest(**compression):
                self.tearDown()
                port = free_port()
                self.setUp("--otlp-grpc", f"127.0.0.1:{port}")
                key = self.server.post("/api/projects", {"name": "Travel"})["api_key"]
                traces = self.run_client(
                    "openinference-openai",
                    OTEL_EXPORTER_OTLP_PROTOCOL="grpc",
                    OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}",
                    OTEL_EXPORTER_OTLP_HEADERS=f"authorization=Bearer%20{key['key']}",
                    **compression,
                )
                self.check_conversation(traces, 64)
                self.assertEqual({(trace["project_id"], trace["api_key"]) for trace in traces}, {("travel", key["key_id"])})
                with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                    export = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export", request_serializer=bytes)
                    for body, code in ((b"\xff\xff", grpc.StatusCode.INVALID_ARGUMENT), (bytes(21 << 20), grpc.StatusCode.RESOURCE_EXHAUSTED)):
                        with self.assertRaises(grpc.RpcError) as refused:
                            export(body, timeout=60)
                        self.assertEqual(refused.exception.code(), code)
                page = urllib.request.urlopen(self.server.url + "/ingest", timeout=20).read().decode()
                self.assertEqual([page.count(f">{status}<") for status in (200, 400, 413)], [1, 1, 1], "each is in the log")

    def test_what_a_new_user_copies(self) -> None:
        page = urllib.request.urlopen(urllib.request.Request(self.server.url + "/", headers={"accept": "text/html"}), timeout=20).read().decode()
        snippets = re.findall(r'data-snippet="?(\w+)"?.*?<pre[^>]*>(.*?)</pre>', page, re.DOTALL)
        self.assertEqual([name for name, _ in snippets], ["openai", "openinference", "langchain", "vercel", "curl"])
        models = {**os.environ, "OPENAI_API_KEY": "none", "OPENAI_BASE_URL": f"{self.stub.url}/v1"}
        for count, (name, text) in enumerate(snippets, 1):
            text = html.unescape(re.sub("<!.*?>|</?span>", "", text))
            if name == "vercel":
                path = pathlib.Path(os.environ["OTEL_NODE"]) / f"snippet-{os.getpid()}.mjs"
                path.write_text(text)
                self.addCleanup(path.unlink)
                command = ["node", str(path)]
            else:
                command = ["bash", "-c", text] if name == "curl" else [sys.executable, "-c", text]
            subprocess.run(command, env=models, check=True, timeout=120, stdout=subprocess.DEVNULL)
            traces = self.server.get("/api/traces?sort=-created_at")["items"]
            self.assertEqual(len(traces), count, name)
            newest = [trace for trace in traces if trace["prompt"] == "Hello" and trace["response"] in (ANSWER, "Hi!")]
            self.assertEqual(len(newest), count, f"{name}: {traces}")

    def test_langfuse(self) -> None:
        key = self.server.post("/api/projects", {"name": "Travel"})["api_key"]
        (trace,) = self.run_client("langfuse-sdk", LANGFUSE_SECRET_KEY=key["key"])
        self.assertEqual((trace["prompt"], trace["response"], trace["status"], trace["failure_reason"]), (QUESTION, ANSWER, "warning", "fully booked"))
        self.assertEqual((trace["token_count"], trace["input_tokens"], trace["cached_tokens"], trace["cost_usd"]), (150, 120, 64, 0.001))
        self.assertEqual((trace["session_id"], trace["user_id"], trace["tags"], trace["environment"]), ("session-7", "user-9", ["blue"], "staging"))
        self.assertEqual((trace["project_id"], trace["metadata"]["release"]), ("travel", "1.2"))
        self.assertEqual([step["kind"] for step in trace["steps"]], ["agent", "tool", "tool", "llm"])

    def test_opentelemetry_of_today(self) -> None:
        self.check_conversation(self.run_client("openai-v2", **NEW), None)

    def test_opentelemetry_without_content(self) -> None:
        traces = self.run_client("openai-v2", **OLD)
        self.assertEqual([trace["token_count"] for trace in traces], [150, 150, 150, 0], "messages go elsewhere, numbers are here")

    def test_anthropic_counts_what_it_leaves_out(self) -> None:
        self.run_client("openllmetry-anthropic")
        traces = self.run_client("openinference-anthropic")
        for trace in traces:
            self.assertEqual((trace["input_tokens"], trace["cached_tokens"], trace["output_tokens"], trace["token_count"]), (120, 100, 12, 132))
            self.assertEqual((trace["model_name"], trace["environment"]), ("claude-sonnet-4-5-20250929", "staging"))
        # Anthropic's SDK traces itself too, without content: beside OpenLLMetry's span, and below OpenInference's.
        said = [(len(trace["steps"]), trace["prompt"], trace["response"]) for trace in traces if trace["response"]]
        self.assertEqual(said, [(1, QUESTION, ANSWER), (2, QUESTION, ANSWER)])

    def test_langchain(self) -> None:
        chain, tool = self.run_client("openinference-langchain")
        self.assertEqual((chain["prompt"], chain["response"], chain["token_count"]), (QUESTION, ANSWER, 150))
        self.assertEqual([step["kind"] for step in chain["steps"]], ["chain", "chain", "llm"])
        for trace in (chain, tool):
            self.assertEqual((trace["session_id"], trace["user_id"], trace["tags"]), ("session-7", "user-9", ["blue", "green"]))
            self.assertEqual(trace["metadata"]["release"], "1.2")
        self.assertEqual((tool["steps"][0]["kind"], tool["response"]), ("tool", "sunny in Lisbon"))

    def test_an_agent_by_hand(self) -> None:
        (agent,) = self.run_client("manual-agent")
        self.assertEqual((agent["status"], agent["retry_count"], agent["token_count"], agent["session_id"]), ("warning", 1, 50, "conv-1"))
        self.assertEqual([(step["tool_name"], step["success"]) for step in agent["steps"]], [("planner", True), ("search", False), ("search", True), ("chat gpt-4.1", True)])
        self.assertTrue(all(step["parent_id"] == agent["steps"][0]["step_id"] for step in agent["steps"][1:]))

    def test_vercel_ai(self) -> None:
        traces = self.run_client("vercel-ai")
        loop, stream, embedded, failed = traces
        self.assertEqual((loop["prompt"], loop["response"], loop["token_count"], loop["cached_tokens"]), (QUESTION, ANSWER, 300, 128))
        self.assertEqual([step["kind"] for step in loop["steps"]], ["chain", "llm", "tool", "llm"])
        self.assertEqual((loop["steps"][2]["input"], loop["steps"][2]["output"]), ({"city": "Lisbon"}, {"sky": "sunny in Lisbon"}))
        self.assertEqual((stream["response"], stream["token_count"], stream["session_id"], stream["user_id"]), (ANSWER, 150, "session-7", "user-9"))
        self.assertEqual((embedded["model_name"], embedded["token_count"]), ("text-embedding-3-small", 5))
        self.assertEqual((failed["status"], failed["failure_reason"]), ("failed", "the stub was asked to fail"))


if __name__ == "__main__":
    unittest.main()
