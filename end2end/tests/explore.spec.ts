import { expect, test } from "../fixtures/test.ts";

const trace = {
  trace_id: "deep",
  prompt: "Find it",
  latency: 300,
  created_at: 1_780_000_000,
  steps: [
    { tool_name: "plan", duration: 100, input: { "a b": { list: Array.from({ length: 450 }, (_, n) => `item ${n}`) } } },
    { tool_name: "search", duration: 100, output: { text: 'say "needle" here' } },
    { tool_name: "answer", duration: 100, success: false, output: { error: "too late" } },
  ],
};

test("the whole document is explored level by level, and searched", async ({ server, tracePage, page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await server.ingest(trace);
  await tracePage.goto("deep");
  await page.getByRole("button", { name: "Explore all of it" }).click();
  const tree = page.locator(".json-tree");
  await expect(tree.locator(".json-line").filter({ hasText: "prompt: Find it" })).toBeVisible();
  await tree.getByRole("button", { name: /^steps:/ }).click();
  await tree.getByRole("button", { name: /^0:/ }).click();
  await expect(tree.locator(".json-line").filter({ hasText: "tool_name: plan" })).toBeVisible();

  const search = page.getByRole("searchbox", { name: "Find in the document" });
  await search.fill('"needle"');
  await page.keyboard.press("Enter");
  await expect(tree).toContainText("1 of 1");
  const lit = tree.locator(".lit");
  await expect(lit).toContainText('say "needle" here');
  await expect(lit).toBeInViewport();
  await lit.hover();
  await lit.getByRole("button", { name: "Copy path" }).click();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe("$.steps[1].output.text");

  // A value far down a long list is shown with those before it.
  await search.fill("item 447");
  await page.keyboard.press("Enter");
  await expect(tree.locator(".lit")).toContainText("item 447");
  await expect(tree.locator(".lit")).toBeInViewport();
  await search.fill("item 44");
  await page.keyboard.press("Enter");
  await expect(tree).toContainText("1 of 11");
  await page.keyboard.press("Shift+Enter");
  await expect(tree).toContainText("11 of 11");
  await search.fill("nowhere at all");
  await page.keyboard.press("Enter");
  await expect(tree).toContainText("not found");
});

test("twelve megabytes open like twelve bytes", async ({ server, tracePage, page }) => {
  await server.ingest({ trace_id: "huge", prompt: "Big", steps: [{ tool_name: "read", output: { rows: Array.from({ length: 60_000 }, (_, n) => ({ n, text: "x".repeat(180) })) } }] });
  await tracePage.goto("huge");
  await page.getByRole("button", { name: "Explore all of it" }).click();
  const tree = page.locator(".json-tree");
  await tree.getByRole("button", { name: /^steps:/ }).click();
  await tree.getByRole("button", { name: /^0:/ }).click();
  await tree.getByRole("button", { name: /^output:/ }).click();
  await tree.getByRole("button", { name: /^rows: .*MB/ }).click();
  await expect(tree.getByRole("button", { name: "200 more of 60,000" })).toBeVisible();
  await page.getByRole("searchbox", { name: "Find in the document" }).fill('59999,"text"');
  await page.keyboard.press("Enter");
  await expect(tree).toContainText("not found");
  await page.getByRole("searchbox", { name: "Find in the document" }).fill("59999");
  await page.keyboard.press("Enter");
  await expect(tree).toContainText("1 of 1");
  await expect(tree.locator(".lit")).toBeInViewport();
  await expect(tree.getByRole("button", { name: "200 before of 60,000" })).toBeVisible();
});

test("a trace is replayed by keys and by itself, and the address names the step", async ({ server, tracePage, page }) => {
  await server.ingest(trace);
  await tracePage.goto("deep");
  await page.keyboard.press("]");
  await expect(page).toHaveURL("/traces/deep#step-1");
  await expect(tracePage.steps.nth(0).locator("details")).toHaveAttribute("open");
  await page.keyboard.press("]");
  await expect(page.getByText("Step 2 of 3")).toBeVisible();
  await expect(tracePage.steps.nth(0).locator("details")).not.toHaveAttribute("open");
  await expect(tracePage.steps.nth(1).locator("details")).toHaveAttribute("open");
  await page.keyboard.press("[");
  await expect(page.getByText("Step 1 of 3")).toBeVisible();
  await page.getByRole("button", { name: "Play" }).click();
  await expect(page.getByText("Step 3 of 3")).toBeVisible({ timeout: 15_000 });
  await page.keyboard.press("Escape");
  await expect(page).toHaveURL("/traces/deep");
  await expect(page.getByRole("button", { name: "Replay" })).toBeVisible();

  await page.goto("/traces/deep#step-3");
  await tracePage.hydrated();
  await expect(tracePage.steps.nth(2).locator("details")).toHaveAttribute("open");
  await expect(tracePage.steps.nth(2).getByText("too late").first()).toBeVisible();
});
