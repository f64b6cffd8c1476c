// Small helpers. Text is always set as text, so nothing that QuickBooks holds can become markup.

import { exactly, fromNow, refusal, since } from './words.js'

export const byId = (id) => document.getElementById(id)

/** An element with attributes and children; a text is a child, null is none. */
export function element(name, attributes, ...children) {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(key, '')
    else if (value !== false && value !== null) made.setAttribute(key, value)
  }
  made.append(...children.filter((child) => child !== null))
  return made
}

/** Shows one text in an element that screen readers follow; the same text is not read twice. */
export function say(id, text) {
  if (byId(id).textContent !== text) byId(id).textContent = text
}

const shown = new Map()

/**
 * Makes the children of an element anew, but only when `data` is not what they were made of: what a person has opened,
 * marked or focused in them stays.
 */
export function showAs(id, data, make) {
  const text = JSON.stringify(data)
  if (shown.get(id) === text) return
  shown.set(id, text)
  byId(id).replaceChildren(...make())
}

/** How far something is from now; `updateTimes` keeps it true. */
export const fromNowOn = (iso) => element('time', { datetime: iso, title: exactly(iso) }, fromNow(iso))

/** How long ago something was. */
export const ago = (iso) => element('time', { datetime: iso, title: exactly(iso), class: 'past' }, since(iso))

export function updateTimes() {
  for (const time of document.querySelectorAll('time')) {
    const words = (time.className === 'past' ? since : fromNow)(time.dateTime)
    if (time.textContent !== words) time.textContent = words
  }
}

/** The focus goes to the first of them that can be seen. */
export function focusOn(...ids) {
  const first = ids.map(byId).find((one) => one.checkVisibility())
  first?.focus()
}

/** The message at the top. Without a text it goes away. */
export function notify(text) {
  byId('notice').replaceChildren(...(text ? [element('p', { class: 'notice' }, text)] : []))
}

/** Runs what a button does, once at a time, and says in `resultId` how it ended. */
export function onPress(id, resultId, work) {
  const button = byId(id)
  button.addEventListener('click', async () => {
    if (button.getAttribute('aria-disabled') === 'true') return
    // Not `disabled`: the focus would be lost.
    button.setAttribute('aria-disabled', 'true')
    say(resultId, 'One moment…')
    try {
      say(resultId, await work())
    } catch (error) {
      say(resultId, refusal(error))
    } finally {
      button.removeAttribute('aria-disabled')
    }
  })
}
