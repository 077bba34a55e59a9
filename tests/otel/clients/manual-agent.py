"""An agent by hand, by the newest conventions: a failed tool call, its retry, and a session."""

import json

from opentelemetry import trace
from opentelemetry.trace import Status, StatusCode

import common

provider = common.provider()
tracer = trace.get_tracer("manual")
message = lambda role, text: {"role": role, "parts": [{"type": "text", "content": text}]}  # noqa: E731
with tracer.start_as_current_span("invoke_agent planner") as agent:
    agent.set_attributes({"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner", "gen_ai.conversation.id": "conv-1", "user.id": "ada", "gen_ai.usage.input_tokens": 40, "gen_ai.usage.output_tokens": 10})
    agent.set_attribute("gen_ai.input.messages", json.dumps([message("user", "Plan a day in Kyoto")]))
    agent.set_attribute("gen_ai.output.messages", json.dumps([message("assistant", "Temples, then tea.")]))
    for attempt in range(2):
        with tracer.start_as_current_span("execute_tool search") as tool:
            tool.set_attributes({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search", "gen_ai.tool.call.arguments": '{"q": "temples"}', "shop.floor": 3})
            if attempt == 0:
                tool.record_exception(TimeoutError("search took 5 s"))
                tool.set_status(Status(StatusCode.ERROR, "search took 5 s"))
            else:
                tool.set_attribute("gen_ai.tool.call.result", '["Kiyomizu"]')
    with tracer.start_as_current_span("chat gpt-4.1") as chat:
        chat.set_attributes({"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4.1", "gen_ai.response.model": "gpt-4.1-2025-04-14", "gen_ai.usage.input_tokens": 40, "gen_ai.usage.output_tokens": 10, "gen_ai.usage.cache_read.input_tokens": 16})
        chat.set_attribute("gen_ai.system_instructions", json.dumps([{"type": "text", "content": "Be brief."}]))
        chat.set_attribute("gen_ai.input.messages", json.dumps([message("user", "Plan a day in Kyoto")]))
        chat.set_attribute("gen_ai.output.messages", json.dumps([message("assistant", "Temples, then tea.")]))
provider.shutdown()
