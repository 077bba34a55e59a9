import { expect, test } from "../fixtures/test.ts";

const trace = {
  trace_id: "flight/1",
  project_id: "travel",
  prompt: "Which flights leave Lisbon on Friday?\nCheapest first.",
  response: "None was found.",
  model: "gpt-4.1",
  latency: 2000,
  token_count: 812,
  cost_usd: 0.0123,
  tags: ["agent", "booking"],
  created_at: "2026-05-29T02:46:58.575Z",
  steps: [
    { tool_name: "plan", kind: "llm", duration: 500, input: { goal: "fly" }, output: { steps: 2 }, input_tokens: 10, output_tokens: 5 },
    { tool_name: "search_flights", kind: "tool", duration: 1500, success: false, output: { error: "timeout after 1500 ms" } },
  ],
};

test("a trace tells what was asked, what came and why it failed", async ({ server, tracePage, page }) => {
  await server.ingest(trace);
  await tracePage.goto("flight/1", "travel");
  await expect(page).toHaveTitle("✗ Which flights leave Lisbon on Friday? · TraceLLM");
  await expect(tracePage.heading).toHaveText("Which flights leave Lisbon on Friday?");
  await expect(page.locator(".callout.failed").first()).toContainText("timeout after 1500 ms");
  await expect(tracePage.text("Prompt")).toHaveText(trace.prompt);
  await expect(tracePage.text("Response")).toHaveText(trace.response);
  await expect(tracePage.fact("Latency")).toHaveText("2.00 s · slow");
  await expect(tracePage.fact("Tokens")).toHaveText("812");
  await expect(tracePage.fact("Cost")).toHaveText("$0.0123");
  await expect(tracePage.fact("Started")).toHaveText("2026-05-29 02:46:58.575 UTC");
});

test("steps stand on their time axis and open to what went in and out", async ({ server, tracePage }) => {
  await server.ingest(trace);
  await tracePage.goto("flight/1", "travel");
  await expect(tracePage.steps).toHaveCount(2);
  const bars = await tracePage.steps.locator("rect").evaluateAll((bars) => bars.map((bar) => [bar.getAttribute("x"), bar.getAttribute("width")]));
  expect(bars).toEqual([
    ["0.000%", "25.000%"],
    ["25.000%", "75.000%"],
  ]);
  const failed = tracePage.steps.nth(1);
  await expect(failed.getByText("Input")).toBeHidden();
  await failed.getByText("search_flights").click();
  await expect(failed.getByText("Input")).toBeVisible();
  await expect(failed.locator("pre.json").nth(1)).toContainText("timeout after 1500 ms");
});

test("the raw document is what REST answers", async ({ server, tracePage }) => {
  await server.ingest(trace);
  await tracePage.goto("flight/1", "travel");
  expect(await tracePage.rawJson()).toEqual(await server.get("/api/traces/flight%2F1?project_id=travel"));
});

test("without a project the newest trace of that id is shown", async ({ server, tracePage }) => {
  await server.ingest([
    { trace_id: "same", project_id: "a", prompt: "older", created_at: 1 },
    { trace_id: "same", project_id: "b", prompt: "newer", created_at: 2 },
  ]);
  await tracePage.goto("same");
  await expect(tracePage.heading).toHaveText("newer");
  await tracePage.goto("same", "a");
  await expect(tracePage.heading).toHaveText("older");
});

test("a text copies as it stands", async ({ server, tracePage, page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await server.ingest(trace);
  await tracePage.goto("flight/1", "travel");
  await page.getByRole("button", { name: "Copy prompt" }).click();
  await expect(page.getByRole("button", { name: "Copy prompt" })).toHaveText("Copied");
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(trace.prompt);
});

test("what stands in a trace is text, never markup", async ({ server, tracePage, page }) => {
  const hostile = `</title><img src=x onerror="document.title='owned'"></pre></script><script>document.title='owned'</script>`;
  await server.ingest({ trace_id: "x", prompt: hostile, response: hostile, failure_reason: hostile, model: hostile, steps: [{ tool_name: hostile, input: { [hostile]: hostile } }] });
  await tracePage.goto("x");
  await expect(tracePage.text("Prompt")).toHaveText(hostile);
  await expect(page).not.toHaveTitle("owned");
  await expect(page.locator("main img, main script")).toHaveCount(0);
});

test.describe("an unknown trace", () => {
  test.use({ expectedConsole: /status of 404/ });

  test("is said to be unknown", async ({ tracePage, tracesPage, page }) => {
    await tracePage.goto("nobody");
    await expect(tracePage.alert).toContainText("Not found");
    await expect(tracePage.alert).toContainText("nobody");
    await page.getByRole("main").getByRole("link", { name: "Traces", exact: true }).click();
    await expect(tracesPage.heading).toHaveText("Traces");
  });
});
