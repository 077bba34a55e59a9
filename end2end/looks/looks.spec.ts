import type { Page } from "@playwright/test";
import { expect, test } from "../fixtures/test.ts";

const DAY = Date.UTC(2026, 4, 29) / 1000;
const RANGE = "from=2026-05-28T00:00:00Z&to=2026-05-30T00:00:00Z";

/** A day of traces, the same each time. */
const some = Array.from({ length: 60 }, (_, n) => {
  const failed = n % 7 === 3;
  return {
    trace_id: `look-${String(n).padStart(2, "0")}`,
    project_id: n % 3 ? "shop" : "travel-agent",
    prompt: ["Where is my order?", "Which flights leave Lisbon on Friday?\nCheapest first.", "Explain transformers to a child"][n % 3],
    response: failed ? undefined : `# Answer ${n}\n\nIt is **here**, see [the list](https://example.com/list).\n\n| a | b |\n|---|---|\n| 1 | ${n} |`,
    failure_reason: failed ? "HTTP 429 from crm: retry after 2 s" : undefined,
    status: failed ? "failed" : n % 11 === 5 ? "warning" : "success",
    model: ["gpt-4.1", "claude-sonnet-4-5", "llama-3.3-70b-instruct"][n % 3],
    environment: n % 2 ? "production" : "staging",
    latency: 120 * (1 + ((n * 37) % 60)) + (failed ? 4_000 : 0),
    token_count: 300 + ((n * 113) % 4_000),
    cost_usd: ((n * 17) % 90) / 1_000,
    retry_count: failed ? 1 : 0,
    tags: n % 4 ? ["agent"] : ["agent", "vip"],
    created_at: DAY + n * 1_260,
    steps: [
      { tool_name: "plan", kind: "llm", duration: 100 * (1 + (n % 5)), input: { messages: [{ role: "system", content: "Be brief." }, { role: "user", content: "Go on." }] }, output: { messages: [{ role: "assistant", content: "I look it up." }] }, input_tokens: 120, output_tokens: 30 },
      { tool_name: "lookup", kind: "tool", duration: 90 * (1 + (n % 7)), success: !failed, input: { id: n }, output: failed ? { error: "HTTP 429 from crm: retry after 2 s" } : { found: true } },
      { tool_name: "answer", kind: "llm", duration: 200, output: { messages: [{ role: "assistant", content: `Answer ${n}` }] } },
    ],
  };
});

async function looks(page: Page, address: string, name: string): Promise<void> {
  await page.goto(address);
  await expect(page.locator("html[data-hydrated]")).toBeAttached();
  await page.waitForLoadState("networkidle");
  await expect(page).toHaveScreenshot(`${name}.png`, { fullPage: true });
}

test("pages look as they did", async ({ server, page }) => {
  await server.ingest(some);
  // The index of words takes in what was stored.
  await expect(async () => expect((await server.get("/api/traces?q=xylophone")).not_indexed ?? 0).toBe(0)).toPass();
  await looks(page, `/traces?${RANGE}&limit=20`, "traces");
  await looks(page, `/?${RANGE}`, "overview");
  await looks(page, `/failures?${RANGE}`, "failures");
  await looks(page, "/traces/look-10?project_id=shop", "trace");
  await looks(page, "/traces/look-10?project_id=shop&view=conversation", "conversation");
  await looks(page, "/diff/look-10..look-11?left_project=shop&right_project=shop", "diff");
  await looks(page, "/ingest", "ingest");
});
