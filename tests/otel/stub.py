"""A model server on loopback that answers as OpenAI's and Anthropic's do, always the same, and a collector that keeps what clients export."""

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOOL_CALL = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Lisbon"}'}}
USAGE = {"prompt_tokens": 120, "completion_tokens": 30, "total_tokens": 150, "prompt_tokens_details": {"cached_tokens": 64}, "completion_tokens_details": {"reasoning_tokens": 8}}


def openai(body: dict) -> dict:
    asked = json.dumps(body.get("messages", []))
    if "get_weather" in json.dumps(body.get("tools", [])) and '"tool"' not in asked:
        message, reason = {"role": "assistant", "content": None, "tool_calls": [TOOL_CALL]}, "tool_calls"
    else:
        message, reason = {"role": "assistant", "content": "It is sunny in Lisbon."}, "stop"
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1_780_000_000, "model": "gpt-4.1-mini-2025-04-14", "choices": [{"index": 0, "message": message, "finish_reason": reason}], "usage": USAGE}


def anthropic(body: dict) -> dict:
    # Its numbers leave cached tokens out of the input.
    usage = {"input_tokens": 20, "output_tokens": 12, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 0}
    return {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5-20250929", "content": [{"type": "text", "text": "It is sunny in Lisbon."}], "stop_reason": "end_turn", "stop_sequence": None, "usage": usage}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        raw = self.body()
        if self.headers.get("content-encoding") == "gzip":
            raw = gzip.decompress(raw)
        if self.path.endswith("/v1/traces"):
            self.server.collected.append((self.headers["content-type"], raw))
            return self.answer(200, b"{}" if "json" in self.headers["content-type"] else b"", self.headers["content-type"])
        body = json.loads(raw)
        if "fail" in json.dumps(body):
            error = {"error": {"type": "invalid_request_error", "code": "invalid_request_error", "message": "the stub was asked to fail"}}
            return self.answer(400, json.dumps(error).encode())
        if self.path.endswith("/embeddings"):
            vectors = [{"object": "embedding", "index": 0, "embedding": [0.1, 0.2]}]
            return self.answer(200, json.dumps({"object": "list", "data": vectors, "model": "text-embedding-3-small", "usage": {"prompt_tokens": 5, "total_tokens": 5}}).encode())
        if self.path.endswith("/messages"):
            return self.answer(200, json.dumps(anthropic(body)).encode())
        answer = openai(body)
        if body.get("stream"):
            return self.stream(answer)
        self.answer(200, json.dumps(answer).encode())

    def body(self) -> bytes:
        if "content-length" in self.headers:
            return self.rfile.read(int(self.headers["content-length"]))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def stream(self, answer: dict) -> None:
        words = ["It is ", "sunny in ", "Lisbon."]
        common = {"id": answer["id"], "object": "chat.completion.chunk", "created": answer["created"], "model": answer["model"]}
        chunks = [{**common, "choices": [{"index": 0, "delta": {"role": "assistant", "content": word}, "finish_reason": None}]} for word in words]
        chunks.append({**common, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        chunks.append({**common, "choices": [], "usage": answer["usage"]})
        body = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
        self.answer(200, body.encode(), "text/event-stream")

    def answer(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        pass


class Stub:
    """Both servers on one port of their own."""

    def __enter__(self) -> "Stub":
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.collected = []
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    @property
    def collected(self) -> list[tuple[str, bytes]]:
        return self.server.collected

    def __exit__(self, *_error: object) -> None:
        self.server.shutdown()
        self.server.server_close()
