import os

# Its own exporter: it sends to where Langfuse would take traces.
os.environ |= {"LANGFUSE_PUBLIC_KEY": "any", "LANGFUSE_TRACING_ENVIRONMENT": "staging"}
os.environ.setdefault("LANGFUSE_SECRET_KEY", "any")
os.environ["LANGFUSE_BASE_URL"] = os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"]

from langfuse import get_client, propagate_attributes  # noqa: E402 - after its settings

QUESTION = "What is the weather in Lisbon?"
client = get_client()
attributes = {"session_id": "session-7", "user_id": "user-9", "tags": ["blue"], "metadata": {"release": "1.2"}}
with propagate_attributes(**attributes), client.start_as_current_observation(as_type="agent", name="planner", input={"question": QUESTION}) as agent:
    with client.start_as_current_observation(as_type="tool", name="get_weather", input={"city": "Lisbon"}) as tool:
        tool.update(output={"sky": "sunny"})
    with client.start_as_current_observation(as_type="tool", name="book", input={"city": "Lisbon"}) as tool:
        tool.update(level="ERROR", status_message="fully booked")
    messages = [{"role": "system", "content": "You are a travel agent."}, {"role": "user", "content": QUESTION}]
    with client.start_as_current_observation(as_type="generation", name="answer", model="gpt-4.1-mini", input=messages) as call:
        usage = {"input": 56, "output": 30, "input_cached_tokens": 64, "total": 150}
        call.update(output={"role": "assistant", "content": "It is sunny in Lisbon."}, usage_details=usage, cost_details={"input": 0.0004, "output": 0.0006})
    agent.update(output="It is sunny in Lisbon.")
client.flush()
