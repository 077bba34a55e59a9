import { readFileSync } from "node:fs";
import { expect, test } from "../fixtures/test.ts";

const some = ["one", "two", "three"].map((trace_id, n) => ({
  trace_id,
  prompt: `Prompt ${trace_id}`,
  project_id: n === 2 ? "web" : "default",
  created_at: 1_780_000_000 - n,
  steps: [{ tool_name: `tool_${n}` }],
}));

test("rows are selected by key and by click, and put beside each other", async ({ server, tracesPage, page }) => {
  await server.ingest(some);
  await tracesPage.goto();
  const bar = page.getByRole("group", { name: "Selected rows" });
  await expect(page.getByText("Columns")).toBeVisible();
  await expect(bar).toHaveCount(0);
  await page.keyboard.press("j");
  await page.keyboard.press("x");
  await expect(bar).toContainText("1 selected");
  await expect(bar.getByRole("link", { name: "Compare" })).toHaveCount(0);
  await tracesPage.row("Prompt three").getByRole("checkbox").check();
  await bar.getByRole("link", { name: "Compare" }).click();
  await expect(page).toHaveURL("/diff/one..three?right_project=web");
  await expect(tracesPage.heading).toBeVisible();
});

test("selected rows are exported, a line of JSON for each", async ({ server, tracesPage, page }) => {
  await server.ingest(some);
  await tracesPage.goto();
  await tracesPage.row("Prompt one").getByRole("checkbox").check();
  const bar = page.getByRole("group", { name: "Selected rows" });
  await bar.getByRole("button", { name: "Select all" }).click();
  await expect(bar).toContainText("3 selected");
  const [file] = await Promise.all([page.waitForEvent("download"), bar.getByRole("button", { name: "Export" }).click()]);
  expect(file.suggestedFilename()).toBe("traces.jsonl");
  const lines = readFileSync(await file.path(), "utf8").trim().split("\n").map((line) => JSON.parse(line));
  expect(lines.map((line) => line.trace_id)).toEqual(["one", "two", "three"]);
  expect(lines[2]).toEqual(await server.get("/api/traces/three?project_id=web"));
  await bar.getByRole("button", { name: "Select none" }).click();
  await expect(bar).toHaveCount(0);
});

test("selected rows are deleted, and the others stay", async ({ server, tracesPage, page }) => {
  await server.ingest(some);
  await tracesPage.goto();
  await tracesPage.row("Prompt one").getByRole("checkbox").check();
  await tracesPage.row("Prompt three").getByRole("checkbox").check();
  const bar = page.getByRole("group", { name: "Selected rows" });
  await bar.locator("summary", { hasText: "Delete selected" }).click();
  await bar.getByRole("button", { name: "Delete selected" }).click();
  await bar.getByRole("button", { name: "Delete now" }).click();
  await expect(tracesPage.rows).toHaveCount(1);
  expect(await tracesPage.ids()).toEqual(["two"]);
});

test("columns that are hidden stay so, from the first byte of the next page", async ({ server, tracesPage, page }) => {
  await server.ingest(some);
  await tracesPage.goto();
  await page.getByText("Columns").click();
  await page.getByRole("checkbox", { name: "Cost" }).uncheck();
  await page.getByRole("checkbox", { name: "Model, project" }).uncheck();
  await expect(page.getByRole("columnheader", { name: "Cost" })).toBeHidden();
  await expect(page.locator("td.cost").first()).toBeHidden();
  await expect(page.getByRole("columnheader", { name: "Latency" })).toBeVisible();
  const response = await page.reload();
  expect(await response!.text()).toContain('data-hide="model cost"');
  await tracesPage.hydrated();
  await expect(page.getByRole("columnheader", { name: "Model, project" })).toBeHidden();
  await page.getByText("Columns").click();
  await page.getByRole("checkbox", { name: "Cost" }).check();
  await expect(page.getByRole("columnheader", { name: "Cost" })).toBeVisible();
});

test("selected rows get a tag, and lose it", async ({ server, tracesPage, page }) => {
  await server.ingest(some);
  await tracesPage.goto();
  await tracesPage.row("Prompt one").getByRole("checkbox").check();
  await tracesPage.row("Prompt three").getByRole("checkbox").check();
  const form = page.getByRole("form", { name: "Tag selected" });
  await expect(form.getByRole("button", { name: "Add tag" })).toBeDisabled();
  await form.getByRole("textbox", { name: "Tag" }).fill("look at this");
  await page.keyboard.press("Enter");
  await expect(form.getByRole("status")).toHaveText("2 changed");
  expect((await server.get("/api/traces/three?project_id=web")).tags).toEqual(["look at this"]);
  await tracesPage.row("Prompt three").getByRole("checkbox").uncheck();
  await form.getByRole("button", { name: "Remove tag" }).click();
  await expect(form.getByRole("status")).toHaveText("1 changed");
  expect((await server.get("/api/traces?tag=look+at+this")).items.map((trace: any) => trace.trace_id)).toEqual(["three"]);
});

test("columns keep their widths, and times are told as how long ago", async ({ server, tracesPage, page }) => {
  await server.ingest([{ trace_id: "now", prompt: "Just now", created_at: Date.now() / 1000 - 200 }, ...some]);
  await tracesPage.goto();
  await page.getByText("Columns").click();
  await page.getByRole("slider", { name: "Width of Model, project" }).fill("320");
  const width = () => page.locator("th.model-column").evaluate((heading: HTMLElement) => heading.offsetWidth);
  expect(await width()).toBe(320);
  const cell = tracesPage.row("Just now").locator("td.time");
  await expect(cell).not.toHaveAttribute("data-ago");
  await page.getByRole("checkbox", { name: "Times as how long ago" }).check();
  await expect(cell).toHaveAttribute("data-ago", "3 min ago");
  await page.reload();
  expect(await width(), "before any script ran").toBe(320);
  await expect(cell).toHaveAttribute("data-ago", "3 min ago");
  await tracesPage.hydrated();
  await page.getByText("Columns").click();
  await expect(page.getByRole("slider", { name: "Width of Model, project" })).toHaveValue("320");
  await page.getByRole("checkbox", { name: "Times as how long ago" }).uncheck();
  await expect(cell).not.toHaveAttribute("data-ago");
});
