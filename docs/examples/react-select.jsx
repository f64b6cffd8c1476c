// react-select 5: an AsyncSelect over mrp-backend, with the label of a stored id. <CustomerSelect value={id} onChange={setId} />
import { useEffect, useRef, useState } from 'react'
import AsyncSelect from 'react-select/async'

const API = 'http://localhost:5002/api'
const headers = {} // With keys: { authorization: 'Bearer …' }, the SEARCH_API_KEY.

async function ask(path, query, signal) {
  const answer = await fetch(`${API}/${path}?${new URLSearchParams(query)}`, { headers, signal })
  if (!answer.ok) throw new Error((await answer.json()).message)
  return answer.json()
}

export function CustomerSelect({ value, onChange, inputId = 'customer' }) {
  const [chosen, setChosen] = useState(null)
  const running = useRef(null)

  // The label of a stored id; of an inactive record, too.
  useEffect(() => {
    if (!value || chosen?.id === value) return
    const controller = new AbortController()
    ask('records/customers', { ids: value }, controller.signal)
      .then(({ results }) => setChosen(results[0] ?? { id: value, name: value }))
      .catch((error) => controller.signal.aborted || console.error(error))
    return () => controller.abort()
  }, [value, chosen])

  // react-select keeps only the last answer; the requests before it are aborted here.
  async function load(q) {
    running.current?.abort()
    running.current = new AbortController()
    const { signal } = running.current
    try {
      const query = { q, highlight: true, ...(q.trim() === '' && { suggest: true }) }
      return (await ask('search/client_names', query, signal)).results
    } catch (error) {
      if (!signal.aborted) console.error(error)
      return []
    }
  }

  return (
    <AsyncSelect
      inputId={inputId}
      value={value && chosen?.id === value ? chosen : null}
      onChange={(record) => {
        setChosen(record)
        onChange(record?.id ?? '')
      }}
      loadOptions={load}
      defaultOptions
      isClearable
      getOptionValue={({ id }) => id}
      getOptionLabel={({ name }) => name}
      formatOptionLabel={({ name, highlights }, { context }) =>
        context === 'menu' ? <Marked text={name} ranges={highlights?.name} /> : name
      }
    />
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
