import { expect, test } from "../fixtures/test.ts";
import { loop } from "../fixtures/loop.ts";

test.beforeEach(async ({ server }) => {
  await server.ingest(loop);
});

test("rows, traces and pages are reached without a mouse", async ({ tracesPage, tracePage, page }) => {
  await tracesPage.goto();
  const rows = await page.locator("table.traces .prompt > a").evaluateAll((links) => links.map((link) => link.getAttribute("href")));
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("k");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(new RegExp(`${rows[0]}$`));
  await expect(page.getByRole("link", { name: "next" })).toBeVisible();
  await page.keyboard.press("j");
  await expect(page).toHaveURL(new RegExp(`${rows[1]}$`));
  await expect(page.getByRole("link", { name: "previous" })).toBeVisible();
  await page.keyboard.press("g");
  await page.keyboard.press("f");
  await expect(tracePage.heading).toHaveText("Failures");
  await page.keyboard.press("/");
  await page.keyboard.type("gjk");
  await expect(page.getByRole("combobox", { name: "Search" })).toHaveValue("gjk");
});

test("what went wrong is gone through from the first kind to the last", async ({ server, failuresPage, page }) => {
  await server.ingest([
    { trace_id: "slow", prompt: "s", latency: 9000, created_at: 1_780_000_900 },
    { trace_id: "broken", prompt: "b", status: "failed", created_at: 1_780_000_900 },
  ]);
  await failuresPage.goto();
  const rows = await page.locator("table.traces .prompt > a").evaluateAll((links) => links.map((link) => link.getAttribute("href")));
  expect(rows[0]).toBe("/traces/failed");
  expect(rows.at(-1)).toBe("/traces/slow");
  await page.locator("table.traces .prompt > a").first().click();
  await expect(page.getByRole("link", { name: "next" })).toBeVisible();
  await page.keyboard.press("j");
  await expect(page).toHaveURL(new RegExp(`${rows[1]}$`));
});

test("a key by itself means nothing long after another", async ({ tracesPage, page }) => {
  await tracesPage.goto();
  await page.keyboard.press("g");
  await page.waitForTimeout(1_700);
  await page.keyboard.press("f");
  await expect(tracesPage.heading).toHaveText("Traces");
});

test("the list that one came from is kept", async ({ tracesPage, page }) => {
  await page.goto("/traces?status=failed");
  await tracesPage.hydrated();
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.getByRole("main").getByRole("link", { name: "Traces" }).click();
  await expect(page).toHaveURL(/\?status=failed$/);
});

test("commands are found by their name, and what is none is searched for", async ({ tracesPage, page }) => {
  await tracesPage.goto();
  await page.keyboard.press("Control+k");
  await page.keyboard.type("sett");
  await page.keyboard.press("Enter");
  await expect(tracesPage.heading).toHaveText("Settings");
  await page.keyboard.press("Control+k");
  await page.keyboard.type("order 7731");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/traces\?q=order%207731/);
  await page.keyboard.press("Control+k");
  await page.keyboard.type("light");
  await page.keyboard.press("Enter");
  await expect(page.locator("html[data-theme]")).toBeAttached();
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog", { name: "Keyboard shortcuts" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
});
