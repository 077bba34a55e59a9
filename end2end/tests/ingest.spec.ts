import { expect, test } from "../fixtures/test.ts";

test("the preview follows what is typed", async ({ ingestPage, page }) => {
  await ingestPage.goto();
  await expect(ingestPage.store).toBeDisabled();
  await ingestPage.paste('{"prompt": "hi", "steps": [{"tool_name": "search", "success": false}]}');
  await expect(ingestPage.verdict).toHaveText("Will be stored");
  const [document] = await ingestPage.documents();
  expect(document).toMatchObject({ prompt: "hi", status: "failed", failure_reason: "search", model_name: "unknown" });
  const issues = await ingestPage.issues();
  expect(issues.find((issue) => issue.path === "status")?.message).toContain("step 1 `search` failed");

  await ingestPage.text.pressSequentially(" ");
  await ingestPage.paste('{"latency": -1, "steps": [{}, {"duration": "soon"}]}');
  await expect(ingestPage.verdict).toHaveText("Will be refused");
  expect((await ingestPage.issues()).map((issue) => [issue.severity, issue.path])).toEqual([
    ["error", "steps[1].duration"],
    ["error", "latency"],
  ]);
  await ingestPage.paste('{"latency": ');
  await expect(ingestPage.verdict).toHaveText("Not readable");
  await ingestPage.text.fill("");
  await expect(page.getByText("stands here as you type")).toBeVisible();
});

test("what was previewed is stored and linked", async ({ ingestPage, tracePage, page }) => {
  await ingestPage.goto();
  await page.getByRole("button", { name: "Example" }).click();
  await expect(ingestPage.verdict).toHaveText("Will be stored");
  await ingestPage.store.click();
  await expect(ingestPage.receipt).toContainText("new");
  await ingestPage.receipt.getByRole("link").click();
  await expect(tracePage.heading).toHaveText("Which flights leave Lisbon on Friday?");
  await expect(tracePage.steps).toHaveCount(2);
});

test("a batch is told trace by trace", async ({ ingestPage, server }) => {
  await server.ingest({ trace_id: "old", created_at: 5 });
  await ingestPage.goto();
  await ingestPage.paste('{"trace_id": "new"}\n{"trace_id": "bad", "latency": -1}\n{"trace_id": "old", "created_at": 5}');
  await expect(ingestPage.verdict).toHaveText("2 traces will be stored, 1 refused");
  await ingestPage.store.click();
  const rows = ingestPage.receipt.locator("ol > li");
  await expect(rows).toHaveCount(3);
  await expect(rows.nth(0)).toContainText("new");
  await expect(rows.nth(1)).toContainText("latency");
  await expect(rows.nth(2)).toContainText("was there already");
  await ingestPage.text.press("End");
  await ingestPage.text.pressSequentially(" ");
  await expect(ingestPage.receipt).toHaveCount(0);
});

test("a large paste stays quick to type in", async ({ ingestPage, page }) => {
  await ingestPage.goto();
  await ingestPage.paste(JSON.stringify(Array.from({ length: 3000 }, (_, n) => ({ trace_id: `t${n}`, prompt: "x".repeat(500) }))));
  await expect(ingestPage.verdict).toHaveText("3,000 traces will be stored");
  await expect(page.getByText("Showing 20 of 3000")).toBeVisible();
});

test.describe("with other limits", () => {
  test.use({ settings: { TRACELLM_LIMITS: "depth=8,batch=2" }, expectedConsole: /status of 422/ });

  test("the preview refuses what the server does", async ({ ingestPage }) => {
    await ingestPage.goto();
    for (const refused of [`{"metadata": {"deep": ${"[".repeat(9)}${"]".repeat(9)}}}`, "[{}, {}, {}]"]) {
      await ingestPage.paste(refused);
      await expect(ingestPage.verdict).toHaveText("Will be refused");
      const previewed = await ingestPage.issues();
      await ingestPage.store.click();
      await expect(ingestPage.alert).toBeVisible();
      expect(await ingestPage.issues(ingestPage.alert)).toEqual(previewed);
    }
  });
});

test.describe("what is refused", () => {
  test.use({ expectedConsole: /status of (422|503)/ });

  test("is refused by the server too, with the same words", async ({ ingestPage, server }) => {
    await ingestPage.goto();
    await ingestPage.paste('{"trace_id": "r", "latency": -1}');
    const previewed = await ingestPage.issues();
    await ingestPage.store.click();
    await expect(ingestPage.alert).toContainText("Nothing was stored");
    expect(await ingestPage.issues(ingestPage.alert)).toEqual(previewed);
    expect((await server.get("/api/traces")).total).toBe(0);
  });
});
