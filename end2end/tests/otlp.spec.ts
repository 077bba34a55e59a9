import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "../fixtures/test.ts";
import type { Server } from "../fixtures/server.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";

async function exportSpans(server: Server, request: unknown): Promise<void> {
  const body = typeof request === "string" ? request : JSON.stringify(request);
  const response = await fetch(`${server.url}/v1/traces`, { method: "POST", headers: { "content-type": "application/json" }, body });
  expect(response.status).toBe(200);
}

/** Spans below one root, which is number 0. */
const spans = (from: number, to: number) => ({
  resourceSpans: [
    {
      scopeSpans: [
        {
          spans: Array.from({ length: to - from }, (_, i) => from + i).map((n) => ({
            traceId: TRACE,
            spanId: (n + 1).toString(16).padStart(16, "0"),
            parentSpanId: n ? "0000000000000001" : "",
            name: `span ${n}`,
            startTimeUnixNano: String(1_780_000_000_000_000_000n + BigInt(n) * 1_000_000n),
            endTimeUnixNano: String(1_780_000_002_000_000_000n + BigInt(n)),
          })),
        },
      ],
    },
  ],
});

test("what an agent did through OpenTelemetry is shown, step by step", async ({ server, tracesPage, tracePage, page }) => {
  await exportSpans(server, readFileSync("../crates/trace/fixtures/otlp/manual-agent.json", "utf8"));
  await tracesPage.goto();
  await tracesPage.row("Plan a day in Kyoto").click();
  await expect(tracePage.heading).toHaveText("Plan a day in Kyoto");
  await expect(page.locator(".callout.warning")).toContainText("search took 5 s");
  await expect(tracePage.steps).toHaveCount(4);
  await expect(tracePage.steps.nth(1)).toContainText("search");
  await expect(tracePage.fact("Session")).toHaveText("conv-1");
  await expect(tracePage.fact("Cost")).toHaveText("$0.0001");
  await expect(tracePage.text("Response")).toHaveText("Temples, then tea.");
  await tracePage.steps.nth(3).locator("summary").click();
  const said = tracePage.steps.nth(3).locator(".message");
  await expect(said).toHaveCount(3);
  await expect(said.first()).toContainText("system");
  await expect(said.first()).toContainText("Be brief.");
});

test("a trace whose root has not come is in progress until it does", async ({ server, tracesPage, tracePage, page }) => {
  await exportSpans(server, spans(1, 3));
  await tracesPage.goto();
  await expect(tracesPage.rows.first()).toContainText("in progress");
  await tracePage.goto(TRACE);
  await expect(page.getByText("In progress:")).toBeVisible();
  await exportSpans(server, spans(0, 1));
  await page.reload();
  await tracePage.hydrated();
  await expect(page.getByText("In progress:")).toHaveCount(0);
  await expect(tracePage.steps).toHaveCount(3);
});

test("more steps than a document holds are in one list", async ({ server, tracePage, page }) => {
  await exportSpans(server, spans(0, 1_120));
  await tracePage.goto(TRACE);
  await expect(page.getByRole("heading", { name: "1,120 steps" })).toBeVisible();
  await page.getByRole("listbox", { name: /^Steps/ }).focus();
  await page.keyboard.press("End");
  await expect(page.locator("#step-1120")).toContainText("span 1119");
  await page.keyboard.press("Enter");
  await expect(page.locator(".chosen")).toContainText("1120 span 1119");
});

test("who misses a trace finds what became of the request", async ({ server, ingestPage, page }) => {
  await exportSpans(server, spans(0, 3));
  await server.ingest([{ trace_id: "well" }, { latency: -1 }]);
  await ingestPage.goto();
  const rows = page.locator(".requests tbody tr");
  await expect(rows).toHaveCount(2);
  for (const part of ["207", "json", "latency must be"]) await expect(rows.first()).toContainText(part);
  for (const part of ["200", "otlp", "3"]) await expect(rows.last()).toContainText(part);
  await server.ingest("{");
  await page.getByRole("button", { name: "Look again" }).click();
  await expect(rows).toHaveCount(3);
  await expect(rows.first()).toContainText("not JSON");
});

const captured = (name: string): string => readFileSync(`../crates/trace/fixtures/otlp/${name}.json`, "utf8");

test("a trace tells which attribute gave which field, and what was left over", async ({ server, tracePage, page }) => {
  await exportSpans(server, captured("manual-agent"));
  const { items } = await server.get("/api/traces");
  await tracePage.goto(items[0].trace_id);
  await page.getByRole("link", { name: "Show which attribute gave which field" }).click();
  const mapping = page.getByRole("region", { name: "Mapping" });
  await expect(mapping.getByRole("row", { name: /^session_id/ })).toContainText("gen_ai.conversation.id");
  const call = mapping.locator("details", { hasText: "chat gpt-4.1" });
  await call.locator("summary").click();
  await expect(call.getByRole("row", { name: /gen_ai.response.model/ })).toContainText("model_name");
  // The address says it all.
  await page.reload();
  await expect(mapping.getByRole("row", { name: /^model_name/ })).toContainText("gen_ai");
});

test("spans that are pasted are explained, then stored as they were shown", async ({ server, ingestPage, tracePage, page }) => {
  await ingestPage.goto();
  await ingestPage.paste(captured("openinference-openai"));
  await expect(ingestPage.verdict).toHaveText("Spans of 4 traces");
  await expect(ingestPage.preview.getByRole("row", { name: /^model_name/ }).first()).toContainText("llm.model_name");
  await expect(ingestPage.preview.locator("details").nth(1)).toContainText("kept as metadata");
  const shown = await ingestPage.documents();
  await ingestPage.store.click();
  await expect(ingestPage.receipt).toContainText("4 traces stored");
  const { items } = await server.get("/api/traces");
  const alike = (document: any) => ({ ...document, updated_at: "" });
  const stored = new Map(items.map((item: any) => [item.trace_id, alike(item)]));
  expect(new Map(shown.map((document) => [document.trace_id, alike(document)]))).toEqual(stored);
  await ingestPage.paste('{"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "lost", "startTimeUnixNano": 1}]}]}]}');
  await expect(ingestPage.verdict).toHaveText("Holds no span that can be kept");
  await expect(ingestPage.preview).toContainText("traceId must be 32 hex digits");
});

test("requests are listed key by key, with the attributes that no field is for", async ({ server, ingestPage, page }) => {
  const asJson = { "content-type": "application/json" };
  const created = await fetch(`${server.url}/api/projects`, { method: "POST", headers: asJson, body: '{"name": "Web"}' });
  const made = (await created.json()) as { api_key: { key: string; key_id: string } };
  await server.ingest({ prompt: "without a key" });
  const headers = { ...asJson, authorization: `Bearer ${made.api_key.key}` };
  await fetch(`${server.url}/v1/traces`, { method: "POST", headers, body: captured("openinference-openai") });
  await fetch(`${server.url}/v1/traces`, { method: "POST", headers, body: "{" });
  await ingestPage.goto();
  const requests = page.getByRole("region", { name: "Last requests" });
  await expect(requests.locator("tbody tr")).toHaveCount(3);
  await requests.getByLabel("Key").selectOption(made.api_key.key_id);
  await expect(requests.locator("tbody tr")).toHaveCount(2);
  await expect(requests.locator("tbody tr").first()).toContainText("400");
  await requests.getByText("without a field, kept as metadata").click();
  await expect(requests.getByText("llm.tools.*")).toBeVisible();
});

test("the first trace turns the instructions green", async ({ server, overviewPage, tracePage, page }) => {
  await overviewPage.goto();
  await expect(page.getByRole("heading", { name: "No traces yet" })).toBeVisible();
  await page.getByText("curl", { exact: true }).first().click();
  const curl = page.locator('[data-snippet="curl"] pre');
  await expect(curl).toContainText(`curl ${server.url}/api/traces`);
  await page.getByRole("button", { name: "Make a key for these" }).click();
  await expect(curl).toContainText("authorization: Bearer tlm_");
  execFileSync("bash", ["-c", await curl.innerText()]);
  await expect(page.getByRole("heading", { name: "Your first trace is here" })).toBeVisible();
  await page.getByRole("link", { name: "Look at it" }).click();
  await expect(tracePage.heading).toHaveText("Hello");
});

test("a very long message is shown by its beginning, and whole behind a link", async ({ server, tracePage, page }) => {
  const request = spans(0, 1);
  const long = "word ".repeat(1_000_000);
  const attributes = [{ key: "input.value", value: { stringValue: long } }];
  request.resourceSpans[0]!.scopeSpans[0]!.spans = request.resourceSpans[0]!.scopeSpans[0]!.spans.map((span) => ({ ...span, attributes }));
  await exportSpans(server, request);
  await tracePage.goto(TRACE);
  await expect(page.getByText("2 texts are over 100 kB")).toBeVisible();
  await expect(tracePage.text("Prompt")).toContainText("word word");
  const whole = await page.getByRole("link", { name: "The whole document" }).getAttribute("href");
  expect((await server.get(whole!)).prompt).toBe(long);
});
