import { expect, test } from "../fixtures/test.ts";
import { Wire } from "../fixtures/wire.ts";

test("traces appear as they are stored, by whomever", async ({ server, livePage }) => {
  await server.ingest({ trace_id: "before" });
  await livePage.goto();
  await server.ingest({ trace_id: "first", prompt: "Hello", status: "failed" });
  await expect(livePage.rows).toHaveCount(1);
  await expect(livePage.rows.first()).toContainText("Hello");
  await server.command("demo", "--count", "2", "--seed", "1");
  await expect(livePage.rows).toHaveCount(3);
  await server.ingest({ trace_id: "first", prompt: "Hello again" });
  await expect(livePage.rows.first()).toContainText("Hello again");
  await expect(livePage.rows, "a trace that changes moves up, it does not stand twice").toHaveCount(3);
});

test("only what the filter matches appears", async ({ server, livePage, tracesPage, page }) => {
  await livePage.goto("?status=failed");
  await server.ingest([{ trace_id: "well" }, { trace_id: "ill", status: "failed" }]);
  await expect(livePage.rows).toHaveCount(1);
  expect(await livePage.ids()).toEqual(["ill"]);
  await tracesPage.field("status").selectOption("success");
  await expect(page).toHaveURL("/live?status=success");
  await expect(livePage.state).toHaveText("connected");
  await server.ingest([{ trace_id: "well too" }, { trace_id: "ill too", status: "failed" }]);
  await expect(livePage.rows).toHaveCount(1);
  expect(await livePage.ids()).toEqual(["well too"]);
});

test.describe("a server that answers no events", () => {
  test.use({ expectedConsole: /status of 503/ });
  test("is asked again until it does", async ({ server, livePage, page }) => {
    let asked = 0;
    await page.route("**/api/live*", (route) => (++asked === 1 ? route.fulfill({ status: 503 }) : route.continue()));
    await page.goto("/live");
    await livePage.hydrated();
    await expect(livePage.state).toHaveText("not connected, trying again…");
    await expect(page.getByText("its database is away")).toBeVisible();
    await expect(livePage.state).toHaveText("connected", { timeout: 10_000 });
    await expect(page.getByText("its database is away")).toHaveCount(0);
    await server.ingest({ trace_id: "after" });
    await expect(livePage.rows).toHaveCount(1);
  });

  test("is asked again by who waits for a first trace", async ({ server, livePage, page }) => {
    let asked = 0;
    await page.route("**/api/live*", (route) => (++asked === 1 ? route.fulfill({ status: 503 }) : route.continue()));
    await page.goto("/");
    await livePage.hydrated();
    const again = page.waitForResponse((answer) => answer.url().includes("/api/live") && answer.status() === 200);
    await expect(page.getByRole("heading", { name: "No traces yet" })).toBeVisible();
    await again;
    await server.ingest({ trace_id: "first" });
    await expect(page.getByRole("heading", { name: "Your first trace is here" })).toBeVisible();
  });
});

test("while it is paused nothing moves, and nothing is lost", async ({ server, livePage }) => {
  await livePage.goto();
  await server.ingest({ trace_id: "1" });
  await expect(livePage.rows).toHaveCount(1);
  await livePage.pause.click();
  await server.ingest([{ trace_id: "2" }, { trace_id: "3" }]);
  await expect(livePage.pause).toHaveText("Resume, 2 new traces");
  expect(await livePage.ids()).toEqual(["1"]);
  await livePage.pause.click();
  await expect(livePage.rows).toHaveCount(3);
  expect(await livePage.ids()).toEqual(["3", "2", "1"]);
});

test.describe("a connection that breaks", () => {
  test.use({ expectedConsole: /ERR_|net::/ });

  test("is resumed behind the last trace", async ({ server, livePage, page }) => {
    const wire = await Wire.to(server.url);
    await page.goto(`${wire.url}/live`);
    await expect(livePage.state).toHaveText("connected");
    await server.ingest({ trace_id: "1" });
    await expect(livePage.rows).toHaveCount(1);
    await wire.cut();
    await expect(livePage.state).toContainText("connection lost");
    await server.ingest([{ trace_id: "2" }, { trace_id: "3" }]);
    await wire.mend();
    await expect(livePage.rows).toHaveCount(3, { timeout: 20_000 });
    expect(await livePage.ids()).toEqual(["3", "2", "1"]);
    await expect(page.getByText("Some traces came while")).toHaveCount(0);
    await wire.cut();
  });
});
