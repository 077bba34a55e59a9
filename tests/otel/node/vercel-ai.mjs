// The Vercel AI SDK with its own telemetry: a tool loop, a stream, an object, an embedding.
import { createOpenAI } from "@ai-sdk/openai";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { embed, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ "service.name": "travel", "deployment.environment.name": "staging" }),
  spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
});
provider.register();

const openai = createOpenAI({ baseURL: `${process.env.STUB_URL}/v1`, apiKey: "none" });
const experimental_telemetry = { isEnabled: true, functionId: "weather", metadata: { sessionId: "session-7", userId: "user-9" } };
const system = "You are a travel agent.";
const prompt = "What is the weather in Lisbon?";
const get_weather = tool({
  description: "Weather of a city",
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => ({ sky: `sunny in ${city}` }),
});

await generateText({ model: openai.chat("gpt-4.1-mini"), system, prompt, tools: { get_weather }, stopWhen: stepCountIs(3), experimental_telemetry });
const stream = streamText({ model: openai.chat("gpt-4.1-mini"), system, prompt, experimental_telemetry });
for await (const _ of stream.textStream) {
}
await embed({ model: openai.embedding("text-embedding-3-small"), value: "Lisbon", experimental_telemetry });
await generateText({ model: openai.chat("gpt-4.1-mini"), prompt: "please fail", maxRetries: 0, experimental_telemetry }).catch(() => undefined);
await provider.shutdown();
