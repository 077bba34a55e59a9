"""Runs a client against the stub and keeps what it exports: `capture.py NAME COMMAND…` writes captured/NAME.bin, as protobuf, and the
fixture of that name, as OTLP/JSON. Paths of the machine are taken out of stack traces."""

import json
import os
import pathlib
import re
import subprocess
import sys

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from stub import Stub

HERE = pathlib.Path(__file__).parent
FIXTURES = HERE.parent.parent / "crates/trace/fixtures/otlp"


def to_hex(message: dict) -> None:
    """Ids are hex in OTLP/JSON, where protobuf's own JSON has base64."""
    import base64

    for name in ("traceId", "spanId", "parentSpanId"):
        if name in message:
            message[name] = base64.b64decode(message[name]).hex()
    for value in message.values():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                to_hex(item)


def main(name: str, command: list[str]) -> None:
    with Stub() as stub:
        env = {**os.environ, "STUB_URL": stub.url, "OTEL_EXPORTER_OTLP_ENDPOINT": stub.url}
        subprocess.run(command, env=env, check=True)
        request = ExportTraceServiceRequest()
        for _kind, body in stub.collected:
            request.MergeFromString(body)
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                for event in span.events:
                    for attribute in event.attributes:
                        if attribute.key == "exception.stacktrace":
                            attribute.value.string_value = re.sub(r"[^\s\"(]*/(?=[^/\s\"]+\.m?js|[^/\s\"]+\.py)", "/app/", attribute.value.string_value)
    raw = request.SerializeToString()
    (HERE / f"captured/{name}.bin").write_bytes(raw)
    message = MessageToDict(request)
    to_hex(message)
    (FIXTURES / f"{name}.json").write_text(json.dumps(message, indent=1, ensure_ascii=False) + "\n")
    print(f"{name}: {len(raw)} bytes")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
