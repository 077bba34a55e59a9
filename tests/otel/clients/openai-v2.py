from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor

import common

provider = common.provider()
OpenAIInstrumentor().instrument(tracer_provider=provider)

from openai import OpenAI  # noqa: E402 - after it is instrumented

common.converse(OpenAI(base_url=f"{common.STUB}/v1", api_key="none", max_retries=0))
provider.shutdown()
