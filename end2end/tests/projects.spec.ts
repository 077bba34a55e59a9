import { expect, test } from "../fixtures/test.ts";

test("a project and its key are made, used and ended", async ({ server, projectsPage, page }) => {
  await projectsPage.goto();
  await expect(page.getByText("No project was created")).toBeVisible();
  await projectsPage.create("Support bot", "Answers customers.");
  await expect(projectsPage.project("Support bot")).toContainText("Answers customers.");
  const secret = await projectsPage.secret.innerText();
  expect(secret).toMatch(/^tlm_sk_[0-9A-Za-z]{44}$/);

  const stored = await fetch(`${server.url}/api/traces`, { method: "POST", headers: { authorization: `Bearer ${secret}` }, body: '{"trace_id":"by-key"}' });
  expect(stored.status).toBe(201);
  const trace = await server.get("/api/traces/by-key");
  expect(trace.project_id).toBe("support-bot");

  await page.reload();
  await projectsPage.hydrated();
  await expect(projectsPage.secret, "a secret is shown once").toHaveCount(0);
  expect(await page.content()).not.toContain(secret);
  const project = projectsPage.project("Support bot");
  await expect(project.locator("tbody tr")).toContainText(trace.api_key);
  await project.getByText("New key").click();
  await project.getByRole("combobox", { name: "Scope" }).selectOption("read");
  await project.getByLabel("Environment").fill("production");
  await project.getByRole("button", { name: "Create key" }).click();
  await expect(project.locator("tbody tr")).toHaveCount(2);

  await project.locator("tbody tr", { hasText: trace.api_key }).getByRole("button", { name: "Revoke" }).click();
  await expect(project.locator("tbody tr", { hasText: trace.api_key })).toContainText("revoked");
  const refused = await fetch(`${server.url}/api/traces`, { method: "POST", headers: { authorization: `Bearer ${secret}` }, body: "{}" });
  expect(refused.status).toBe(401);
  await project.getByRole("link", { name: "Traces" }).click();
  await expect(page).toHaveURL("/traces?project_id=support-bot");
});

test.describe("a name that is taken", () => {
  test.use({ expectedConsole: /status of 4(09|22)/ });

  test("is said", async ({ projectsPage }) => {
    await projectsPage.goto();
    await projectsPage.create("Support bot");
    await expect(projectsPage.project("Support bot")).toBeVisible();
    await projectsPage.create("support BOT");
    await expect(projectsPage.alert).toContainText("There is one already");
    await projectsPage.create("x".repeat(20), "y");
    await expect(projectsPage.alert).toHaveCount(0);
  });
});

test("projects that only traces name are listed too", async ({ server, projectsPage }) => {
  await server.ingest([{ project_id: "seen" }, {}]);
  await projectsPage.goto();
  await expect(projectsPage.project("seen")).toContainText("not created");
  await expect(projectsPage.project("default")).toContainText("No key.");
});
