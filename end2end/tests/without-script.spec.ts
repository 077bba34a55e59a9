import { expect, test } from "../fixtures/test.ts";

const traces = Array.from({ length: 12 }, (_, n) => ({
  trace_id: `t-${n}`,
  prompt: `Question ${n}`,
  status: n % 2 ? "failed" : "success",
  created_at: 1_780_000_000 + n,
  steps: [{ tool_name: "look_up", duration: 5, output: { found: n } }],
}));

test("the list shows its data, filters and pages", async ({ server, page, tracesPage }) => {
  await server.ingest(traces);
  await page.goto("/traces?limit=4");
  await expect(tracesPage.rows).toHaveCount(4);
  await tracesPage.next.click();
  await expect(tracesPage.rows.first()).toContainText("Question 7");
  await tracesPage.field("status").selectOption("failed");
  await tracesPage.filter();
  await expect(page).toHaveURL(/status=failed/);
  expect(await tracesPage.ids()).toEqual(["t-11", "t-9", "t-7", "t-5"]);
  await tracesPage.row("Question 9").click();
  await expect(tracesPage.heading).toHaveText("Question 9");
});

test("a trace shows all of itself", async ({ server, page, tracePage }) => {
  await server.ingest(traces);
  await page.goto("/traces/t-3");
  await expect(tracePage.heading).toHaveText("Question 3");
  await tracePage.steps.first().getByText("look_up").click();
  await expect(tracePage.steps.first().locator("pre.json").nth(1)).toContainText('"found": 3');
  expect((await tracePage.rawJson()).trace_id).toBe("t-3");
});

test("pasting says what it needs", async ({ page }) => {
  await page.goto("/ingest");
  // Playwright's way to switch scripts off leaves `noscript` undrawn.
  expect(await page.content()).toContain("needs JavaScript");
  await expect(page.getByRole("button", { name: "Switch between light and dark" })).toBeHidden();
  await expect(page.getByRole("button", { name: "Store" })).toBeDisabled();
});

test("every page shows its data", async ({ server, page }) => {
  await server.ingest(traces);
  await page.goto("/");
  await expect(page.locator(".tile", { hasText: "Failed" })).toContainText("6");
  await expect(page.getByRole("img", { name: "Traces over time" })).toBeVisible();
  await page.getByRole("combobox", { name: "Status" }).selectOption("success");
  await page.getByRole("button", { name: "Filter" }).click();
  await expect(page).toHaveURL(/status=success/);
  await expect(page.locator(".tile", { hasText: "Success rate" })).toContainText("100 %");
  await page.goto("/failures");
  await expect(page.locator("table.traces tbody tr")).toHaveCount(6);
  await expect(page.locator(".groups tbody tr")).toHaveCount(1);
  await page.goto("/projects");
  await expect(page.getByRole("heading", { name: "default" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Create project" })).toBeHidden();
  await page.goto("/settings");
  await expect(page.locator(".check", { hasText: "indexes" })).toContainText("good");
  await page.goto("/live");
  await expect(page.getByRole("heading", { name: "Live" })).toBeVisible();
});

test("more steps than a page shows are a link away", async ({ server, tracePage, page }) => {
  await server.ingest({ trace_id: "long", steps: [...Array(450).keys()].map((n) => ({ tool_name: `step ${n}` })) });
  await page.goto("/traces/long");
  for (const shown of ["1 to 200", "201 to 400", "401 to 450"]) {
    await expect(page.getByRole("heading", { name: `Steps ${shown} of 450` })).toBeVisible();
    if (shown !== "401 to 450") await page.getByRole("link", { name: "Next steps" }).click();
  }
  await expect(tracePage.steps.last()).toContainText("step 449");
  await expect(page.getByRole("link", { name: "Next steps" })).toHaveCount(0);
});
