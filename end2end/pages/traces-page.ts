import type { Locator, Page } from "@playwright/test";
import { AppPage } from "./app-page.ts";

export class TracesPage extends AppPage {
  readonly rows: Locator;
  readonly total: Locator;
  readonly next: Locator;
  readonly previous: Locator;
  readonly found: Locator;
  readonly offers: Locator;

  constructor(page: Page) {
    super(page);
    this.rows = page.locator("tbody tr");
    this.total = page.locator(".page-head p");
    this.next = page.getByRole("link", { name: "Next" });
    this.previous = page.getByRole("link", { name: "Previous" });
    this.found = page.locator(".snippet");
    this.offers = page.getByRole("listbox").getByRole("option");
  }

  async goto(query = ""): Promise<void> {
    await this.open(`/traces${query}`);
  }

  row(text: string): Locator {
    return this.rows.filter({ hasText: text });
  }

  /** The ids of the rows, in order. */
  ids(): Promise<string[]> {
    return this.rows.locator(".id").allTextContents();
  }

  /** The values of one kind beside the list. */
  facet(heading: string): Locator {
    return this.page.locator(".facet", { has: this.page.getByRole("heading", { name: heading }) }).getByRole("link");
  }

  /** A filter, by the name that it has in the URL. */
  field(name: string): Locator {
    return this.page.getByRole("search").locator(`[name="${name}"]`);
  }

  /** Shows the filters that are not in sight at first. */
  async moreFilters(): Promise<void> {
    await this.page.getByText("More filters").click();
  }

  async filter(): Promise<void> {
    await this.page.getByRole("button", { name: "Filter" }).click();
  }
}
