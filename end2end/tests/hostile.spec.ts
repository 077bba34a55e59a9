import { expect, test } from "../fixtures/test.ts";

/** What a model may answer, or whoever talks to it: each would say so in `window.ran`, or ask another server. */
const HOSTILE = [
  `<script>window.ran = "script"</script>`,
  `</script><script>window.ran = "end"</script>`,
  `<img src="https://elsewhere.example/pixel.png" onerror="window.ran = 'image'">`,
  `<svg onload="window.ran = 'svg'"><a href="javascript:window.ran='link'">here</a></svg>`,
  `![picture](https://elsewhere.example/markdown.png) [here](javascript:window.ran='markdown')`,
  `<iframe srcdoc="<script>parent.ran = 'frame'</script>"></iframe><style>body { display: none }</style><base href="https://elsewhere.example/">`,
  `<!-- --!><meta http-equiv="refresh" content="0; url=https://elsewhere.example/">`,
].join("\n");
/** On a line, as names are. */
const NAME = HOSTILE.replaceAll("\n", " ");
const HIDDEN = "\u001b[31mred\u001b[0m if (admin\u202e\u2066) \u{e0041}";

const trace = (trace_id: string) => ({
  trace_id,
  prompt: HOSTILE,
  response: HOSTILE,
  failure_reason: HOSTILE.split("\n")[0],
  status: "failed",
  model: NAME.slice(0, 200),
  project_id: "p<img src=x onerror=ran=1>",
  tags: [NAME.slice(0, 100)],
  steps: [
    { tool_name: NAME.slice(0, 150), success: false, input: { messages: [{ role: "user", content: HOSTILE }] }, output: { error: HOSTILE } },
    { tool_name: "other", input: { [HOSTILE]: HOSTILE } },
  ],
});

test("what a trace brings along is shown, and nothing of it runs or loads", async ({ server, page, tracesPage }) => {
  expect(await server.ingest([trace("a"), trace("b")])).toMatchObject({ accepted: 2 });
  const strangers: string[] = [];
  page.on("request", (request) => {
    if (!request.url().startsWith(server.url) && !request.url().startsWith("data:")) strangers.push(request.url());
  });
  const project = encodeURIComponent("p<img src=x onerror=ran=1>");
  const paths = ["/", "/traces", "/failures", "/live", "/projects", "/settings", `/traces/a?project_id=${project}`, `/diff/a..b?left_project=${project}&right_project=${project}`, "/traces?q=window"];
  for (const path of paths) {
    await page.goto(path);
    await tracesPage.hydrated();
    await page.locator("main details").evaluateAll((all) => all.forEach((details) => ((details as HTMLDetailsElement).open = true)));
    expect(await page.evaluate(() => (window as any).ran), path).toBeUndefined();
    await expect(page.locator("main :is(img, script, iframe, style, base, meta, svg[onload], a[href^='javascript'])"), path).toHaveCount(0);
    await expect(page.locator("body"), path).toBeVisible();
  }
  expect(strangers).toEqual([]);
});

test("what can't be seen in a text is shown", async ({ server, page, tracePage }) => {
  await server.ingest({ trace_id: "x", prompt: HIDDEN, response: HIDDEN, failure_reason: HIDDEN, steps: [{ tool_name: "say", output: { text: HIDDEN } }] });
  await tracePage.goto("x");
  const shown = "‹U+001B›[31mred‹U+001B›[0m if (admin‹U+202E›‹U+2066›) ‹U+E0041›";
  await expect(tracePage.heading).toHaveText(shown);
  await expect(tracePage.text("Prompt")).toHaveText(shown);
  await expect(page.locator(".callout")).toContainText(shown);
  await page.goto("/traces");
  await expect(page.getByRole("link", { name: shown })).toBeVisible();
});

test.describe("what would run after all", () => {
  test.use({ expectedConsole: /Content Security Policy|violates the following/ });

  test("is stopped by the browser", async ({ server, page, tracePage }) => {
    await server.ingest(trace("a"));
    await page.addInitScript(() => {
      (window as any).stopped = [];
      document.addEventListener("securitypolicyviolation", (event) => (window as any).stopped.push(event.effectiveDirective));
    });
    for (const path of ["/", "/traces", "/traces/a", "/ingest", "/api"]) {
      await page.goto(path);
      await tracePage.hydrated();
      const ran = await page.evaluate(async () => {
        const add = (name: string, fields: object) => document.body.append(Object.assign(document.createElement(name), fields));
        add("script", { textContent: "window.ran = 'inline'" });
        add("script", { src: "https://elsewhere.example/script.js" });
        add("img", { src: "https://elsewhere.example/pixel.png" });
        add("iframe", { src: "https://elsewhere.example/" });
        add("style", { textContent: "body { display: none }" });
        add("div", { innerHTML: "<b onclick=\"window.ran = 'handler'\">press</b>" });
        document.querySelector<HTMLElement>("b[onclick]")?.click();
        await fetch("https://elsewhere.example/").catch(() => undefined);
        // Later, as the browser lets whoever drives it evaluate what he likes.
        setTimeout(() => {
          try {
            window.eval("window.ran = 'eval'");
          } catch {
            // As it should be.
          }
        });
        await new Promise((done) => setTimeout(done, 100));
        return (window as any).ran;
      });
      expect(ran, path).toBeUndefined();
      const stopped = await page.evaluate(() => [...new Set((window as any).stopped)].sort());
      expect(stopped, path).toEqual(["connect-src", "frame-src", "img-src", "script-src", "script-src-attr", "script-src-elem", "style-src-elem"]);
    }
  });
});
