// The console in a real browser, as the person in the shop uses it.
import type { Browser, Locator, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { createSimulator } from '../../simulator/simulator.ts'
import { systemClock } from '../../src/services/clock.ts'
import { SESSION_MS } from '../../src/services/sessions/sessions.ts'
import { holdAnswers } from '../support/answers.ts'
import { accessibility, browser, openTab, screenshot, type Tab, withoutBrowser } from '../support/browser.ts'
import { startService, startSimulator, temporaryFolder } from '../support/service.ts'

const skip = { skip: withoutBrowser }
const DAY_MS = 86_400_000
const keys = { ADMIN_API_KEY: 'admin-key-for-tests', SEARCH_API_KEY: 'search-key-for-tests' }

let launched: Promise<Browser> | undefined
/** One for all tests: in it each has cookies and storage of its own. */
const chromium = () => (launched ??= browser(t))

/** Resolves when the element says so; fails when it does not within a while. */
const says = (page: Page, selector: string, text: string | RegExp) =>
  page.locator(selector).filter({ hasText: text }).first().waitFor()

/** Tab, as often as it takes to reach it. */
async function tabTo(page: Page, goal: Locator): Promise<void> {
  for (let i = 0; i < 60; i++) {
    if ((await goal.and(page.locator(':focus')).count()) > 0) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`${goal} cannot be reached by keyboard`)
}

async function press(page: Page, selector: string): Promise<void> {
  const goal = page.locator(selector)
  await goal.waitFor()
  await tabTo(page, goal)
  await page.keyboard.press('Enter')
}

const hasFocus = (page: Page, selector: string) => page.locator(`${selector}:focus`).waitFor()

/** Nothing that a person with a screen reader, or a strict policy, would stumble over. */
async function isFine(t: Test, { page, errors }: Tab, what: string, expected?: RegExp): Promise<void> {
  t.same(await accessibility(page), [], `${what}: axe`)
  const others = errors.filter((text) => !expected?.test(text))
  t.same(others, [], `${what}: the browser's console`)
  t.equal(
    await page.evaluate('document.documentElement.scrollWidth <= document.documentElement.clientWidth'),
    true,
    `${what}: nothing to scroll sideways`,
  )
}

t.test('connect, sync, search and disconnect, by keyboard alone', skip, async (t) => {
  const simulator = await startSimulator(t, { behaviour: { consent: 'ask' } })
  const name = simulator.company.list('Item').find(({ Type }) => Type !== 'Category')?.Name as string
  const service = await startService(t, simulator)
  const tab = await openTab(t, await chromium(), { viewport: { width: 900, height: 1000 } })
  const { page } = tab
  await page.goto(service.url)
  await says(page, '#state', 'Not connected')
  await page.locator('#copy').waitFor()
  t.equal(await page.locator('#redirect-uri').inputValue(), `${service.url}/callback`)
  await isFine(t, tab, 'not connected')

  await press(page, '#connect')
  await page.waitForURL(/connect\/oauth2/)
  await tabTo(page, page.getByText('Connect', { exact: true }).last())
  await page.keyboard.press('Enter')
  await page.waitForURL(`${service.url}/`)
  // What the browser missed at Intuit's page is not ours.
  tab.errors.splice(0)
  await says(page, '#state', /^Connected$/)
  await says(page, '#entities tr', /Items\s*50/)
  // For who has no pointer to rest on it, too.
  await says(page, '#entities .exact', /\d:\d\d/)
  await page.locator('#guide').waitFor({ state: 'hidden' })

  await tabTo(page, page.locator('#q'))
  await page.keyboard.type(name.toLowerCase())
  await says(page, '#results mark', new RegExp(`^${name.replaceAll(/\W/g, '\\$&')}$`, 'i'))
  await says(page, '#results h3', 'Product names, Part names, Part numbers')
  await says(page, '#results li', /Why: whole field, in Name/)
  await says(page, '#found', /^\d+ hits?, after \d+ ms\.$/)
  await isFine(t, tab, 'connected')
  await screenshot(page, 'console')

  await press(page, '#refresh')
  await says(page, '#refresh-result', 'Up to date: nothing had changed.')
  await press(page, '#test')
  await says(page, '#connection-result', /^QuickBooks answers: /)

  await press(page, '#disconnect')
  await isFine(t, tab, 'asked')
  await page.keyboard.press('Escape')
  await page.locator('#disconnect:not([aria-disabled])').waitFor()
  await says(page, '#state', /^Connected$/)
  await press(page, '#disconnect')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await says(page, '#connection-result', /tokens and cached data were deleted/)
  await says(page, '#state', 'Not connected')
  await hasFocus(page, '#connect')
  t.equal((await service.request('/api/cache/status')).json.items_count, 0)
})

t.test('the first run: the guide notices the credentials, and the connection', skip, async (t) => {
  const simulator = await startSimulator(t)
  const dataDir = temporaryFolder(t)
  const first = await startService(t, undefined, { dataDir })
  const port = Number(new URL(first.url).port)
  const tab = await openTab(t, await chromium())
  const { page } = tab
  await page.goto(first.url)
  await says(page, '#guide-title', 'three steps')
  await says(page, '#connection-words', 'does not know your Intuit app yet')
  await isFine(t, tab, 'first run')
  await screenshot(page, 'first-run')
  await first.close()
  await says(page, '#state', 'does not answer')

  await startService(t, simulator, { dataDir, port })
  await says(page, '#step-credentials h3', '– done')
  await says(page, '#state', 'Not connected')
  await page.locator('#connect').click()
  await says(page, '#state', /^Connected$/)
  t.equal(await page.locator('#guide').isVisible(), false)
})

t.test('with keys it asks once, and keeps a session instead of the key', skip, async (t) => {
  let ahead = 0
  const clock = { ...systemClock, now: () => Date.now() + ahead }
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator, { env: keys, clock })
  const tab = await openTab(t, await chromium())
  const { page, errors } = tab
  await page.goto(service.url)
  await says(page, '#sign-in-title', 'Sign in')
  for (const id of ['#connect', '#refresh', '#search']) t.equal(await page.locator(id).isVisible(), false, id)
  await isFine(t, tab, 'sign in')
  await tabTo(page, page.locator('#key'))
  await page.keyboard.type('a-wrong-key')
  await page.keyboard.press('Enter')
  await says(page, '#notice', 'This is not the admin key')
  t.match(errors.splice(0), [/401/], 'what browsers say of any refusal')

  await page.locator('#key').fill(` ${keys.ADMIN_API_KEY} `)
  await page.keyboard.press('Enter')
  await says(page, '#sign-out', 'Sign out')
  await hasFocus(page, '#connect')
  const cookies = await page.context().cookies()
  t.match(
    cookies.filter(({ name }) => name === 'mrp_session'),
    [{ httpOnly: true, sameSite: 'Strict' }],
  )
  const kept = `${await page.evaluate('JSON.stringify([localStorage, sessionStorage]) + document.cookie')}${JSON.stringify(cookies)}`
  t.notMatch(kept, keys.ADMIN_API_KEY)
  t.equal(await page.locator('#key').inputValue(), '')

  await page.locator('#connect').click()
  await says(page, '#state', /^Connected$/)
  await page.reload()
  await page.locator('#q').fill('a')
  await says(page, '#results li', /Why: /)

  ahead = SESSION_MS
  await page.locator('#refresh').click()
  await says(page, '#notice', 'Sign in again')
  t.equal(await page.locator('#refresh').isVisible(), false)
  t.equal(await page.locator('#q').inputValue(), '')
  t.equal(await page.locator('#results').textContent(), '', 'what was found is for nobody else')
  t.match(errors.splice(0), [/401/])
  await page.locator('#key').fill(keys.ADMIN_API_KEY)
  await page.keyboard.press('Enter')
  await hasFocus(page, '#q')
  await page.locator('#sign-out').click()
  await says(page, '#sign-in-title', 'Sign in')
  await hasFocus(page, '#key')
  await isFine(t, tab, 'signed out')
})

t.test('progress is live, and problems are told in words with what to do', skip, async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator)
  const tab = await openTab(t, await chromium())
  const { page } = tab
  await service.connectAndFill()
  await page.goto(service.url)
  await says(page, '#reads', /^\d+ reads? \(\d+ asked for here\)/)

  simulator.company.update('Customer', simulator.company.list('Customer')[0]?.Id as string, {
    DisplayName: 'Anew',
  })
  const held = holdAnswers(service.app)
  await page.locator('#refresh-all').click()
  await says(page, '#entities tr', /Items.* read/)
  await isFine(t, tab, 'a refresh runs')
  held.release()
  await says(page, '#refresh-result', /^Up to date: 1 record had changed\.$/)
  await page.locator('progress').first().waitFor({ state: 'detached' })

  simulator.fault({ on: 'query', entity: 'Item', kind: 'fault', code: '6190', times: 1 })
  await page.locator('#refresh-all').click()
  await says(page, '#problems', 'Items: Your QuickBooks subscription has ended.')
  await says(page, '#problems', 'Renew it in QuickBooks.')
  await page.locator('summary').press('Enter')
  await says(page, '#problems details[open]', 'code 6190')
  await says(page, '#entities tr', /Items.*not refreshed since/)
  await page.locator('progress').first().waitFor({ state: 'detached' })
  await isFine(t, tab, 'a problem', /502/)
  await screenshot(page, 'problem')
  await page.locator('#refresh-all').click()
  await says(page, '#problems', 'It has worked again since then.')
})

t.test('an end of the connection is seen from afar, and a reconnect is one button', skip, async (t) => {
  let ahead = 0
  const clock = { ...systemClock, now: () => Date.now() + ahead }
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator, { clock })
  await service.connectAndFill()
  const tab = await openTab(t, await chromium())
  const { page } = tab
  await page.clock.setSystemTime(Date.now() + 90 * DAY_MS)
  await page.goto(service.url)
  await says(page, '#connection .soon', /in \d+ days/)

  simulator.company.update('Item', simulator.company.list('Item')[0]?.Id as string, { Description: 'x' })
  simulator.fault({ on: 'refresh', kind: 'invalidGrant', times: 1 })
  ahead = 2 * 3_600_000
  await page.locator('#refresh').click()
  await says(page, '#state', 'Reconnect needed')
  await says(page, '#problems', 'QuickBooks ended the connection.')
  t.notMatch(await page.locator('#connection').textContent(), 'Would end', 'it has ended')
  ahead = 0
  await page.locator('#connect', { hasText: 'Reconnect' }).click()
  await says(page, '#state', /^Connected$/)
  await says(page, '#problems', 'It has worked again since then.')
})

t.test('a way back from Intuit that failed is explained once', skip, async (t) => {
  const simulator = await startSimulator(t, { behaviour: { consent: 'deny' } })
  const service = await startService(t, simulator)
  const { page } = await openTab(t, await chromium())
  await page.goto(service.url)
  await page.locator('#connect').click()
  await says(page, '#notice', 'Access was not granted at Intuit.')
  await page.reload()
  await says(page, '#state', 'Not connected')
  t.equal(await page.locator('#notice').textContent(), '')
})

t.test(
  'on a slow network late answers change nothing, on a failing one it says so and comes back',
  skip,
  async (t) => {
    const simulator = await startSimulator(t)
    simulator.company.create('Customer', { DisplayName: 'Zebra', Active: true })
    simulator.company.create('Customer', { DisplayName: 'Zenith', Active: true })
    const service = await startService(t, simulator)
    await service.connectAndFill()
    const { page } = await openTab(t, await chromium())
    await page.goto(service.url)
    await page.locator('#q').waitFor()
    const late = Promise.withResolvers<void>()
    await page.route(/q=ze&/, async (route) => {
      await late.promise
      await route.continue().catch(() => undefined)
    })
    await page.locator('#q').fill('ze')
    await page.locator('#q').fill('zeb')
    await says(page, '#results li', 'Zebra')
    late.resolve()
    await page.locator('#q').fill('zebr')
    await says(page, '#found', /^1 hit/)
    t.equal(await page.getByText('Zenith').count(), 0)

    await page.route('**/api/search**', (route) => route.abort())
    await page.locator('#q').fill('zebra')
    await says(page, '#found', 'The service does not answer.')
    await page.unroute('**/api/search**')
    await page.locator('#q').fill('zenith')
    await says(page, '#results li', 'Zenith')
  },
)

t.test('a search that hangs says so, and so does one that is given up', skip, async (t) => {
  const service = await startService(t, await startSimulator(t))
  await service.connectAndFill()
  const { page } = await openTab(t, await chromium())
  await page.clock.install()
  await page.goto(service.url)
  await page.locator('#q').fill('a')
  await says(page, '#found', /^\d+ hits?/)
  await page.route('**/api/search?**', () => undefined)
  await Promise.all([page.waitForRequest('**/api/search?**'), page.locator('#q').fill('ab')])
  await page.clock.fastForward(500)
  await says(page, '#found', 'Searching…')
  t.equal(await page.locator('#results').textContent(), '')
  await page.clock.fastForward(10_000)
  await says(page, '#found', 'The service does not answer.')
})

t.test('a connection over which nothing comes any more is noticed', skip, async (t) => {
  const service = await startService(t, await startSimulator(t))
  await service.connectAndFill()
  const { page } = await openTab(t, await chromium())
  await page.clock.install()
  await page.goto(service.url)
  await says(page, '#connection-words', 'stays connected by itself')
  await page.route('**/api/test', (route) => route.abort())
  await page.locator('#test').click()
  await says(page, '#connection-result', 'The service does not answer.')
  await page.route('**/api/cache/status', () => undefined)
  await Promise.all([page.waitForRequest('**/api/cache/status'), page.clock.fastForward(15_000)])
  await page.clock.fastForward(5_000)
  await says(page, '#state', 'does not answer')
  await says(page, '#connection-words', 'what the service said last')
  await page.unrouteAll()
  await page.clock.fastForward(5_000)
  await says(page, '#state', /^Connected$/)
  await says(page, '#connection-words', 'stays connected by itself')
  t.equal(await page.locator('#connection-result').textContent(), '', 'it answers again')
})

t.test('what came of a disconnect is told until there is another connection', skip, async (t) => {
  const service = await startService(t, await startSimulator(t))
  await service.connectAndFill()
  const { page } = await openTab(t, await chromium())
  await page.goto(service.url)
  await page.locator('#disconnect').click()
  await page.locator('#confirm .danger').click()
  await says(page, '#state', 'Not connected')
  await says(page, '#connection-result', /tokens and cached data were deleted/)
  await service.connect()
  await says(page, '#state', /^Connected$/)
  t.equal(await page.locator('#connection-result').textContent(), '')
})

t.test('credentials that Intuit refused are told after the way back, too', skip, async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator, { env: { QUICKBOOKS_CLIENT_SECRET: 'not-it' } })
  const { page } = await openTab(t, await chromium())
  await page.goto(service.url)
  await says(page, '#step-credentials h3', '– done')
  await page.locator('#connect').click()
  await says(page, '#notice', 'Intuit refuses the client id and secret.')
  await page.reload()
  await says(page, '#problems', 'Intuit refuses the client id and secret.')
  await says(page, '#step-app h3', '– done')
  t.notMatch(await page.locator('#step-credentials h3').textContent(), 'done')
})

t.test('where the clock of the browser is slow, nothing is said to come', skip, async (t) => {
  const service = await startService(t, await startSimulator(t))
  await service.connectAndFill()
  const { page } = await openTab(t, await chromium())
  await page.clock.setSystemTime(Date.now() - 3 * DAY_MS)
  await page.goto(service.url)
  await says(page, '#entities tr', /Items.*just now/)
})

/** As if the person had gone to another tab, or come back. */
const setHidden = (page: Page, isHidden: boolean) =>
  page.evaluate(
    `Object.defineProperty(document, 'hidden', { value: ${isHidden}, configurable: true });
     document.dispatchEvent(new Event('visibilitychange'))`,
  )

t.test('tabs out of sight keep no connection from the one in sight', skip, async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator)
  const context = await (await chromium()).newContext()
  t.teardown(() => context.close())
  const pages: Page[] = []
  // One more than the connections that a browser has to a host.
  for (let i = 0; i < 7; i++) {
    const page = await context.newPage()
    await page.goto(service.url)
    await says(page, '#state', 'Not connected')
    await setHidden(page, true)
    pages.push(page)
  }
  await service.connectAndFill()
  const [first] = pages as [Page]
  t.equal(await first.locator('#state').textContent(), 'Not connected')
  await setHidden(first, false)
  await says(first, '#state', /^Connected$/)
})

t.test('where too many follow the status, it is asked for', skip, async (t) => {
  const service = await startService(t, undefined)
  const leaving = new AbortController()
  t.teardown(() => leaving.abort())
  for (let i = 0; i < 25; i++) await fetch(`${service.url}/api/cache/status/events`, leaving)
  const { page } = await openTab(t, await chromium())
  await page.goto(service.url)
  await says(page, '#state', 'Not set up')
})

t.test('signing out and in again is noticed in other tabs', skip, async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator, { env: keys })
  const { page } = await openTab(t, await chromium())
  const other = await page.context().newPage()
  const signIn = async (page: Page) => {
    await page.locator('#key').fill(keys.ADMIN_API_KEY)
    await page.keyboard.press('Enter')
    await says(page, '#sign-out', 'Sign out')
  }
  await page.goto(service.url)
  await signIn(page)
  await page.locator('#connect').click()
  await says(page, '#connection', 'Company id')
  await other.goto(service.url)
  await other.locator('#sign-out').click()
  await says(other, '#sign-in-title', 'Sign in')

  await page.locator('#refresh').click()
  await says(page, '#notice', 'not signed in any more')
  t.equal(await page.locator('#refresh-result').textContent(), '', 'no words for programs')
  t.notMatch(await page.locator('#connection').textContent(), 'Company id')
  await signIn(other)
  await setHidden(page, false)
  await says(page, '#connection', 'Company id')
  t.equal(await page.locator('#notice').textContent(), '')

  await page.route('**/api/session', (route) => route.abort())
  await page.locator('#sign-out').click()
  await says(page, '#notice', 'You are still signed in.')
})

t.test('who this browser is, and what can be searched, is asked until it is answered', skip, async (t) => {
  const service = await startService(t, await startSimulator(t))
  await service.connectAndFill()
  const { page } = await openTab(t, await chromium())
  await page.clock.install()
  const away = (path: string) => page.route(path, (route) => route.fulfill({ status: 503, body: '{}' }))
  await away('**/api/session')
  await page.goto(service.url)
  await says(page, '#state', /^Connected$/)
  t.equal(await page.locator('#sign-in').isVisible(), false, 'nobody knows whether a key is needed')
  await away('**/api/indexes/status')
  await page.unroute('**/api/session')
  await page.clock.fastForward(5_000)
  await page.locator('#refresh').waitFor()
  await page.unroute('**/api/indexes/status')
  await page.clock.fastForward(5_000)
  await says(page, '#indexes', 'Client names')
})

t.test('a refresh that outlasts its answer is told to its end', skip, async (t) => {
  const simulator = await startSimulator(t)
  const patience = Promise.withResolvers<void>()
  const clientClock = {
    ...systemClock,
    sleep: (ms: number, signal?: AbortSignal) =>
      ms === 25_000 ? patience.promise : systemClock.sleep(ms, signal),
  }
  const service = await startService(t, simulator, { clientClock })
  await service.connectAndFill()
  const { page } = await openTab(t, await chromium())
  await page.goto(service.url)
  const held = holdAnswers(service.app)
  await page.locator('#refresh-all').click()
  await page.locator('progress').first().waitFor()
  patience.resolve()
  await says(page, '#refresh-result', 'It takes longer and goes on; the table shows how far it is.')
  held.release()
  await says(page, '#refresh-result', 'The refresh has ended.')
})

t.test('where the advice is to connect again, there is a button for it', skip, async (t) => {
  const simulator = await startSimulator(t)
  const service = await startService(t, simulator)
  await service.connectAndFill()
  const { page } = await openTab(t, await chromium())
  await page.goto(service.url)
  await says(page, '#state', /^Connected$/)
  t.equal(await page.locator('#connect').isVisible(), false)
  simulator.fault({ on: 'query', entity: 'Item', kind: 'fault', code: '3200', times: 3 })
  await page.locator('#refresh-all').click()
  await says(page, '#problems', 'Press Connect to QuickBooks and agree once more.')
  await says(page, '#refresh-result', 'QuickBooks does not let the service in.')
  simulator.clearFaults()
  await page.locator('#connect').click()
  await says(page, '#problems', 'It has worked again since then.')
  await page.locator('#connect').waitFor({ state: 'hidden' })
})

t.test('what QuickBooks holds is text, whatever it looks like', skip, async (t) => {
  const simulator = await startSimulator(t)
  const hostile = '<img src=x onerror=alert(1)> & "Söhne" 🔩'
  simulator.company.create('Customer', { DisplayName: hostile, CompanyName: 'Söhne & Co', Active: true })
  const service = await startService(t, simulator)
  await service.connectAndFill()
  const tab = await openTab(t, await chromium())
  const { page } = tab
  await page.goto(service.url)
  await page.locator('#q').fill('soehne')
  await says(page, '#results li strong', hostile)
  await says(page, '#results mark', /^Söhne$/)
  t.equal(await page.locator('#results img').count(), 0)
  await isFine(t, tab, 'hostile name')
  for (const part of ['strong', '.field']) {
    const bidi = await page.evaluate(
      `getComputedStyle(document.querySelector('#results ${part}')).unicodeBidi`,
    )
    t.equal(bidi, 'isolate', 'what turns the writing round turns nothing else')
  }
})

for (const colorScheme of ['light', 'dark'] as const) {
  t.test(`at 360 pixels, ${colorScheme}, everything fits and can be read`, skip, async (t) => {
    const simulator = await createSimulator({
      company: { customers: 30, vendors: 12, items: 50, invoices: 20, purchaseOrders: 5 },
    })
    await simulator.listen()
    t.teardown(() => simulator.close())
    const service = await startService(t, simulator, {
      env: {
        SYNC_ENTITIES: 'customers,vendors,items,invoices,purchase_orders',
        QUICKBOOKS_MONTHLY_READ_BUDGET: '1000',
      },
    })
    const tab = await openTab(t, await chromium(), {
      viewport: { width: 360, height: 740 },
      colorScheme,
      hasTouch: true,
    })
    const { page } = tab
    await page.goto(service.url)
    await says(page, '#state', 'Not connected')
    await isFine(t, tab, 'not connected')
    await page.locator('#connect').tap()
    await says(page, '#state', /^Connected$/)
    // Joins the first refresh, so that the fault hits the next one.
    await service.request('/api/cache/refresh', { method: 'POST' })
    // What still moves would be missed by a finger.
    await says(page, '#entities tr', /Items\s*50/)
    await page.locator('progress').first().waitFor({ state: 'detached' })
    simulator.fault({ on: 'query', entity: 'Item', kind: 'fault', code: '6190', times: 1 })
    await page.locator('#refresh-all').tap()
    await says(page, '#problems', 'subscription has ended')
    await page.locator('#q').fill('a')
    await says(page, '#results li', /Why: /)
    await isFine(t, tab, 'with everything on it', /502/)
    await screenshot(page, `console-360-${colorScheme}`)
    for (const percent of [150, 200]) {
      await page.evaluate(`document.documentElement.style.fontSize = '${percent}%'`)
      await isFine(t, tab, `with text of ${percent} %`, /502/)
    }
    await page.evaluate("document.documentElement.style.fontSize = ''")
    await page.locator('#disconnect').tap()
    await isFine(t, tab, 'asked', /502/)
  })
}
