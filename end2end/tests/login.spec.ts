import AxeBuilder from "@axe-core/playwright";
import { expect, test } from "../fixtures/test.ts";

test.describe("once there is a user", () => {
  test.use({ expectedConsole: /status of (401|403)/ });

  test("one signs in, comes to where one wanted to go, and signs out", async ({ server, tracesPage, page }) => {
    await server.ingest([
      { trace_id: "a", project_id: "shop", status: "failed" },
      { trace_id: "b", project_id: "web", status: "failed" },
    ]);
    const password = (await server.command("user", "add", "ada@example.com", "--role", "viewer", "--project-id", "shop")).trim();
    // What the server knew of users holds for two seconds.
    await expect(async () => {
      await page.goto("/traces?status=failed");
      await expect(page).toHaveURL("/login?to=/traces%3Fstatus%3Dfailed", { timeout: 500 });
    }).toPass();
    await expect(page).toHaveTitle("Sign in · TraceLLM");
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
    }
    await page.getByLabel("Name").fill("ada@example.com");
    await page.getByLabel("Password").fill("not it");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("alert")).toHaveText("Name or password is wrong.");
    await expect(page.getByLabel("Name")).toHaveValue("ada@example.com");
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(page).toHaveURL("/traces?status=failed");
    await tracesPage.hydrated();
    expect(await tracesPage.ids()).toEqual(["a"]);
    await expect(page.locator(".account")).toContainText("ada@example.com");
    const [cookie] = await page.context().cookies();
    expect(cookie).toMatchObject({ name: "__Host-tracellm", httpOnly: true, secure: true, sameSite: "Lax" });

    // Pages that are reached within the browser ask under the same name.
    await page.goto("/traces");
    await tracesPage.hydrated();
    await tracesPage.navigate("Projects");
    await expect(page.locator(".project")).toHaveCount(1);
    await tracesPage.navigate("Traces");
    await expect(tracesPage.rows).toHaveCount(1);
    await page.goto("/traces?project_id=web");
    await expect(page.getByRole("alert")).toContainText("the project `web` is not open to ada@example.com");
    await page.getByRole("button", { name: "Sign out" }).click();
    await expect(page).toHaveURL("/login");
    await page.goto("/traces/a");
    await expect(page).toHaveURL("/login?to=/traces/a");
  });
});
