import { expect, type Locator, type Page } from "@playwright/test";

/** What every page has. */
export abstract class AppPage {
  readonly heading: Locator;
  readonly alert: Locator;

  constructor(readonly page: Page) {
    this.heading = page.getByRole("heading", { level: 1 });
    this.alert = page.getByRole("alert");
  }

  /** Waits until the browser's copy of the app has taken over. */
  async hydrated(): Promise<void> {
    await expect(this.page.locator("html[data-hydrated]")).toBeAttached();
  }

  protected async open(path: string): Promise<void> {
    await this.page.goto(path);
    await this.hydrated();
  }

  async switchTheme(): Promise<void> {
    await this.page.getByRole("button", { name: "Switch between light and dark" }).click();
  }

  async navigate(name: string): Promise<void> {
    await this.page.getByRole("navigation", { name: "Pages", exact: true }).getByRole("link", { name }).click();
  }
}
