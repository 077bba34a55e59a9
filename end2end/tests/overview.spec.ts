import { expect, test } from "../fixtures/test.ts";

/** One trace an hour, of which every third fails. */
const some = Array.from({ length: 24 }, (_, n) => ({
  trace_id: `t-${n}`,
  prompt: `Question ${n}`,
  model: n % 4 ? "gpt-4.1" : "claude-sonnet-4-5",
  project_id: n % 2 ? "web" : "shop",
  status: n % 3 ? "success" : "failed",
  latency: 100 * (n + 1),
  token_count: 10,
  cost_usd: 0.5,
  retry_count: n === 5 ? 2 : 0,
  created_at: Date.UTC(2026, 4, 29, n) / 1000,
}));

test("numbers are over all that match", async ({ server, overviewPage, page }) => {
  await server.ingest(some);
  await overviewPage.goto();
  await expect(overviewPage.tile("Success rate")).toHaveText("66.7 %");
  await expect(overviewPage.tile("Failed")).toHaveText("8");
  await expect(overviewPage.tile("Median latency")).toHaveText("1.20 s");
  await expect(overviewPage.tile("Slow")).toHaveText("10");
  await expect(overviewPage.tile("Retries")).toHaveText("2");
  await expect(overviewPage.tile("Tokens")).toHaveText("240");
  await expect(overviewPage.tile("Cost")).toHaveText("$12.00");
  await expect(overviewPage.chart("Traces over time: at most 1 in a bucket, 8 failed in all").locator("rect.ink-traces")).toHaveCount(24);
  await expect(overviewPage.chart("Latency over time").locator("polyline.ink-mean")).toHaveCount(1);
  await expect(overviewPage.breakdown("Models").getByRole("listitem").first()).toContainText("gpt-4.1");
  await expect(overviewPage.rows).toHaveCount(5);

  await overviewPage.breakdown("Models").getByRole("link", { name: "claude-sonnet-4-5" }).click();
  await expect(page).toHaveURL("/traces?model=claude-sonnet-4-5");
  await overviewPage.navigate("Overview");
  await expect(page).toHaveURL("/?model=claude-sonnet-4-5");
  await expect(overviewPage.tile("Tokens")).toHaveText("60");
  await overviewPage.navigate("Projects");
  await expect(overviewPage.heading).toHaveText("Projects");
  await overviewPage.navigate("Traces");
  await expect(page).toHaveURL("/traces?model=claude-sonnet-4-5");
});

test("filters of the overview work at once and lead on to the list", async ({ server, overviewPage, tracesPage, page }) => {
  await server.ingest(some);
  await overviewPage.goto();
  await tracesPage.field("status").selectOption("failed");
  await expect(page).toHaveURL("/?status=failed");
  await expect(overviewPage.tile("Success rate")).toHaveText("0 %");
  await overviewPage.tile("Slow").getByRole("link").click();
  await expect(page).toHaveURL("/traces?status=failed&slow=true");
  await expect(tracesPage.rows).toHaveCount(3);
  await page.getByRole("link", { name: "Take back slow" }).click();
  await expect(tracesPage.rows).toHaveCount(8);
});

test("an empty store and filters that match nothing say so", async ({ server, overviewPage, page }) => {
  await overviewPage.goto();
  await expect(page.getByRole("heading", { name: "No traces yet" })).toBeVisible();
  await server.ingest(some);
  await overviewPage.goto("?model=none");
  await expect(page.getByRole("heading", { name: "No trace matches" })).toBeVisible();
});

test("failures stand by their kind, with all of each counted", async ({ server, failuresPage, page }) => {
  await server.ingest(some);
  await failuresPage.goto();
  await expect(failuresPage.kind("Failed").locator("tbody tr")).toHaveCount(8);
  await expect(failuresPage.kind("Retried").locator("tbody tr")).toHaveCount(1);
  await expect(failuresPage.kind("Retried")).toContainText("retried 2×");
  await expect(failuresPage.kind("Slow").locator("tbody tr")).toHaveCount(10);
  await failuresPage.goto("?project_id=web&latency_max=1400");
  await expect(failuresPage.kind("Slow")).toContainText("No trace took 1.5 s or more.");
  await failuresPage.kind("Failed").getByRole("link", { name: "Question 9" }).click();
  await expect(page).toHaveURL("/traces/t-9?project_id=web");
});

test("more failures than are shown are a link away", async ({ server, failuresPage, tracesPage }) => {
  await server.ingest(Array.from({ length: 30 }, (_, n) => ({ trace_id: `f-${n}`, status: "failed", created_at: 1_780_000_000 + n })));
  await failuresPage.goto();
  await expect(failuresPage.kind("Failed").locator("tbody tr")).toHaveCount(25);
  await failuresPage.kind("Failed").getByRole("link", { name: "All 30" }).click();
  await expect(tracesPage.total).toHaveText("30 traces");
});

test.describe("a filter that is wrong", () => {
  test.use({ expectedConsole: /status of 400/ });

  test("is named on every page", async ({ overviewPage, page }) => {
    for (const path of ["/", "/failures", "/live", "/traces"]) {
      await page.goto(`${path}?from=yesterday&latency_min=9&latency_max=1`);
      await overviewPage.hydrated();
      await expect(overviewPage.alert).toContainText("from");
      await expect(overviewPage.alert).toContainText("latency_m");
    }
  });
});

test("a time range is chosen on a chart, by hand and by keys", async ({ server, overviewPage, page }) => {
  await server.ingest(some);
  await overviewPage.goto("?model=gpt-4.1");
  const brush = page.locator(".brush:visible").first();
  const box = (await brush.boundingBox())!;
  const at = (share: number) => [box.x + box.width * share, box.y + box.height / 2] as const;
  await page.mouse.move(...at(0.08));
  await expect(page.locator(".tip:visible").first()).toHaveText(/^2026-05-29 0\d:\d\d.*: \d traces?/);
  await page.mouse.down();
  await page.mouse.move(...at(0.3));
  await page.mouse.move(...at(0.5));
  await expect(page.locator(".tip:visible").first()).toContainText(" to 2026-05-29 1");
  await page.mouse.up();
  await expect(page).toHaveURL(/\?model=gpt-4\.1&from=2026-05-29T0[^&]*&to=2026-05-29T1[^&]*$/);
  await expect(overviewPage.tile("Tokens")).toHaveText("80");
  await page.goBack();
  await expect(overviewPage.tile("Tokens")).toHaveText("180");
  await brush.focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Shift+ArrowLeft");
  await page.keyboard.press("Enter");
  await expect(overviewPage.tile("Tokens")).toHaveText("10");
});
