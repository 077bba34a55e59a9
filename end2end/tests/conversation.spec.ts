import { expect, test } from "../fixtures/test.ts";

const markdown = `# Flights

Two were **found**, see [the list](https://example.com/list?q=1) and [this](javascript:alert(1)).

| from | to |
|---|---|
| LIS | TXL |

1. the \`cheap\` one
2. the <b>bold</b> one

![a map](https://example.com/map.png)

\`\`\`python
print("hi")
\`\`\`
`;

const trace = {
  trace_id: "talk",
  prompt: "Which flights?",
  response: "Anything else?",
  latency: 900,
  created_at: 1_780_000_000,
  steps: [
    {
      tool_name: "chat",
      kind: "llm",
      duration: 300,
      input: { messages: [{ role: "system", content: "You book flights." }, { role: "user", content: "Which flights?" }] },
      output: { messages: [{ role: "assistant", content: "", tool_calls: [{ name: "search_flights", arguments: '{"to":"TXL"}' }] }] },
    },
    { tool_name: "search_flights", kind: "tool", duration: 200, success: false, input: { to: "TXL" }, output: { error: "airport is closed" } },
    {
      tool_name: "chat",
      kind: "llm",
      duration: 300,
      input: { messages: [{ role: "system", content: "You book flights." }, { role: "user", content: "Which flights?" }, { role: "tool", content: "airport is closed" }] },
      output: { messages: [{ role: "assistant", content: markdown }] },
    },
  ],
};

test("a trace reads as a conversation, with tools beside what came of them", async ({ server, tracePage, page }) => {
  await server.ingest(trace);
  await tracePage.goto("talk");
  await page.getByRole("link", { name: "Conversation" }).click();
  await expect(page).toHaveURL("/traces/talk?view=conversation#steps");
  const turns = page.locator(".talk > li");
  await expect(turns).toHaveCount(6);
  await expect(turns.locator(".role")).toHaveText(["system", "user", "assistant", "tool", "assistant", "assistant"]);
  await expect(turns.nth(0).getByText("You book flights.")).toBeHidden();
  await turns.nth(0).getByText("Instructions").click();
  await expect(turns.nth(0).getByText("You book flights.")).toBeVisible();
  await expect(turns.nth(2)).toContainText("calls search_flights");
  await expect(turns.nth(3)).toContainText("airport is closed");
  await expect(turns.nth(3).locator("pre.json").first()).toContainText('"to": "TXL"');

  const said = turns.nth(4).locator(".markdown");
  await expect(said.locator(".heading")).toHaveText("Flights");
  await expect(said.locator("strong").nth(1)).toHaveText("found");
  await expect(said.getByRole("link", { name: "https://example.com/list?q=1" })).toHaveAttribute("rel", /noopener noreferrer nofollow/);
  await expect(said.getByText("javascript:alert(1)")).toBeVisible();
  await expect(said.getByRole("link", { name: /javascript/ })).toHaveCount(0);
  await expect(said.locator("td")).toHaveText(["from", "to", "LIS", "TXL"]);
  await expect(said.locator("ol > li").nth(1)).toContainText("the <b>bold</b> one");
  await expect(said.locator("img, b")).toHaveCount(0);
  await expect(said.getByRole("link", { name: "https://example.com/map.png" })).toBeVisible();
  await expect(said.locator("pre")).toHaveText('print("hi")\n');

  // The same from the first byte.
  await page.reload();
  await tracePage.hydrated();
  await expect(turns).toHaveCount(6);
  await turns.nth(3).getByRole("link", { name: "step 2" }).click();
  await expect(page).toHaveURL("/traces/talk#step-2");
  await expect(tracePage.steps.nth(1).locator("details")).toHaveAttribute("open");
});
