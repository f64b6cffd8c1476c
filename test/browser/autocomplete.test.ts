// The autocomplete element in a real browser, on pages of another origin that allow nothing but its script and the
// service. What people see and hear is asked for as assistive technology asks: by roles and names.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import type { BrowserContextOptions, Locator, Page, Route } from 'playwright-core'
import t, { type Test } from 'tap'
import { accessibility, browser, openTab, screenshot, type Tab, withoutBrowser } from '../support/browser.ts'
import { startService, startSimulator } from '../support/service.ts'

const root = join(import.meta.dirname, '../..')
const SCRIPT = join(root, 'web/qbo-autocomplete.js')
const EXAMPLE = join(root, 'docs/examples/plain.html')
const SEARCH_KEY = 'search-key-for-tests'
const MARKUP = '<img src=x onerror=alert(1)>'

const CUSTOMERS: Record<string, Record<string, unknown>> = {
  'Smith Brothers': { PrimaryPhone: { FreeFormNumber: '(216) 555-0142' } },
  'Smithson Tools': { CompanyName: 'Smithson & Sons' },
  'Smithfield Forge': {},
  'Übermaß & Töchter': { PrimaryEmailAddr: { Address: 'kim@gears.example' } },
  '🔩 Bolt & Co': {},
  'Old Mill': { Active: false },
  [MARKUP]: {},
}

t.test('the script is smaller than 6 KB on its way', async (t) => {
  t.ok(gzipSync(readFileSync(SCRIPT), { level: 9 }).length < 6_000)
})

t.test('pages of other origins may load the script, and nothing else of ours', async (t) => {
  const service = await startService(t, undefined)
  const script = await service.request('/qbo-autocomplete.js')
  t.equal(script.headers.get('cross-origin-resource-policy'), 'cross-origin')
  t.equal(script.headers.get('access-control-allow-origin'), '*')
  t.match(script.headers.get('content-type'), /^(application|text)\/javascript/)
  t.equal(script.headers.get('cache-control'), 'public, max-age=0')
  const etag = script.headers.get('etag') ?? ''
  // Not by fetch, which asks for a fresh one where it is given a tag.
  const again = await service.app.inject({
    url: '/qbo-autocomplete.js',
    headers: { host: 'localhost', 'if-none-match': etag },
  })
  t.equal(again.statusCode, 304)
  const page = await service.request('/page.js')
  t.equal(page.headers.get('cross-origin-resource-policy'), 'same-origin')
  t.equal(page.headers.get('access-control-allow-origin'), null)
})

t.test('in a browser', { skip: withoutBrowser }, async (t) => {
  const chromium = await browser(t)
  const pages = await servePages(t)
  const simulator = await startSimulator(t, { company: { customers: 0, vendors: 0, items: 0 } })
  const ids: Record<string, string> = {}
  for (const [name, fields] of Object.entries(CUSTOMERS))
    ids[name] = simulator.company.create('Customer', { DisplayName: name, ...fields } as never).Id
  const part = { Name: 'BRK-1020-A', Sku: '0042-17', UnitPrice: 14.5, Description: 'Bracket, stainless' }
  ids.part = simulator.company.create('Item', { ...part, Type: 'Inventory' } as never).Id
  ids.estimate = simulator.company.create('Estimate', {
    DocNumber: 'E-77',
    CustomerRef: { value: ids['Smith Brothers'], name: 'Smith Brothers' },
    TotalAmt: 1234.5,
  } as never).Id
  const service = await startService(t, simulator, {
    env: { CORS_ORIGINS: pages.origin, SYNC_ENTITIES: 'customers,vendors,items,estimates' },
  })
  await service.connectAndFill()

  /** Opens a page with this in its `main`, under a policy that allows no more than it must. */
  async function open(t: Test, body: string, options: BrowserContextOptions = {}): Promise<Tab> {
    const tab = await openTab(t, chromium, options)
    await tab.page.goto(pages.add(pageOf(service.url, body), strictPolicy(service.url)))
    await tab.page.evaluate("customElements.whenDefined('qbo-autocomplete')")
    return tab
  }

  const customerField = (attributes = '') =>
    `<form><label for="a">Customer</label> <qbo-autocomplete id="a" index="client_names" name="customer_id" ${attributes}></qbo-autocomplete> <button>Save</button> <button type="reset">Reset</button></form>`

  t.test('the example of a plain page: chosen and sent by keyboard alone', async (t) => {
    const { page, errors } = await openTab(t, chromium)
    const html = readFileSync(EXAMPLE, 'utf8').replaceAll('http://localhost:5002', service.url)
    await page.goto(pages.add(html, strictPolicy(service.url)))
    await page.keyboard.press('Tab')
    await optionsOf(page).first().waitFor()
    t.equal(await optionsOf(page).count(), 6, 'suggestions of what is active')
    await page.keyboard.type('smith')
    await says(page, '3 results')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('ArrowDown')
    const chosen = await activeName(page)
    await page.keyboard.press('Enter')
    t.equal(await field(page, 'Customer').inputValue(), chosen)
    t.equal(await field(page, 'Customer').getAttribute('aria-expanded'), 'false')
    t.notMatch(page.url(), 'customer_id', 'Enter chose and did not send')
    await page.keyboard.press('Tab')
    await page.keyboard.type('brk1020')
    await says(page, '1 result')
    await page.keyboard.press('ArrowDown')
    t.match(await optionsOf(page).textContent(), /BRK-1020-A.*0042-17 · Bracket, stainless · 14\.50/)
    await page.keyboard.press('Enter')
    await Promise.all([page.waitForURL(/customer_id/), page.keyboard.press('Enter')])
    const sent = new URL(page.url()).searchParams
    t.same(Object.fromEntries(sent), { customer_id: ids[chosen], item_id: ids.part })
    t.same(errors, [])
  })

  t.test('the keys of a combobox', async (t) => {
    const { page, errors } = await open(t, customerField('value=""'))
    const input = field(page, 'Customer')
    await input.press('ArrowDown')
    await optionsOf(page).first().waitFor()
    const names = await optionsOf(page).locator('[part=name]').allTextContents()
    t.equal(await activeName(page), names[0], 'down opens the list at its start')
    await input.press('ArrowUp')
    t.equal(await activeName(page), names.at(-1), 'up goes round')
    await input.press('ArrowDown')
    t.equal(await activeName(page), names[0], 'and down')
    t.equal(await optionsOf(page).and(page.locator('[aria-selected=true]')).count(), 1)
    await input.press('Escape')
    t.equal(await input.getAttribute('aria-expanded'), 'false')
    t.equal(await input.getAttribute('aria-activedescendant'), null)
    await input.press('Alt+ArrowDown')
    await says(page, '6 results')
    t.equal(await input.getAttribute('aria-activedescendant'), null, 'with Alt it only opens')
    await input.press('Alt+ArrowUp')
    t.equal(await input.getAttribute('aria-expanded'), 'false')
    await input.press('ArrowUp')
    await says(page, '6 results')
    t.equal(await activeName(page), names.at(-1), 'up opens it at its end')
    await input.pressSequentially('smi')
    await says(page, '3 results')
    await input.press('ArrowDown')
    await input.press('Home')
    t.equal(await input.evaluate((node) => node.selectionStart), 0, 'Home stays in the text')
    await input.press('Tab')
    t.equal(await value(page), '', 'Tab chooses nothing')
    t.equal(await input.getAttribute('aria-invalid'), 'true')
    t.same(await validity(page), { badInput: true, message: 'Choose one of the list' })
    await input.focus()
    await input.press('Escape')
    t.equal(await input.inputValue(), '', 'Escape without a list clears')
    t.same(await validity(page), { valid: true })
    t.same(errors, [])
  })

  t.test('who presses down and Enter before the list is there loses nothing', async (t) => {
    const { page } = await open(t, customerField())
    const { asked } = await hold(page, /forge/)
    const input = field(page, 'Customer')
    await input.pressSequentially('forge')
    const route = await asked
    await input.press('ArrowDown')
    await input.press('Enter')
    t.equal(await value(page), '')
    await route.continue()
    await page.locator('[aria-selected=true]').waitFor()
    await input.press('Enter')
    t.equal(await value(page), ids['Smithfield Forge'])
    t.notMatch(page.url(), 'customer_id')
  })

  t.test('an input method is left alone until it is done', async (t) => {
    const { page } = await open(t, customerField())
    const asked = searchesOf(page)
    const input = field(page, 'Customer')
    await input.focus()
    const session = await page.context().newCDPSession(page)
    await session.send('Input.imeSetComposition', { text: 'smi', selectionStart: 3, selectionEnd: 3 })
    t.equal(await input.inputValue(), 'smi')
    t.same(asked, [])
    await session.send('Input.insertText', { text: 'smithson' })
    await says(page, '1 result')
    t.same(asked, ['smithson'])
  })

  t.test('a finger chooses what it taps, and the field keeps the focus', async (t) => {
    const { page, errors } = await open(t, customerField('suggest'), { hasTouch: true, isMobile: true })
    await field(page, 'Customer').tap()
    await optionsOf(page).first().waitFor()
    await record(page, ['focusout', 'change'])
    await page.getByRole('option', { name: 'Smithson Tools' }).tap()
    t.equal(await value(page), ids['Smithson Tools'])
    t.same(await recorded(page), [['change', 'Smithson Tools']])
    t.equal(await field(page, 'Customer').evaluate((node) => node.matches(':focus')), true)
    t.equal(await listShown(page), false)
    t.same(errors, [])
  })

  t.test('a finger that scrolls the list chooses nothing', async (t) => {
    const { page } = await open(t, customerField('suggest'), {
      ...{ hasTouch: true, isMobile: true },
      viewport: { width: 360, height: 260 },
    })
    await field(page, 'Customer').tap()
    await optionsOf(page).first().waitFor()
    const popup = page.locator('[part=popup]')
    const { x, y, height } = (await popup.boundingBox()) ?? { x: 0, y: 0, height: 0 }
    const session = await page.context().newCDPSession(page)
    const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', up = 0) =>
      session.send('Input.dispatchTouchEvent', {
        type,
        touchPoints: type === 'touchEnd' ? [] : [{ x: x + 40, y: y + height - 10 - up }],
      })
    await touch('touchStart')
    for (const up of [20, 40, 60, 80]) await touch('touchMove', up)
    await touch('touchEnd')
    await until(async () => (await popup.evaluate((node) => node.scrollTop)) > 0)
    t.equal(await value(page), '')
    t.equal(await listShown(page), true)
  })

  t.test('the answer to an earlier key is aborted', async (t) => {
    const { page } = await open(t, customerField())
    const { asked } = await hold(page, /^f$/)
    const failed = page.waitForEvent('requestfailed')
    await field(page, 'Customer').press('f')
    await asked
    await field(page, 'Customer').pressSequentially('orge')
    t.match((await failed).failure()?.errorText, 'ERR_ABORTED')
    await says(page, '1 result')
  })

  t.test('an answer that comes too late is dropped, even when it could not be aborted', async (t) => {
    const { page } = await open(t, customerField())
    await page.evaluate(
      'const real = fetch; fetch = (url, { signal, ...options } = {}) => real(url, options); undefined',
    )
    const { asked } = await hold(page, /^s$/)
    await field(page, 'Customer').press('s')
    const route = await asked
    await field(page, 'Customer').pressSequentially('mithfield')
    await says(page, '1 result')
    const arrived = page.waitForEvent('requestfinished', (request) => request === route.request())
    await route.continue()
    await arrived
    // Another answer is read meanwhile, so this one has been, too.
    await page.evaluate(
      `fetch('${service.url}/api/search/client_names?q=mill').then((answer) => answer.json())`,
    )
    t.equal(await optionsOf(page).count(), 1)
    t.match(await optionsOf(page).textContent(), 'Smithfield Forge')
  })

  t.test('a search that does not answer says so, and the next key tries again', async (t) => {
    const { page } = await open(t, customerField())
    await page.clock.install()
    await record(page, ['qbo-error'])
    const { asked } = await hold(page, /^s$/)
    await field(page, 'Customer').press('s')
    await asked
    await page.locator('[part~=busy]').waitFor()
    await page.clock.fastForward(10_000)
    await messageOf(page).waitFor()
    await says(page, 'The search does not answer')
    t.equal(await messageOf(page).textContent(), 'The search does not answer')
    t.equal(await field(page, 'Customer').getAttribute('aria-expanded'), 'false')
    t.equal(await page.locator('[part~=busy]').count(), 0)
    await page.unrouteAll()
    await page.route(isSearch, (route) => route.abort())
    await field(page, 'Customer').press('m')
    await until(async () => (await recorded(page)).length === 2)
    t.match(await recorded(page), [['qbo-error'], ['qbo-error']])
    await page.unrouteAll()
    await field(page, 'Customer').press('i')
    await says(page, '3 results')
    t.equal(await messageOf(page).isVisible(), false)
  })

  t.test('a search that is busy is left alone for as long as it says', async (t) => {
    const { page } = await open(t, customerField())
    await page.clock.install()
    await page.clock.pauseAt(Date.now() + 60_000)
    const asked = searchesOf(page)
    await page.route(isSearch, (route) =>
      route.fulfill({
        status: 503,
        headers: {
          'retry-after': '3',
          'access-control-allow-origin': '*',
          'access-control-expose-headers': 'retry-after',
        },
        json: { message: 'Too much at once' },
      }),
    )
    await field(page, 'Customer').press('s')
    await says(page, 'The search is busy and goes on by itself')
    await page.unrouteAll()
    await field(page, 'Customer').evaluate((node) => node.blur())
    t.equal(await messageOf(page).count(), 0)
    await field(page, 'Customer').press('End')
    await field(page, 'Customer').pressSequentially('mi')
    t.equal(await messageOf(page).textContent(), 'The search is busy and goes on by itself')
    await page.clock.runFor(2_900)
    t.same(asked, ['s'])
    await page.clock.runFor(200)
    await says(page, '3 results')
    t.same(asked, ['s', 'smi'])
  })

  t.test('what was found is marked as the service says it', async (t) => {
    const { page } = await open(t, customerField())
    const input = field(page, 'Customer')
    const cases: [string, string[]][] = [
      ['smi', ['Smi', 'Smi', 'Smi', 'Smi']],
      ['bolt', ['Bolt']],
      ['ueberm', ['Überm']],
      ['töcht', ['Töcht']],
      ['555-0142', ['555-0142']],
    ]
    for (const [typed, marks] of cases) {
      await input.fill(typed)
      const answer = await service.request(
        `/api/search/client_names?highlight=true&q=${encodeURIComponent(typed)}`,
      )
      await says(page, answer.json.total === 1 ? '1 result' : `${answer.json.total} results`)
      t.same(await page.locator('mark').allTextContents(), marks, typed)
      t.same(
        await optionsOf(page).locator('[part=name]').allTextContents(),
        answer.json.results.map(({ name }: { name: string }) => name),
      )
    }
    await input.press('ArrowDown')
    await input.press('Enter')
    t.equal(await input.inputValue(), 'Smith Brothers')
  })

  t.test('a name is never markup', async (t) => {
    const { page, errors } = await open(t, customerField())
    const input = field(page, 'Customer')
    await input.fill('onerror')
    await says(page, '1 result')
    t.equal(await optionsOf(page).locator('[part=name]').textContent(), MARKUP)
    await input.press('ArrowDown')
    await input.press('Enter')
    t.equal(await input.inputValue(), MARKUP)
    t.equal(await page.locator('img').count(), 0)
    t.same(errors, [])
  })

  t.test('a name that turns the writing round leaves what stands beside it alone', async (t) => {
    const { page } = await open(t, customerField())
    await page.route(isSearch, async (route) => {
      const response = await route.fetch()
      const { results, ...answer } = await response.json()
      const turned = { ...results[0], company_name: '\u202Eretal emoc', email: 'ann@smith.example' }
      await route.fulfill({ response, json: { ...answer, results: [turned] } })
    })
    await field(page, 'Customer').fill('smi')
    await says(page, '1 result')
    const isInOrder = await page.evaluate(`(() => {
      const texts = document.createTreeWalker(a.shadowRoot.querySelector('[part=detail]'), NodeFilter.SHOW_TEXT)
      while (!texts.nextNode().data.includes('ann@'));
      const { currentNode: text } = texts
      const left = (i) => {
        const range = new Range()
        range.setStart(text, i)
        range.setEnd(text, i + 1)
        return range.getBoundingClientRect().left
      }
      return left(text.length - 2) < left(text.length - 1)
    })()`)
    t.equal(isInOrder, true)
  })

  t.test(
    'a stored id gets its label, one of an inactive record too, and one that is missing is kept',
    async (t) => {
      const { page, errors } = await open(
        t,
        `<form>
        ${labelled('Customer', `index="client_names" name="a" value="${ids['Smith Brothers']}"`)}
        ${labelled('Inactive', `index="client_names" name="b" value="${ids['Old Mill']}"`)}
        ${labelled('Missing', 'index="client_names" name="c" value="999"')}
        ${labelled('Part', `index="part_numbers" name="d" value="${ids.part}"`)}
        ${labelled('Order', `index="client_pos" name="e" value="${ids.estimate}"`)}
      </form>`,
      )
      await hasText(field(page, 'Customer'), 'Smith Brothers')
      await hasText(field(page, 'Inactive'), 'Old Mill')
      await hasText(field(page, 'Missing'), '999')
      await hasText(field(page, 'Part'), 'BRK-1020-A')
      await hasText(field(page, 'Order'), 'E-77')
      t.equal(await field(page, 'Inactive').getAttribute('part'), 'input inactive')
      t.equal(await field(page, 'Missing').getAttribute('part'), 'input missing')
      t.same(await page.evaluate('Object.fromEntries(new FormData(document.forms[0]))'), {
        ...{ a: ids['Smith Brothers'], b: ids['Old Mill'], c: '999', d: ids.part, e: ids.estimate },
      })
      t.match(await page.evaluate("document.querySelector('[name=b]').record"), {
        name: 'Old Mill',
        active: false,
      })
      t.equal(await page.evaluate("document.querySelector('[name=c]').record"), null)
      // The browser's own line about the invoices, which are not kept here.
      t.same(
        errors.filter((error) => !error.includes('404')),
        [],
      )
    },
  )

  t.test('a disabled field shows the label, too, and each label is asked for once', async (t) => {
    const { page } = await openTab(t, chromium)
    const asked: string[] = []
    page.on('request', (request) => {
      if (isRecords(new URL(request.url()))) asked.push(request.url())
    })
    const body = `<form>
      ${labelled('Open', `index="client_names" value="${ids['Smithson Tools']}"`)}
      ${labelled('Disabled', `index="client_names" value="${ids['Smith Brothers']}" disabled`)}
      <fieldset disabled>${labelled('Inside', `index="client_names" value="${ids['Old Mill']}"`)}</fieldset>
    </form>`
    await page.goto(pages.add(pageOf(service.url, body), strictPolicy(service.url)))
    await hasText(field(page, 'Open'), 'Smithson Tools')
    await hasText(field(page, 'Disabled'), 'Smith Brothers')
    await hasText(field(page, 'Inside'), 'Old Mill')
    t.equal(asked.filter((url) => url.endsWith(`=${ids['Smithson Tools']}`)).length, 1)
    await page.evaluate(`
      const field = document.querySelector('qbo-autocomplete')
      field.value = ${ids['Smithfield Forge']}
      field.disabled = true`)
    await hasText(field(page, 'Open'), 'Smithfield Forge')
  })

  t.test('while the service is away a stored id stays, and gets its label later', async (t) => {
    const { page } = await open(t, customerField())
    await page.route(isRecords, (route) => route.abort())
    await record(page, ['qbo-error'])
    await page.evaluate(`document.querySelector('#a').value = ${ids['Smith Brothers']}`)
    await until(async () => (await recorded(page)).length === 1)
    t.equal(await field(page, 'Customer').inputValue(), ids['Smith Brothers'])
    t.equal(await value(page), ids['Smith Brothers'])
    t.equal(await messageOf(page).isVisible(), false, 'nobody is in the field')
    await page.unrouteAll()
    await field(page, 'Customer').focus()
    await hasText(field(page, 'Customer'), 'Smith Brothers')
    t.equal(await value(page), ids['Smith Brothers'])
  })

  t.test('a page sets and clears the value, but not under the fingers of whoever types', async (t) => {
    const { page } = await open(t, '<p id="place"></p>')
    await page.evaluate(`
      const field = document.createElement('qbo-autocomplete')
      Object.assign(field, { id: 'a', value: ${ids['Smithson Tools']}, ariaLabel: 'Customer' })
      field.setAttribute('index', 'client_names')
      place.append(field)`)
    const input = field(page, 'Customer')
    await hasText(input, 'Smithson Tools')
    await record(page, ['change'])
    await page.evaluate('a.addEventListener("change", () => { a.value = a.value })')
    await input.press('End')
    await input.press('Backspace')
    t.equal(await input.inputValue(), 'Smithson Tool')
    t.equal(await value(page), '')
    await input.press('s')
    t.equal(await value(page), ids['Smithson Tools'], 'back at the name, it is chosen again')
    await input.press('Backspace')
    t.same(await recorded(page), [
      ['change', null],
      ['change', 'Smithson Tools'],
      ['change', null],
    ])
    await input.evaluate((node) => node.blur())
    await page.evaluate('a.value = null')
    t.equal(await input.inputValue(), '')
  })

  t.test('an empty field is sent as an empty text, as an input is', async (t) => {
    const { page } = await open(t, customerField())
    t.same(await page.evaluate('[...new FormData(document.forms[0])]'), [['customer_id', '']])
  })

  // React 19 and Vue: what an element has as a property is set as one, anything else as an attribute.
  const assign = (attributes: object) => `
    for (const [name, text] of Object.entries(${JSON.stringify(attributes)})) {
      if (name in field) field[name] = text
      else field.setAttribute(name, text)
    }`

  t.test('a framework that sets properties sets the name, the form and the rest', async (t) => {
    const { page, errors } = await open(t, '<form id="order"></form>')
    await page.evaluate(`'use strict'
      const field = document.createElement('qbo-autocomplete')
      ${assign({
        ...{ index: 'client_names', 'aria-label': 'Customer', name: 'customer_id', form: 'order' },
        ...{ required: true, value: ids['Smith Brothers'] },
      })}
      document.querySelector('main').append(field)`)
    await hasText(field(page, 'Customer'), 'Smith Brothers')
    t.equal(await field(page, 'Customer').getAttribute('aria-required'), 'true')
    t.same(await page.evaluate('[...new FormData(order)]'), [['customer_id', ids['Smith Brothers']]])
    t.equal(await page.evaluate("document.querySelector('qbo-autocomplete').form === order"), true)
    t.same(errors, [])
  })

  t.test('what a page sets before the script is there holds', async (t) => {
    const { page } = await openTab(t, chromium)
    const script = Promise.withResolvers<void>()
    await page.route('**/qbo-autocomplete.js', async (route) => {
      await script.promise
      await route.continue()
    })
    const body = `<form>${labelled('Customer', 'id="a" index="client_names"')}</form>`
    await page.goto(pages.add(pageOf(service.url, body), strictPolicy(service.url)), { waitUntil: 'commit' })
    await page.locator('#a').waitFor({ state: 'attached' })
    await page.evaluate("Object.assign(a, { name: 'customer_id', required: true, disabled: true })")
    script.resolve()
    await page.evaluate("customElements.whenDefined('qbo-autocomplete')")
    t.equal(await field(page, 'Customer').isDisabled(), true)
    await page.evaluate('a.disabled = false')
    t.equal(await field(page, 'Customer').isDisabled(), false)
    t.same(await validity(page), { valueMissing: true, message: 'Choose one of the list' })
    t.same(await page.evaluate('[...new FormData(document.forms[0])]'), [['customer_id', '']])
  })

  t.test('where the index changes, the value gets the label that it has there', async (t) => {
    // Ids are counted for each entity anew.
    t.equal(ids['Smith Brothers'], ids.part)
    const { page } = await open(t, customerField(`value="${ids.part}"`))
    await hasText(field(page, 'Customer'), 'Smith Brothers')
    await page.evaluate("a.setAttribute('index', 'part_numbers')")
    await hasText(field(page, 'Customer'), 'BRK-1020-A')
    t.equal(await value(page), ids.part)
    await page.evaluate("a.setAttribute('entity', 'customers')")
    await hasText(field(page, 'Customer'), 'Smith Brothers')
  })

  t.test('an empty limit is none', async (t) => {
    const { page } = await open(t, customerField('limit=""'))
    await field(page, 'Customer').fill('smi')
    await says(page, '3 results')
  })

  t.test('the border of who asked for less motion stands still', async (t) => {
    const { page } = await open(t, customerField(), { reducedMotion: 'reduce' })
    const { asked } = await hold(page, /smi/)
    await field(page, 'Customer').fill('smi')
    await asked
    const moves = page
      .locator('[part~=busy]')
      .evaluate((node) => node.computedStyleMap().get('animation-name').toString())
    t.equal(await moves, 'none')
  })

  t.test('the value goes the way of a form: required, reset, disabled, read only', async (t) => {
    const { page } = await open(t, customerField(`value="${ids['Smith Brothers']}" required`))
    const input = field(page, 'Customer')
    await hasText(input, 'Smith Brothers')
    t.equal(await input.getAttribute('aria-required'), 'true')
    await input.press('Escape')
    t.same(await validity(page), { valueMissing: true, message: 'Choose one of the list' })
    await page.getByRole('button', { name: 'Save' }).click()
    t.equal(await input.evaluate((node) => node.matches(':focus')), true, 'the browser shows what is missing')
    t.notMatch(page.url(), 'customer_id')
    await input.pressSequentially('smi')
    await says(page, '3 results')
    await page.getByRole('button', { name: 'Reset' }).click()
    await hasText(input, 'Smith Brothers')
    t.same(await validity(page), { valid: true })
    await page.evaluate('a.disabled = true')
    t.equal(await input.isDisabled(), true)
    t.same(await page.evaluate('[...new FormData(document.forms[0])]'), [])
    await page.evaluate("a.disabled = false; a.setAttribute('readonly', '')")
    await input.press('ArrowDown')
    await input.press('Escape')
    t.equal(await value(page), ids['Smith Brothers'])
    t.equal(await listShown(page), false)
  })

  t.test('going back to a page brings the value back, with its label', async (t) => {
    const { page } = await open(t, customerField())
    await choose(page, 'Customer', 'forge')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.waitForURL(/customer_id/)
    await page.goBack()
    await hasText(field(page, 'Customer'), 'Smithfield Forge')
    t.equal(await value(page), ids['Smithfield Forge'])
  })

  t.test('two fields of one page do not mix', async (t) => {
    const { page } = await open(
      t,
      `<form>${labelled('Customer', 'index="client_names" name="a"')} ${labelled('Part', 'index="part_numbers" name="b" params="item_type=Inventory&min_price=10"')}</form>`,
    )
    await choose(page, 'Customer', 'forge')
    await choose(page, 'Part', 'brk')
    t.same(await page.evaluate('Object.fromEntries(new FormData(document.forms[0]))'), {
      a: ids['Smithfield Forge'],
      b: ids.part,
    })
    t.equal(await listShown(page), false)
    await field(page, 'Part').fill('brk')
    await says(page, '1 result')
    await field(page, 'Customer').focus()
    t.equal(await listShown(page), false, 'a list closes with its field')
  })

  t.test(
    'labels: around it, by an attribute, by another element; a click on one goes into the field',
    async (t) => {
      const { page } = await open(
        t,
        `<label>Around <qbo-autocomplete index="client_names"></qbo-autocomplete></label>
      <qbo-autocomplete index="client_names" aria-label="Attribute"></qbo-autocomplete>
      <span id="x">Another</span> <span id="y">element</span>
      <qbo-autocomplete index="client_names" aria-labelledby="x y"></qbo-autocomplete>`,
      )
      for (const name of ['Around', 'Attribute', 'Another element'])
        t.equal(await field(page, name).count(), 1, name)
      await page.getByText('Around').click()
      t.equal(await field(page, 'Around').evaluate((node) => node.matches(':focus')), true)
    },
  )

  t.test('a hint that describes the element is heard in its field', async (t) => {
    const { page } = await open(
      t,
      `${customerField('aria-describedby="hint"')}<p id="hint">By name or phone</p>`,
    )
    const session = await page.context().newCDPSession(page)
    const { nodes } = await session.send('Accessibility.getFullAXTree')
    const heard = nodes.find(({ role }) => role?.value === 'combobox')
    t.equal(heard?.description?.value, 'By name or phone')
  })

  for (const colorScheme of ['light', 'dark'] as const) {
    t.test(`axe finds nothing, ${colorScheme}`, async (t) => {
      const viewport = { width: 600, height: 270 }
      const { page } = await open(t, customerField('required placeholder="Name or phone"'), {
        ...{ colorScheme, viewport },
      })
      t.same(await accessibility(page), [], 'closed')
      await field(page, 'Customer').pressSequentially('smi')
      await says(page, '3 results')
      await field(page, 'Customer').press('ArrowDown')
      t.same(await accessibility(page), [], 'open')
      await screenshot(page, `autocomplete-${colorScheme}`)
      await field(page, 'Customer').fill('zzzzzz')
      await says(page, 'No results')
      t.equal(await messageOf(page).textContent(), 'No results')
      t.same(await accessibility(page), [], 'nothing found')
      await field(page, 'Customer').evaluate((node) => node.blur())
      t.same(await accessibility(page), [], 'invalid')
    })
  }

  t.test('a message covers what lies below it, but takes no click from it', async (t) => {
    const { page } = await open(t, customerField())
    await page.evaluate(`
      const below = document.createElement('button')
      below.textContent = 'Below'
      below.style.cssText = 'position: fixed; left: ' + a.getBoundingClientRect().left + 'px; top: ' + a.getBoundingClientRect().bottom + 'px'
      below.onclick = () => below.textContent = 'Pressed'
      document.body.append(below)`)
    await field(page, 'Customer').fill('zzzzzz')
    await messageOf(page).waitFor()
    await page.getByText('Below').click()
    await page.getByText('Pressed').waitFor()
  })

  t.test('on a small screen nothing sticks out, wherever the field is', async (t) => {
    const size = { width: 360, height: 400 }
    const { page } = await open(
      t,
      `${customerField()}<hr>${labelled('Part', 'id="b" index="part_numbers"')}`,
      {
        viewport: size,
      },
    )
    await page.evaluate(`
      b.style.cssText = 'position: fixed; right: 0; bottom: 0; width: 90px'; undefined`)
    for (const [name, typed] of [
      ['Customer', 's'],
      ['Part', 'brk'],
    ] as const) {
      await field(page, name).fill(typed)
      await optionsOf(page).first().waitFor()
      const box = await page.locator('[part=popup]:popover-open').boundingBox()
      t.ok(box !== null && box.x >= 0 && box.x + box.width <= size.width, `${name}: ${JSON.stringify(box)}`)
      t.ok(box !== null && box.y >= 0 && box.y + box.height <= size.height)
      t.ok(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'))
      await screenshot(page, `autocomplete-360-${name}`)
    }
  })

  t.test('a page may name the texts and style the parts', async (t) => {
    const { page } = await open(t, customerField())
    await page.evaluate(`
      customElements.get('qbo-autocomplete').messages.none = 'Nothing called that'
      const sheet = new CSSStyleSheet()
      sheet.replaceSync('qbo-autocomplete::part(input) { color: rgb(1, 2, 3) } qbo-autocomplete::part(active) { background: rgb(4, 5, 6) }')
      document.adoptedStyleSheets = [sheet]`)
    await field(page, 'Customer').fill('zzzzzz')
    await says(page, 'Nothing called that')
    await field(page, 'Customer').fill('smi')
    await says(page, '3 results')
    await field(page, 'Customer').press('ArrowDown')
    const style = (locator: Locator, name: string) =>
      locator.evaluate((node, name) => node.computedStyleMap().get(name).toString(), name)
    t.equal(await style(field(page, 'Customer'), 'color'), 'rgb(1, 2, 3)')
    t.equal(await style(page.locator('[aria-selected=true]'), 'background-color'), 'rgb(4, 5, 6)')
  })

  t.test(
    'with keys: a listed origin searches with the search key, others and other keys do not',
    async (t) => {
      const guarded = await startService(t, undefined, {
        env: {
          ...{ CORS_ORIGINS: pages.origin, ADMIN_API_KEY: 'admin-key-for-tests' },
          SEARCH_API_KEY: SEARCH_KEY,
        },
      })
      const stranger = await servePages(t)
      const message = async (at: typeof pages, key: string) => {
        const { page } = await openTab(t, chromium)
        const body = labelled('Customer', `index="client_names" api-key="${key}"`)
        await page.goto(at.add(pageOf(guarded.url, body), strictPolicy(guarded.url)))
        await field(page, 'Customer').fill('smi')
        await messageOf(page).waitFor()
        return messageOf(page).textContent()
      }
      t.equal(await message(pages, SEARCH_KEY), 'No results')
      t.equal(await message(pages, 'a-wrong-key'), 'The search refuses this page')
      t.equal(await message(stranger, SEARCH_KEY), 'The search does not answer')
    },
  )

  t.test('loaded as a module, loaded twice, and beside an endpoint of its own', async (t) => {
    const { page, errors } = await openTab(t, chromium)
    const script = `${service.url}/qbo-autocomplete.js`
    const html = pageOf(
      'http://localhost:9',
      labelled('Customer', `index="client_names" endpoint="${service.url}"`),
    ).replace(
      /<script.*<\/script>/,
      `<script type="module" src="${script}"></script><script src="${script}" defer></script>`,
    )
    await page.goto(pages.add(html, strictPolicy(service.url)))
    await choose(page, 'Customer', 'forge')
    t.same(errors, [])
  })
})

/** A server for the pages of other people. */
async function servePages(t: Test) {
  const known: { html: string; policy: string }[] = []
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const page = known[Number(request.url?.slice(1).split('?')[0])]
    if (page === undefined) return response.writeHead(404).end()
    response.writeHead(200, { 'content-type': 'text/html', 'content-security-policy': page.policy })
    response.end(page.html)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { origin, add: (html: string, policy: string) => `${origin}/${known.push({ html, policy }) - 1}` }
}

/** No inline styles or scripts, no text that becomes markup, nothing from elsewhere. */
const strictPolicy = (service: string) =>
  `default-src 'none'; script-src ${service}; connect-src ${service}; img-src data:; require-trusted-types-for 'script'; trusted-types 'none'; base-uri 'none'; form-action 'self'`

const pageOf = (service: string, main: string) =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Orders</title><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"><link rel="icon" href="data:,"><script src="${service}/qbo-autocomplete.js" defer></script></head><body><main><h1>Orders</h1>${main}</main></body></html>`

const labelled = (label: string, attributes: string) =>
  `<p><label>${label} <qbo-autocomplete ${attributes}></qbo-autocomplete></label></p>`

const field = (page: Page, name: string) => page.getByRole('combobox', { name, exact: true })
const optionsOf = (page: Page) => page.getByRole('option')
const messageOf = (page: Page) => page.locator('[part=message]').filter({ visible: true })
const listShown = async (page: Page) => (await page.locator('[part=popup]:popover-open').count()) > 0
const value = (page: Page) => page.evaluate<string>("document.querySelector('#a').value")
const isSearch = (url: URL) => url.pathname.startsWith('/api/search/')
const isRecords = (url: URL) => url.pathname.startsWith('/api/records/')

/** Waits until this is what a screen reader was told last, and nothing is being asked any more. */
async function says(page: Page, text: string): Promise<void> {
  await page.locator('[part~=busy]').waitFor({ state: 'detached' })
  await page
    .getByRole('status')
    .filter({ hasText: new RegExp(`^${text}$`) })
    .waitFor({ state: 'attached' })
}

const activeName = async (page: Page) =>
  (await page.locator('[aria-selected=true] [part=name]').textContent()) ?? ''

const hasText = (input: Locator, text: string) => until(async () => (await input.inputValue()) === text)

/** Asked from here: Playwright's own way of waiting for a condition evaluates text in the page, which no strict policy lets it. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await delay(20)
}

async function choose(page: Page, name: string, typed: string): Promise<void> {
  await field(page, name).fill(typed)
  await says(page, '1 result')
  await field(page, name).press('ArrowDown')
  await field(page, name).press('Enter')
}

/** What a form would be told of the field. */
const validity = (page: Page) =>
  page.evaluate(`(() => {
    const { validity } = a
    const names = ['badInput', 'valueMissing', 'valid'].filter((name) => validity[name])
    return { ...Object.fromEntries(names.map((name) => [name, true])), ...(!validity.valid && { message: a.validationMessage }) }
  })()`)

/** Remembers these events of the page, with the name of the record that they tell of. */
const record = (page: Page, types: string[]) =>
  page.evaluate(`window.heard = []
    for (const type of ${JSON.stringify(types)})
      document.addEventListener(type, ({ detail }) => heard.push([type, detail && (detail.name ?? detail.message ?? null)]))`)
const recorded = (page: Page) => page.evaluate<[string, unknown][]>('heard')

/** The texts that are searched for from now on. */
function searchesOf(page: Page): (string | null)[] {
  const asked: (string | null)[] = []
  page.on('request', (request) => {
    const url = new URL(request.url())
    if (isSearch(url)) asked.push(url.searchParams.get('q'))
  })
  return asked
}

/** Keeps the answer to a search back; `asked` resolves when there is one to keep. */
async function hold(page: Page, typed: RegExp): Promise<{ asked: Promise<Route> }> {
  const { promise, resolve } = Promise.withResolvers<Route>()
  await page.route(
    (url) => isSearch(url) && typed.test(url.searchParams.get('q') ?? ''),
    (route) => resolve(route),
  )
  return { asked: promise }
}
