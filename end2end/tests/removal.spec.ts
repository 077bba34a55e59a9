import { expect, test } from "../fixtures/test.ts";

const DAY = 86_400_000;
const aged = (trace_id: string, days: number, more = {}) => ({
  trace_id,
  prompt: `Prompt of ${trace_id}`,
  response: "words",
  created_at: (Date.now() - days * DAY) / 1000,
  ...more,
});

test("a trace is deleted on its page, once that is confirmed", async ({ server, tracePage, tracesPage, page }) => {
  await server.ingest([aged("gone", 1), aged("stays", 2)]);
  await tracePage.goto("gone");
  await page.locator("summary", { hasText: "Delete this trace" }).click();
  await page.getByRole("button", { name: "Delete this trace" }).click();
  await page.getByRole("button", { name: "Delete now" }).click();
  await expect(page).toHaveURL("/traces");
  await expect(tracesPage.rows).toHaveCount(1);
  expect(await tracesPage.ids()).toEqual(["stays"]);
});

test("whoever thinks again loses nothing, and who waits need not press again", async ({ server, tracePage, page }) => {
  await server.ingest(aged("thought-over", 1));
  await tracePage.goto("thought-over");
  await page.locator("summary", { hasText: "Delete this trace" }).click();
  await page.getByRole("button", { name: "Delete this trace" }).click();
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(page.getByText(/Deletes in/)).toHaveCount(0);
  expect((await server.get("/api/traces/thought-over")).trace_id).toBe("thought-over");
  await page.getByRole("button", { name: "Delete this trace" }).click();
  await expect(page.getByText("Deletes in 5 s")).toBeVisible();
  await expect(page).toHaveURL("/traces", { timeout: 15_000 });
});

test("all that filters match is deleted, and the rest stays", async ({ server, tracesPage, page }) => {
  await server.ingest([aged("bad-1", 1, { status: "failed" }), aged("bad-2", 1, { status: "failed" }), aged("good", 1)]);
  await tracesPage.goto();
  await expect(page.locator("summary", { hasText: "Delete" })).toHaveCount(0);
  await tracesPage.goto("?status=failed");
  await page.locator("summary", { hasText: "Delete all that match" }).click();
  await expect(page.locator(".delete")).toContainText("2 traces");
  await page.getByRole("button", { name: "Delete all that match" }).click();
  await page.getByRole("button", { name: "Delete now" }).click();
  await expect(page.locator(".job")).toContainText("2 traces, done");
  await tracesPage.goto();
  expect(await tracesPage.ids()).toEqual(["good"]);
  await tracesPage.navigate("Settings");
  await expect(page.locator(".job")).toContainText("delete traces: status=failed");
});

test("a project is deleted with its traces", async ({ server, tracesPage, page }) => {
  await server.ingest([aged("here", 1), aged("there", 1, { project_id: "web" })]);
  await page.goto("/projects");
  await tracesPage.hydrated();
  const project = page.locator(".project", { has: page.getByRole("heading", { name: "web", exact: true }) });
  await project.locator("summary", { hasText: "Delete project" }).click();
  await project.getByRole("button", { name: "Delete project" }).click();
  await project.getByRole("button", { name: "Delete now" }).click();
  await expect(page.locator(".job")).toContainText("1 trace, done");
  await tracesPage.goto();
  expect(await tracesPage.ids()).toEqual(["here"]);
});

test("what is too old goes by rules that show first what they would do", async ({ server, tracesPage, tracePage, page }) => {
  await server.ingest([aged("old", 40), aged("middle", 10), aged("new", 1)]);
  await page.goto("/settings");
  await tracesPage.hydrated();
  await expect(page.getByText("Everything is kept for ever.")).toBeVisible();
  await page.getByLabel("Success, days").fill("30");
  await page.getByLabel("Texts, days").fill("7");
  await page.getByRole("button", { name: "What would go?" }).click();
  const going = page.locator("tr", { hasText: "default" });
  await expect(going).toHaveText([/success.*1$/, /texts only.*2$/]);
  await page.getByRole("button", { name: "Save and apply" }).click();
  await expect(page.locator("tr", { hasText: "all others" })).toContainText("30 days");
  await expect(async () => {
    await tracesPage.goto();
    expect(await tracesPage.rows.count()).toBe(2);
    await expect(tracesPage.row("middle")).toContainText("(texts removed)", { timeout: 500 });
  }).toPass();
  await tracePage.goto("middle");
  await expect(page.getByText("Texts removed:")).toBeVisible();
  await tracePage.goto("new");
  await expect(tracePage.heading).toHaveText("Prompt of new");
});

test.describe("a rule that can't be", () => {
  test.use({ expectedConsole: /status of 422/ });

  test("is refused with its field", async ({ tracesPage, page }) => {
    await page.goto("/settings");
    await tracesPage.hydrated();
    await page.getByLabel("Failed, days").fill("0");
    await page.getByRole("button", { name: "What would go?" }).click();
    await expect(tracesPage.alert).toContainText("default.failed_days");
  });
});
