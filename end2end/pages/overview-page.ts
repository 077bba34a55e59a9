import type { Locator, Page } from "@playwright/test";
import { AppPage } from "./app-page.ts";

export class OverviewPage extends AppPage {
  readonly rows: Locator;

  constructor(page: Page) {
    super(page);
    this.rows = page.locator("table.traces tbody tr");
  }

  async goto(query = ""): Promise<void> {
    await this.open(`/${query}`);
  }

  /** The value of a tile. */
  tile(name: string): Locator {
    return this.page.locator(".tile", { has: this.page.getByText(name, { exact: true }) }).locator("dd");
  }

  chart(name: string): Locator {
    return this.page.getByRole("img", { name });
  }

  breakdown(heading: string): Locator {
    return this.page.locator(".breakdown", { has: this.page.getByRole("heading", { name: heading }) });
  }
}
