// downshift 9: a combobox with markup of your own over mrp-backend. <CustomerCombobox value={id} onChange={setId} />
import { useCombobox } from 'downshift'
import { useEffect, useRef, useState } from 'react'

const API = 'http://localhost:5002/api'
const changes = useCombobox.stateChangeTypes
const headers = {} // With keys: { authorization: 'Bearer …' }, the SEARCH_API_KEY.

async function ask(path, query, signal) {
  const answer = await fetch(`${API}/${path}?${new URLSearchParams(query)}`, { headers, signal })
  if (!answer.ok) throw new Error((await answer.json()).message)
  return answer.json()
}

export function CustomerCombobox({ value, onChange }) {
  const [items, setItems] = useState([])
  const [chosen, setChosen] = useState(null)
  const [inputValue, setInputValue] = useState('')
  const running = useRef(null)

  // The label of a stored id; of an inactive record, too.
  useEffect(() => {
    if (!value || chosen?.id === value) return
    const controller = new AbortController()
    ask('records/customers', { ids: value }, controller.signal)
      .then(({ results }) => {
        const record = results[0] ?? { id: value, name: value }
        setChosen(record)
        setInputValue(record.name)
      })
      .catch((error) => controller.signal.aborted || console.error(error))
    return () => controller.abort()
  }, [value, chosen])

  // Each key ends the request before it, so no late answer can replace a newer one.
  function search(q) {
    running.current?.abort()
    const controller = new AbortController()
    running.current = controller
    const query = { q, highlight: true, ...(q.trim() === '' && { suggest: true }) }
    ask('search/client_names', query, controller.signal)
      .then(({ results }) => setItems(results))
      .catch((error) => controller.signal.aborted || console.error(error))
  }

  // downshift tells of a change too late for a fast typist.
  function edit(text) {
    setInputValue(text)
    search(text)
    if (!chosen || text === chosen.name) return
    setChosen(null)
    onChange('')
  }

  const { isOpen, highlightedIndex, getLabelProps, getInputProps, getMenuProps, getItemProps } = useCombobox({
    inputId: 'customer',
    items,
    inputValue,
    selectedItem: value && chosen?.id === value ? chosen : null,
    itemToString: (record) => record?.name ?? '',
    itemToKey: (record) => record?.id,
    onInputValueChange: ({ inputValue, type }) => {
      // What is being typed stays, also when it lets go of what was chosen.
      const letGo = type === changes.ControlledPropUpdatedSelectedItem && !chosen
      if (type !== changes.InputChange && !letGo) setInputValue(inputValue)
    },
    onIsOpenChange: ({ isOpen, inputValue }) => isOpen && search(inputValue),
    onSelectedItemChange: ({ selectedItem }) => {
      setChosen(selectedItem)
      onChange(selectedItem?.id ?? '')
    },
  })

  return (
    <div>
      <label {...getLabelProps()} htmlFor="customer">
        Customer
      </label>
      <input {...getInputProps({ onChange: ({ target }) => edit(target.value) })} />
      <ul {...getMenuProps()}>
        {isOpen &&
          items.map((record, index) => (
            <li
              key={record.id}
              {...getItemProps({ item: record, index })}
              className={index === highlightedIndex ? 'active' : undefined}
            >
              <Marked text={record.name} ranges={record.highlights?.name} />
            </li>
          ))}
      </ul>
    </div>
  )
}

/** The ranges [start, length] of the text marked. */
function Marked({ text, ranges = [] }) {
  const ends = ranges.map(([start, length]) => start + length)
  return (
    <>
      {ranges.map(([start], i) => (
        <span key={start}>
          {text.slice(ends[i - 1] ?? 0, start)}
          <mark>{text.slice(start, ends[i])}</mark>
        </span>
      ))}
      {text.slice(ends.at(-1) ?? 0)}
    </>
  )
}
