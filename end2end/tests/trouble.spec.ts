import { expect, test } from "../fixtures/test.ts";

test.describe("a database that does not answer", () => {
  test.use({ store: "nowhere", expectedConsole: /status of 503/ });

  test("is said on every page, and nothing pretends to be stored", async ({ tracesPage, tracePage, ingestPage }) => {
    await tracesPage.goto();
    await expect(tracesPage.alert).toContainText("The database does not answer");
    await tracePage.goto("any");
    await expect(tracePage.alert).toContainText("The database does not answer");
    await ingestPage.goto();
    await ingestPage.paste("{}");
    await ingestPage.store.click();
    await expect(ingestPage.alert).toContainText("The database does not answer");
    await expect(ingestPage.text).toHaveValue("{}");
  });
});

test.describe("a server that is gone", () => {
  test.use({ expectedConsole: /ERR_CONNECTION_REFUSED/ });

  test("is said, and what was typed stays", async ({ server, ingestPage }) => {
    await ingestPage.goto();
    await ingestPage.paste('{"prompt": "keep me"}');
    await server.stop();
    await ingestPage.store.click();
    await expect(ingestPage.alert).toContainText("The server does not answer");
    await expect(ingestPage.text).toHaveValue('{"prompt": "keep me"}');
  });
});

test.describe("an address that leads nowhere", () => {
  test.use({ expectedConsole: /status of 404/ });

  test("has a page that leads back", async ({ page, tracesPage }) => {
    await page.goto("/nowhere");
    await tracesPage.hydrated();
    await expect(tracesPage.alert).toContainText("Not found");
    await tracesPage.navigate("Traces");
    await expect(tracesPage.heading).toHaveText("Traces");
  });
});

test("pages follow each other without a reload", async ({ tracesPage, ingestPage, page }) => {
  await tracesPage.goto();
  await page.evaluate(() => Object.assign(window, { stillHere: true }));
  await tracesPage.navigate("Ingest");
  await expect(ingestPage.heading).toHaveText("Ingest");
  await ingestPage.navigate("Traces");
  await expect(tracesPage.heading).toHaveText("Traces");
  expect(await page.evaluate(() => "stillHere" in window)).toBe(true);
});

test.describe("a page whose code is gone", () => {
  test.use({ expectedConsole: /load callback should succeed|RuntimeError: unreachable|status of 404|HTTP status code is not ok/ });

  test("is read anew, once", async ({ server, tracesPage, page }) => {
    await server.ingest({ trace_id: "a", prompt: "Hello" });
    await tracesPage.goto();
    // As after the server was brought up to date: the page knows the files of before.
    let refused = 0;
    await page.route("**/split___settings*", (route) => (refused++ < 1 ? route.fulfill({ status: 404, body: "" }) : route.continue()));
    const anew = page.waitForEvent("load");
    await page.getByRole("link", { name: "Settings" }).click();
    await anew;
    await tracesPage.hydrated();
    await page.getByRole("link", { name: "Settings" }).click();
    await expect(tracesPage.heading).toHaveText("Settings");
  });
});
