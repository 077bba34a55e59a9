/// A way to send the first trace: its name, a word for tests, and the text with the address and the key in it.
pub struct Snippet {
    pub name: &'static str,
    pub id: &'static str,
    /// What its file may be called.
    pub file: &'static str,
    text: &'static str,
    /// How a key is shown, where there is one.
    with_key: &'static str,
}

impl Snippet {
    pub fn text(&self, address: &str, key: Option<&str>) -> String {
        let with_key = key.map_or_else(String::new, |key| self.with_key.replace("KEY", key));
        self.text.replace("ADDRESS", address).replace("WITH_KEY", &with_key)
    }
}

const PYTHON_KEY: &str = "os.environ[\"OTEL_EXPORTER_OTLP_HEADERS\"] = \"authorization=Bearer%20KEY\"\n";

pub const SNIPPETS: &[Snippet] = &[
    Snippet {
        name: "Python: OpenAI and OpenTelemetry",
        id: "openai",
        file: "first_trace.py",
        with_key: PYTHON_KEY,
        text: r#"# pip install openai opentelemetry-sdk opentelemetry-exporter-otlp-proto-http opentelemetry-instrumentation-openai-v2
import os

os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "ADDRESS"
WITH_KEYos.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "gen_ai_latest_experimental"
os.environ["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"] = "span_only"

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
OpenAIInstrumentor().instrument(tracer_provider=provider)

from openai import OpenAI

OpenAI().chat.completions.create(model="gpt-4.1-mini", messages=[{"role": "user", "content": "Hello"}])
provider.shutdown()
"#,
    },
    Snippet {
        name: "Python: OpenInference",
        id: "openinference",
        file: "first_trace.py",
        with_key: PYTHON_KEY,
        text: r#"# pip install openai opentelemetry-sdk opentelemetry-exporter-otlp-proto-http openinference-instrumentation-openai
import os

os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "ADDRESS"
WITH_KEY
from openinference.instrumentation.openai import OpenAIInstrumentor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
OpenAIInstrumentor().instrument(tracer_provider=provider)

from openai import OpenAI

OpenAI().chat.completions.create(model="gpt-4.1-mini", messages=[{"role": "user", "content": "Hello"}])
provider.shutdown()
"#,
    },
    Snippet {
        name: "Python: LangChain",
        id: "langchain",
        file: "first_trace.py",
        with_key: PYTHON_KEY,
        text: r#"# pip install langchain-openai opentelemetry-sdk opentelemetry-exporter-otlp-proto-http openinference-instrumentation-langchain
import os

os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "ADDRESS"
WITH_KEY
from openinference.instrumentation.langchain import LangChainInstrumentor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
LangChainInstrumentor().instrument(tracer_provider=provider)

from langchain_openai import ChatOpenAI

ChatOpenAI(model="gpt-4.1-mini").invoke("Hello")
provider.shutdown()
"#,
    },
    Snippet {
        name: "JavaScript: Vercel AI SDK",
        id: "vercel",
        file: "first_trace.mjs",
        with_key: ", headers: { authorization: \"Bearer KEY\" }",
        text: r#"// npm install ai @ai-sdk/openai @opentelemetry/sdk-trace-node @opentelemetry/exporter-trace-otlp-proto
import { openai } from "@ai-sdk/openai";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { generateText } from "ai";

const exporter = new OTLPTraceExporter({ url: "ADDRESS/v1/traces"WITH_KEY });
const provider = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] });
provider.register();

await generateText({ model: openai.chat("gpt-4.1-mini"), prompt: "Hello", experimental_telemetry: { isEnabled: true } });
await provider.shutdown();
"#,
    },
    Snippet {
        name: "curl",
        id: "curl",
        file: "Shell",
        with_key: " \\\n  -H 'authorization: Bearer KEY'",
        text: r#"curl ADDRESS/api/traces -H 'content-type: application/json'WITH_KEY \
  -d '{"prompt": "Hello", "response": "Hi!", "model": "gpt-4.1-mini", "latency": 420}'
"#,
    },
];
