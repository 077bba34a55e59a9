"""What every client sets up: an exporter by the environment's endpoint, as an application would."""

import os

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

if os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") == "grpc":
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
else:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

STUB = os.environ["STUB_URL"]
TOOLS = [{"type": "function", "function": {"name": "get_weather", "description": "Weather of a city", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}]
QUESTION = [{"role": "system", "content": "You are a travel agent."}, {"role": "user", "content": "What is the weather in Lisbon?"}]


def provider() -> TracerProvider:
    resource = Resource.create({"service.name": "travel", "deployment.environment.name": "staging"})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider


def converse(client) -> None:
    """A tool call, its result, the answer; a stream; a failure."""
    first = client.chat.completions.create(model="gpt-4.1-mini", messages=QUESTION, tools=TOOLS, temperature=0.2)
    call = first.choices[0].message
    result = {"role": "tool", "tool_call_id": call.tool_calls[0].id, "content": '{"sky": "sunny"}'}
    client.chat.completions.create(model="gpt-4.1-mini", messages=[*QUESTION, call.model_dump(exclude_none=True), result], tools=TOOLS)
    stream = client.chat.completions.create(model="gpt-4.1-mini", messages=QUESTION, stream=True, stream_options={"include_usage": True})
    for _ in stream:
        pass
    try:
        client.chat.completions.create(model="gpt-4.1-mini", messages=[{"role": "user", "content": "please fail"}])
    except Exception:
        pass
