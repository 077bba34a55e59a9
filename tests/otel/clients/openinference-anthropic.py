from openinference.instrumentation.anthropic import AnthropicInstrumentor

import common

provider = common.provider()
AnthropicInstrumentor().instrument(tracer_provider=provider)

from anthropic import Anthropic  # noqa: E402 - after it is instrumented

client = Anthropic(base_url=common.STUB, api_key="none", max_retries=0)
client.messages.create(model="claude-sonnet-4-5", max_tokens=100, system="You are a travel agent.", messages=[{"role": "user", "content": "What is the weather in Lisbon?"}])
provider.shutdown()
