from openinference.instrumentation import using_attributes
from openinference.instrumentation.langchain import LangChainInstrumentor

import common

provider = common.provider()
LangChainInstrumentor().instrument(tracer_provider=provider)

from langchain_core.prompts import ChatPromptTemplate  # noqa: E402 - after it is instrumented
from langchain_core.tools import tool  # noqa: E402
from langchain_openai import ChatOpenAI  # noqa: E402


@tool
def get_weather(city: str) -> str:
    """Weather of a city."""
    return f"sunny in {city}"


prompt = ChatPromptTemplate.from_messages([("system", "You are a travel agent."), ("user", "{question}")])
model = ChatOpenAI(model="gpt-4.1-mini", base_url=f"{common.STUB}/v1", api_key="none", max_retries=0)
with using_attributes(session_id="session-7", user_id="user-9", tags=["blue", "green"], metadata={"release": "1.2"}):
    (prompt | model).invoke({"question": "What is the weather in Lisbon?"})
    get_weather.invoke({"city": "Lisbon"})
provider.shutdown()
