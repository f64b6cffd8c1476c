// A form field that searches QuickBooks records; its value is the id of the chosen one. See docs/autocomplete.md.
// No import, no export: it loads as a script, as a module and in a bundle.
;(() => {
  const TAG = 'qbo-autocomplete'
  if (!globalThis.customElements || customElements.get(TAG)) return

  const home = new URL('.', document.querySelector(`script[src*=${TAG}]`)?.src ?? location.origin).href
  const patienceMs = 10_000

  /** A page may change them. */
  const messages = {
    count: (n) => (n === 1 ? '1 result' : `${n} results`),
    none: 'No results',
    inactive: 'inactive',
    silent: 'The search does not answer',
    busy: 'The search is busy and goes on by itself',
    refused: 'The search refuses this page',
    choose: 'Choose one of the list',
  }

  const entities = {
    client_names: 'customers',
    vendor_names: 'vendors',
    client_pos: 'invoices,estimates',
  }

  const details =
    'sku po_number company_name customer_name vendor_name description email phone date unit_price total status'

  const sheet = new CSSStyleSheet()
  sheet.replaceSync(`
:host { display: inline-block; position: relative; width: 20rem; max-width: 100%;
  --text: var(--qbo-text, FieldText); --back: var(--qbo-background, Field); --line: var(--qbo-border, GrayText) }
:host([hidden]), [hidden] { display: none }
* { box-sizing: border-box; margin: 0 }
input, [popover] { font: inherit; color: var(--text); background: var(--back);
  border: 1px solid var(--line); border-radius: var(--qbo-radius, .3rem) }
input { width: 100% }
input, li, p { padding: .4em .6em; overflow-wrap: anywhere }
:disabled { opacity: .6 }
[part~=missing], [part~=inactive] { font-style: italic }
[aria-invalid=true] { border-color: var(--qbo-error, #c5221f) }
@media not (prefers-reduced-motion) { [part~=busy] { animation: busy .5s .4s infinite alternate } }
@keyframes busy { to { border-color: transparent } }
[popover] { position: fixed; padding: 0; width: max-content; max-width: min(36rem, 100%); overflow: auto; overscroll-behavior: contain;
  box-shadow: 0 4px 16px #0004 }
[popover]:has([hidden] + p) { pointer-events: none }
ul { padding: 0; list-style: none }
li:hover { background: color-mix(in srgb, var(--text) 7%, var(--back)) }
li[part~=active] { background: var(--qbo-active, color-mix(in srgb, var(--text) 16%, var(--back)));
  outline: 2px solid transparent; outline-offset: -2px }
[part=detail] { font-size: .85em; max-height: 3em; overflow: hidden }
mark { color: inherit; background: none; font-weight: 700 }
[role=status] { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }
@media (pointer: coarse) { li { padding-block: .7em } }`)

  function make(tag, attributes, ...children) {
    const element = document.createElement(tag)
    for (const name in attributes) element.setAttribute(name, attributes[name])
    element.append(...children)
    return element
  }

  function marked(text, ranges = []) {
    const nodes = []
    let end = 0
    for (const [start, length] of ranges) {
      nodes.push(text.slice(end, start))
      end = start + length
      nodes.push(make('mark', { part: 'mark' }, text.slice(start, end)))
    }
    return [...nodes, text.slice(end)]
  }

  function option(record, i) {
    const { name, type, active, highlights = {} } = record
    const shown = details.split(' ').filter((field) => record[field] != null && record[field] !== name)
    const more = shown.map((field) =>
      typeof record[field] === 'number'
        ? [record[field].toLocaleString([], { minimumFractionDigits: 2, maximumFractionDigits: 7 })]
        : marked(record[field], highlights[field]),
    )
    // One list can hold several kinds of transactions.
    if ('doc_number' in record) more.unshift([type.replace('_', ' ')])
    if (!active) more.unshift([messages.inactive])
    const parts = more.flatMap((nodes, i) => [i ? ' · ' : '', make('bdi', {}, ...nodes)])
    return make(
      'li',
      { part: active ? 'option' : 'option inactive', role: 'option', id: `option-${i}` },
      make('div', { part: 'name' }, ...marked(name, highlights.name)),
      make('div', { part: 'detail' }, ...parts),
    )
  }

  function createField(host, internals) {
    const input = make('input', {
      part: 'input',
      role: 'combobox',
      'aria-autocomplete': 'list',
      'aria-controls': 'list',
      'aria-expanded': false,
      autocomplete: 'off',
      autocapitalize: 'none',
      spellcheck: false,
    })
    const list = make('ul', { part: 'list', role: 'listbox', id: 'list' })
    const message = make('p', { part: 'message' })
    const popup = make('div', { part: 'popup', popover: 'manual' }, list, message)
    const status = make('div', { role: 'status' })
    const root = host.attachShadow({ mode: 'open', delegatesFocus: true })
    root.adoptedStyleSheets = [sheet]
    root.append(input, popup, status)

    let value = ''
    /** What the value means, or meant before the text was changed. */
    let record = null
    let unresolved = false
    let results = []
    let active = -1
    /** The one whose answer counts. */
    let request = null
    /** To take in the list that is on its way; null when none is. */
    let steps = null
    let retry
    let pausedUntil = 0

    const attribute = (name) => host.getAttribute(name)
    const isOpen = () => popup.matches(':popover-open')
    const fire = (type, detail) =>
      host.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }))

    function update() {
      input.placeholder = attribute('placeholder') ?? ''
      input.disabled = host.matches(':disabled')
      input.readOnly = host.hasAttribute('readonly')
      input.ariaRequired = host.required
      const ids = attribute('aria-labelledby')?.split(' ')
      const labels = ids?.map((id) => host.getRootNode().getElementById?.(id)) ?? [...internals.labels]
      const label = labels.map((element) => element?.textContent.trim()).join(' ')
      input.ariaLabel = ids ? label : attribute('aria-label') || label
      input.ariaDescribedByElements = host.ariaDescribedByElements
      validate()
    }

    /** What the form knows. */
    function validate() {
      internals.setFormValue(value)
      const fault = value ? '' : input.value ? 'badInput' : host.required ? 'valueMissing' : ''
      internals.setValidity(fault ? { [fault]: true } : {}, messages.choose, input)
    }

    function hold(id) {
      value = id
      unresolved = false
      input.part.toggle('missing', id && !record?.type && record?.name === id)
      input.part.toggle('inactive', id && record?.active === false)
      input.ariaInvalid = false
      validate()
    }

    function show(found) {
      record = found
      input.value = found?.name ?? ''
      hold(found?.id ?? '')
    }

    function set(id) {
      close()
      show(null)
      hold(id)
      if (id) resolve()
    }

    function choose(chosen) {
      const before = value
      close()
      show(chosen)
      fire('input')
      if (value !== before) fire('change', chosen)
    }

    function edit({ isComposing }) {
      cancel()
      const before = value
      // Back at the name that was chosen, it is chosen.
      hold(record?.name === input.value ? record.id : '')
      if (value !== before) fire('change', host.record)
      if (!isComposing) search()
    }

    function enter() {
      update()
      if (request || isOpen()) return
      if (unresolved) resolve()
      else if (!input.value && host.hasAttribute('suggest')) search(0, true)
    }

    function leave() {
      update()
      close()
      input.ariaInvalid = internals.validity.badInput
      if (unresolved) resolve()
    }

    function press(event) {
      const { key, altKey, isComposing, keyCode } = event
      // 229: Safari, of an input method.
      if (isComposing || keyCode === 229 || event.ctrlKey || event.metaKey || event.shiftKey) return
      if (key === 'ArrowDown' && !altKey) step(1)
      else if (key === 'ArrowUp' && !altKey) step(-1)
      else if (key === 'ArrowDown') isOpen() || search(0, true)
      else if (key === 'ArrowUp' || (key === 'Escape' && isOpen())) close()
      else if (key === 'Escape' && input.value && !input.readOnly) choose(null)
      else if (key !== 'Enter') return
      else if (active >= 0) choose(results[active])
      // Not while a list is on its way.
      else if (steps === null) [...(internals.form ?? [])].find(({ type }) => type === 'submit')?.click()
      event.preventDefault()
    }

    function search(move = 0, suggest = false) {
      activate(-1)
      const q = input.value.trim()
      if (input.readOnly || (q ? q.length < attribute('min-length') : !suggest)) return close()
      const query = { limit: attribute('limit') || 15, q, highlight: true, suggest: !q }
      const more = Object.fromEntries(new URLSearchParams(attribute('params') ?? ''))
      const path = `search/${attribute('index')}`
      const again = () => search(move, suggest)
      void ask((get) => get(path, { ...query, ...more }), present, again)
      steps = request && move
    }

    function resolve() {
      const id = value
      unresolved = true
      if (!host.isConnected) return
      const index = attribute('index') ?? ''
      const names = attribute('entity') ?? entities[index] ?? index.replace(/^(part|product)_.*/, 'items')
      const find = async (get) => {
        for (const entity of names.split(',')) {
          const { results = [] } = await get(`records/${entity}`, { ids: id }).catch((error) => {
            // An entity that is not kept has no records.
            if (error.status !== 404) throw error
            return {}
          })
          if (results[0]) return results[0]
        }
        return { id, name: id }
      }
      void ask(find, show, resolve)
    }

    /** One question at a time: the next one aborts it; its answer is dropped. */
    async function ask(work, use, again) {
      cancel()
      const pause = pausedUntil - Date.now()
      if (pause > 0) {
        retry = setTimeout(again, pause)
        return complain('busy')
      }
      const mine = new AbortController()
      request = mine
      input.part.add('busy')
      setTimeout(() => mine.abort(), patienceMs)
      const [answer, error] = await work((path, query) => get(path, query, mine.signal)).then(
        (answer) => [answer],
        (error) => [null, error],
      )
      if (request !== mine) return
      const move = steps
      cancel()
      if (error) fail(error, again)
      else use(answer, move)
    }

    async function get(path, query, signal) {
      const question = `/api/${path}?${new URLSearchParams(query)}`
      const key = attribute('api-key')
      const answer = await fetch((attribute('endpoint') ?? home).replace(/\/*$/, question), {
        signal,
        headers: key ? { authorization: `Bearer ${key}` } : {},
      })
      if (answer.ok) return answer.json()
      const { message } = await answer.json().catch(() => answer)
      throw { status: answer.status, message, pause: answer.headers.get('retry-after') }
    }

    function cancel() {
      request?.abort()
      request = null
      steps = null
      clearTimeout(retry)
      input.part.remove('busy')
    }

    function fail({ status = 0, message, pause }, again) {
      if (status === 429 || status === 503) {
        pausedUntil = Date.now() + (Number(pause) || 1) * 1000
        again()
      } else complain(status && status < 500 ? 'refused' : 'silent')
      fire('qbo-error', { status, message })
    }

    function complain(of) {
      if (unresolved) input.value = value
      if (root.activeElement) say(messages[of])
    }

    function present(answer, move) {
      results = answer.results
      list.replaceChildren(...results.map(option))
      const { length } = results
      say(length ? messages.count(length) : messages.none, length > 0)
      if (move) step(move)
    }

    /** To screen readers; without a list to everybody. */
    function say(text, listed = false) {
      status.textContent = message.textContent = text
      message.hidden = listed
      list.hidden = !listed
      input.ariaExpanded = listed
      if (isOpen()) return
      popup.showPopover()
      place()
    }

    function close() {
      cancel()
      activate(-1)
      status.textContent = ''
      input.ariaExpanded = false
      if (isOpen()) popup.hidePopover()
    }

    /** In the top layer nothing clips it; the field can move in any frame. */
    function place() {
      if (!isOpen()) return
      const { left, top, bottom, width } = input.getBoundingClientRect()
      const { clientWidth, clientHeight } = document.documentElement
      const below = visualViewport.offsetTop + visualViewport.height - bottom
      const isUp = below < 200 && below < top
      const { style } = popup
      style.inset = isUp ? `auto auto ${clientHeight - top}px` : `${bottom}px auto auto`
      style.left = `${Math.max(0, Math.min(left, clientWidth - popup.offsetWidth))}px`
      style.minWidth = `${width}px`
      style.maxHeight = `min(20rem, ${(isUp ? top : below) - 8}px)`
      requestAnimationFrame(place)
    }

    function step(by) {
      const { length } = results
      if (steps !== null) steps += by
      else if (input.ariaExpanded !== 'true') search(by, true)
      else activate(((((active < 0 && by < 0 ? 0 : active) + by) % length) + length) % length)
    }

    function activate(i) {
      active = i
      input.removeAttribute('aria-activedescendant')
      list.childNodes.forEach((option, at) => {
        option.part.toggle('active', at === i)
        option.ariaSelected = at === i
        if (at !== i) return
        option.scrollIntoView({ block: 'nearest' })
        input.setAttribute('aria-activedescendant', option.id)
      })
    }

    input.oninput = edit
    input.onkeydown = press
    input.onfocus = input.onclick = enter
    input.onblur = leave
    input.addEventListener('compositionend', () => search())
    // The field keeps the focus; scrolling is no click.
    popup.onmousedown = (event) => event.preventDefault()
    list.onclick = ({ target }) => {
      const i = [...list.children].indexOf(target.closest('li'))
      if (i >= 0) choose(results[i])
    }

    return {
      leave,
      set,
      update,
      value: () => value,
      record: () => (value && record?.type ? record : null),
      connect() {
        update()
        if (unresolved && !request) resolve()
      },
    }
  }

  class QboAutocomplete extends HTMLElement {
    static formAssociated = true
    static observedAttributes = 'index entity value required readonly placeholder aria-label'.split(' ')
    static messages = messages

    #internals = this.attachInternals()
    #field = createField(this, this.#internals)

    connectedCallback() {
      // Set before the element was defined.
      for (const [name, own] of Object.entries(this)) {
        delete this[name]
        this[name] = own
      }
      this.#field.connect()
    }

    disconnectedCallback() {
      this.#field.leave()
    }

    attributeChangedCallback(name, _before, text) {
      if (name === 'value') this.value = text
      else if (/index|entity/.test(name) && this.value) this.#field.set(this.value)
      else this.#field.update()
    }

    formDisabledCallback() {
      this.#field.leave()
    }

    formResetCallback() {
      this.#field.set(this.getAttribute('value') ?? '')
    }

    formStateRestoreCallback(id) {
      this.value = id
    }

    get value() {
      return this.#field.value()
    }

    /** '' spares what is being typed: pages write back what a change tells. */
    set value(id) {
      const text = String(id ?? '')
      if (text !== this.value || !(text || this.shadowRoot.activeElement)) this.#field.set(text)
    }

    get record() {
      return this.#field.record()
    }

    get name() {
      return this.getAttribute('name')
    }

    set name(text) {
      this.setAttribute('name', text)
    }

    get required() {
      return this.hasAttribute('required')
    }

    set required(on) {
      this.toggleAttribute('required', on)
    }

    get disabled() {
      return this.hasAttribute('disabled')
    }

    set disabled(on) {
      this.toggleAttribute('disabled', on)
    }

    get form() {
      return this.#internals.form
    }

    set form(id) {
      this.setAttribute('form', id)
    }

    get validity() {
      return this.#internals.validity
    }

    get validationMessage() {
      return this.#internals.validationMessage
    }

    checkValidity() {
      return this.#internals.checkValidity()
    }

    reportValidity() {
      return this.#internals.reportValidity()
    }
  }

  customElements.define(TAG, QboAutocomplete)
})()
