// Tries the search over all indexes, as an MRP would use it, and says why each hit is one.
import { ask } from './api.js'
import { byId, element, say, showAs } from './dom.js'
import { count, titleOf } from './words.js'

/** After which it is said that an answer takes a moment. */
const SLOW_MS = 500

let asked

/** Fills the choice of indexes: another start of the service may have others. */
export async function lookAtIndexes() {
  const { available_indexes: names } = await ask('api/indexes/status')
  showAs('indexes', names, () =>
    names.map((name) =>
      element(
        'label',
        {},
        element('input', { type: 'checkbox', name: 'index', value: name, checked: true }),
        ` ${titleOf(name)}`,
      ),
    ),
  )
}

/** Searches with each keystroke. */
export function listenToSearch() {
  const form = byId('search').querySelector('form')
  form.addEventListener('input', search)
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    void search()
  })
}

/** What was searched for is for nobody else. */
export function forgetSearch() {
  byId('q').value = ''
  void search()
}

async function search() {
  asked?.abort()
  const controller = new AbortController()
  asked = controller
  const q = byId('q').value
  const indexes = [...document.querySelectorAll('[name=index]:checked')].map(({ value }) => value)
  if (q.trim() === '' || indexes.length === 0) return show('', [])
  const parameters = new URLSearchParams({ q, indexes, limit: 5, highlight: true, explain: true })
  const began = performance.now()
  const slow = setTimeout(show, SLOW_MS, 'Searching…', [])
  try {
    const { groups } = await ask(`api/search?${parameters}`, { signal: controller.signal })
    const ms = Math.max(1, Math.round(performance.now() - began))
    const lists = together(groups)
    const total = lists.reduce((sum, { results }) => sum + results.length, 0)
    show(total === 0 ? 'Nothing found.' : `${count(total, 'hit')}, after ${ms} ms.`, lists)
  } catch (error) {
    if (error.name !== 'AbortError') show(error.message, [])
  } finally {
    clearTimeout(slow)
  }
}

/** Indexes that have found the same are shown once: some are one under several names. */
function together(groups) {
  const lists = Map.groupBy(
    groups.filter(({ total }) => total > 0),
    ({ results }) => JSON.stringify(results),
  )
  return [...lists.values()].map((same) => ({
    title: same.map(({ index }) => titleOf(index)).join(', '),
    results: same[0].results,
  }))
}

function show(words, lists) {
  say('found', words)
  byId('results').replaceChildren(
    ...lists.flatMap(({ title, results }) => [
      element('h3', {}, title),
      element('ol', { class: 'hits' }, ...results.map(hit)),
    ]),
  )
}

/** The fields of a result that a person reads, besides its name. */
const hidden = ['id', 'type', 'name', 'active', 'highlights', 'explanation']

function hit(result) {
  const { name, active, highlights = {}, explanation } = result
  const fields = Object.entries(result).filter(
    ([key, value]) => !hidden.includes(key) && value !== null && value !== name,
  )
  const { pass, fields: meant } = explanation
  return element(
    'li',
    {},
    element('strong', {}, ...marked(name ?? '', highlights.name)),
    active === false ? ' (inactive)' : null,
    ...fields.map(([key, value]) =>
      element(
        'span',
        { class: 'field' },
        element('span', { class: 'hint' }, `${titleOf(key)} `),
        ...marked(String(value), highlights[key]),
      ),
    ),
    element(
      'p',
      { class: 'hint' },
      `Why: ${pass}${meant.length > 0 ? `, in ${meant.map(titleOf).join(' and ')}` : ''}`,
    ),
  )
}

/** A text with its ranges [start, length] marked. */
function marked(text, ranges = []) {
  const parts = []
  let at = 0
  for (const [start, length] of ranges) {
    parts.push(text.slice(at, start), element('mark', {}, text.slice(start, start + length)))
    at = start + length
  }
  return [...parts, text.slice(at)]
}
