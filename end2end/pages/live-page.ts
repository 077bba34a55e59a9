import { expect, type Locator, type Page } from "@playwright/test";
import { AppPage } from "./app-page.ts";

export class LivePage extends AppPage {
  readonly rows: Locator;
  readonly state: Locator;
  readonly pause: Locator;

  constructor(page: Page) {
    super(page);
    this.rows = page.locator("tbody tr");
    this.state = page.getByRole("status");
    this.pause = page.getByRole("button", { name: /^(Pause|Resume)/ });
  }

  /** Opens the page and waits until it hears what is stored. */
  async goto(query = ""): Promise<void> {
    await this.open(`/live${query}`);
    await expect(this.state).toHaveText("connected");
  }

  ids(): Promise<string[]> {
    return this.rows.locator(".id").allTextContents();
  }
}
