import { expect, test } from "../fixtures/test.ts";

/** Ten hours; in the last three, one model and one tool are slow. */
const some = Array.from({ length: 100 }, (_, n) => {
  const is_slow = n >= 70 && n % 2 === 0;
  return {
    trace_id: `t-${n}`,
    prompt: `Question ${n}`,
    model: is_slow ? "slow-model" : "quick-model",
    status: n % 10 ? "success" : "failed",
    latency: is_slow ? 9_000 : 100,
    token_count: 10,
    created_at: Date.UTC(2026, 4, 29) / 1000 + n * 360,
    steps: [{ tool_name: is_slow ? "crawl" : "search" }],
  };
});

test("a selected region tells what its traces have in common, and leads to them", async ({ server, overviewPage, tracesPage, page }) => {
  await server.ingest(some);
  await overviewPage.goto();
  const map = page.getByRole("group", { name: "Fields of time and latency" });
  await expect(page.getByRole("img", { name: "Latencies over time" })).toBeVisible();
  await map.scrollIntoViewIfNeeded();
  const box = (await map.boundingBox())!;
  const at = (x: number, y: number) => [box.x + box.width * x, box.y + box.height * y] as const;
  await page.mouse.move(...at(0.02, 0.02));
  await page.mouse.down();
  await page.mouse.move(...at(0.5, 0.2));
  await page.mouse.move(...at(0.99, 0.4));
  await page.mouse.up();
  const selected = page.getByRole("region", { name: "What is selected" });
  await expect(selected).toContainText("15 traces beside 85 others");
  // What tells the more stands first.
  await expect(selected.locator("tbody tr").first()).toContainText(/slow-model|crawl/);
  await expect(selected.locator("tbody tr", { hasText: "slow-model" })).toContainText("100 %0 %");
  await expect(selected.locator("tbody tr", { hasText: "crawl" })).toContainText("100 %0 %");
  await selected.getByRole("link", { name: "List them" }).click();
  await expect(page).toHaveURL(/\/traces\?latency_min=[^&]+&from=2026-05-29T[^&]+&to=2026-05-29T[^&]+$/);
  await expect(tracesPage.total).toHaveText("15 traces");
});

test("the same by keys", async ({ server, overviewPage, page }) => {
  await server.ingest(some);
  await overviewPage.goto();
  const map = page.getByRole("group", { name: "Fields of time and latency" });
  await map.focus();
  await page.keyboard.press("ArrowRight");
  for (let n = 0; n < 60; n++) await page.keyboard.press("Shift+ArrowLeft");
  await page.keyboard.press("Enter");
  const selected = page.getByRole("region", { name: "What is selected" });
  await expect(selected).toContainText("15 traces beside 85 others");
  await page.keyboard.press("Escape");
  await expect(selected).toHaveCount(0);
});

test("numbers stand beside those of the time before, and by model and tool", async ({ server, overviewPage, page }) => {
  await server.ingest(some);
  await overviewPage.goto("?from=2026-05-29T05:00:00Z&to=2026-05-29T10:00:00Z");
  await expect(overviewPage.tile("Tokens")).toHaveText("500");
  const change = (name: string) => page.locator(".tile", { has: page.getByText(name, { exact: true }) }).locator(".change");
  await expect(change("p95 latency")).toHaveText("×90");
  await expect(change("Tokens")).toHaveCount(0);
  await expect(change("Slow")).toHaveCount(0);
  const models = page.getByRole("region", { name: "By model" });
  await expect(models.locator("tbody tr")).toHaveCount(2);
  await expect(models.locator("tbody tr", { hasText: "slow-model" })).toContainText("15");
  const tools = page.getByRole("region", { name: "By tool" });
  await expect(tools.locator("tbody tr", { hasText: "search" })).toContainText(/search35/);
  await models.getByRole("link", { name: "slow-model" }).click();
  await expect(page).toHaveURL("/traces?model=slow-model&from=2026-05-29T05%3A00%3A00.000Z&to=2026-05-29T10%3A00%3A00.000Z");
});
