import { long } from "../fixtures/long.ts";
import { expect, test } from "../fixtures/test.ts";

test.beforeEach(async ({ server }) => {
  await server.ingest(long(3_000));
});

test("all steps of a long trace are one list, of which only what is in view is drawn", async ({ tracePage, page }) => {
  await tracePage.goto("long");
  const list = page.getByRole("listbox", { name: /^Steps/ });
  const rows = list.getByRole("option");
  await expect(page.getByRole("heading", { name: "3,000 steps" })).toBeVisible();
  expect(await rows.count()).toBeLessThan(80);
  await list.focus();
  await page.keyboard.press("End");
  await expect(page.locator("#step-3000")).toBeInViewport();
  await expect(page.locator("#step-1")).toHaveCount(0);
  await page.keyboard.press("Home");
  await page.keyboard.press("n");
  await expect(page.locator("#step-700")).toHaveAttribute("aria-selected", "true");
  await page.keyboard.press("Enter");
  await expect(page.locator(".chosen")).toContainText("700 tool_9");
  await expect(page.locator(".chosen")).toContainText("broke at 699");
  await page.keyboard.press("ArrowDown");
  await expect(page.locator(".chosen")).toContainText("701 agent");
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("ArrowDown");
  await expect(page.locator("#step-711")).toHaveAttribute("aria-selected", "true");
  await expect(page.locator("#step-702")).toHaveCount(0);
  await page.getByRole("searchbox", { name: "Find steps by name" }).fill("TOOL_3");
  await expect(page.getByText("300 of 3,000")).toBeVisible();
  await page.getByRole("searchbox", { name: "Find steps by name" }).fill("");
  await page.getByRole("checkbox", { name: "Failed only" }).check();
  await expect(rows).toHaveCount(4);
  await rows.nth(1).click();
  await page.getByRole("button", { name: "Zoom to the chosen step" }).click();
  await expect(rows.nth(1).locator("rect")).toHaveAttribute("width", "100.000%");
  await expect(rows.nth(0).locator("rect")).toHaveCount(0);
});

test("a link to a step of a long trace leads there", async ({ tracePage, page }) => {
  await page.goto("/traces/long?steps_from=1400#step-1500");
  await tracePage.hydrated();
  await expect(page.locator("#step-1500")).toHaveAttribute("aria-selected", "true");
  await expect(page.locator("#step-1500")).toBeInViewport();
});

test("a step is found wherever it is hidden, and a link from above leads to the list", async ({ tracePage, page }) => {
  await tracePage.goto("long");
  const list = page.getByRole("listbox", { name: /^Steps/ });
  await list.focus();
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowLeft");
  await expect(list.getByRole("option")).toHaveCount(1);
  await page.keyboard.press("n");
  await expect(page.locator("#step-700")).toHaveAttribute("aria-selected", "true");
  await expect(page.locator("#step-700")).toHaveAttribute("aria-posinset", "700");
  await page.locator(".why").getByRole("link", { name: "710", exact: true }).click();
  await expect(page.locator("#step-710")).toHaveAttribute("aria-selected", "true");
  await expect(page.locator("#step-710")).toBeInViewport();
});
