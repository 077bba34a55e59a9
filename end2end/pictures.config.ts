import { defineConfig } from "@playwright/test";
import config from "./playwright.config.ts";
import type { Options } from "./fixtures/test.ts";

/** `make screenshots`: a picture of every page in every state, to be looked at. */
export default defineConfig<Options>({
  ...config,
  testDir: "pictures",
  projects: (["light", "dark"] as const).flatMap((colorScheme) =>
    [1440, 390].map((width) => ({ name: `${colorScheme}-${width}`, use: { colorScheme, viewport: { width, height: 820 } } })),
  ),
});
