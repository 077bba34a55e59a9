import { expect, test } from "../fixtures/test.ts";

test("the doctor's findings and the indexes are there", async ({ page, tracesPage, store }) => {
  await page.goto("/settings");
  await tracesPage.hydrated();
  await expect(page.locator(".fact").first()).toContainText(store === "mongodb" ? "MongoDB" : "SQLite");
  await expect(page.locator(".check", { hasText: "reachable" })).toContainText("good");
  await expect(page.locator(".check .bad")).toHaveCount(0);
  expect(await page.locator("tbody tr").count()).toBeGreaterThan(10);
  await expect(page.locator("tbody tr", { hasText: "missing" })).toHaveCount(0);
});

test.describe("a database that does not answer", () => {
  test.use({ store: "nowhere" });

  test("is the finding", async ({ page, tracesPage }) => {
    await page.goto("/settings");
    await tracesPage.hydrated();
    await expect(page.locator(".check", { hasText: "reachable" })).toContainText("bad");
    await expect(page.locator(".check", { hasText: "reachable" })).toContainText("Start the database");
  });
});
