// A real browser for tests: Debian's Chromium, which nothing has to download. TypeScript knows no DOM here, so what runs
// in a page is written as text or goes through locators.
import { existsSync, mkdirSync } from 'node:fs'
import axe, { type Result } from 'axe-core'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import type { Test } from 'tap'

const EXECUTABLE = '/usr/bin/chromium'
const SCREENSHOTS = 'screenshots'

/** Why tests that need a browser are skipped, for tap's option `skip`; never where TEST_TOOLS_REQUIRED is 1. */
export const withoutBrowser: string | false =
  !existsSync(EXECUTABLE) && process.env.TEST_TOOLS_REQUIRED !== '1' && `There is no ${EXECUTABLE}`

/** Closed with the test. */
export async function browser(t: Test): Promise<Browser> {
  const launched = await chromium.launch({
    executablePath: EXECUTABLE,
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  })
  t.teardown(() => launched.close())
  return launched
}

export interface Tab {
  page: Page
  /** What the console called an error, what nobody caught, and what a Content-Security-Policy refused. */
  errors: string[]
}

/** An empty page with cookies and storage of its own, closed with the test. */
export async function openTab(t: Test, browser: Browser, options: BrowserContextOptions = {}): Promise<Tab> {
  const context = await browser.newContext(options)
  t.teardown(() => context.close())
  const page = await context.newPage()
  const errors: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text())
  })
  page.on('pageerror', (error) => errors.push(String(error)))
  return { page, errors }
}

/** For people: `screenshots/NAME.png`, which git does not keep. */
export async function screenshot(page: Page, name: string): Promise<void> {
  mkdirSync(SCREENSHOTS, { recursive: true })
  await page.screenshot({ path: `${SCREENSHOTS}/${name}.png`, fullPage: true })
}

/** What axe finds against the page as it is now, by all of its standard rules: one line for each element. */
export async function accessibility(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  const violations: Result[] = await page.evaluate('axe.run().then(({ violations }) => violations)')
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id} at ${target.join(' ')}: ${failureSummary}`),
  )
}
