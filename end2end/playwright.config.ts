import { defineConfig } from "@playwright/test";
import type { Options } from "./fixtures/test.ts";

/** `make test-browser` builds the program, starts a MongoDB and names both here. */
export default defineConfig<Options>({
  testDir: "tests",
  outputDir: "test-results",
  forbidOnly: !!process.env.CI,
  fullyParallel: true,
  workers: 2,
  reporter: [["list"]],
  use: {
    screenshot: "only-on-failure",
    locale: "en-GB",
    timezoneId: "Asia/Kolkata", // Far from UTC, so that a local time on a page shows.
    launchOptions: {
      executablePath: process.env.TRACELLM_CHROMIUM,
      args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    },
  },
  projects: [
    { name: "embedded", testIgnore: /without-script/, use: { store: "embedded" } },
    { name: "mongodb", testIgnore: /without-script|accessibility|first-load/, use: { store: "mongodb" } },
    { name: "without script", testMatch: /without-script/, use: { store: "embedded", javaScriptEnabled: false, expectedConsole: /preload/ } },
  ],
});
