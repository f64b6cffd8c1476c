// The main job from outside: connect, fill, search, restart without QuickBooks, disconnect.
import t from 'tap'
import { createLeapingClock } from '../support/clock.ts'
import { startService, startSimulator } from '../support/service.ts'

t.test(
  'a shop connects QuickBooks, searches, restarts while QuickBooks is down, and disconnects',
  async (t) => {
    const simulator = await startSimulator(t)
    const service = await startService(t, simulator)

    const before = await service.request('/api/cache/status')
    t.match(before.json, {
      connection_status: 'not_authenticated',
      has_valid_config: true,
      customers_count: 0,
    })

    const callback = await service.connect()
    t.match(callback, { status: 302, location: '/' }, 'Intuit forbids HTML at the callback')
    await service.request('/api/cache/refresh', { method: 'POST' })

    const { json: status } = await service.request('/api/cache/status')
    t.match(status, {
      connection_status: 'connected',
      is_authenticated: true,
      customers_count: 30,
      vendors_count: 12,
      items_count: 50,
    })

    const part = simulator.company
      .list('Item')
      .find((item) => item.Active && item.Type !== 'Category' && /\w-\w/.test(String(item.Name)))
    const typed = String(part?.Name)
      .replaceAll(/[^a-zA-Z0-9]/g, '')
      .toLowerCase()
    const { json: found } = await service.request(`/api/search/part_numbers?q=${typed}`)
    t.equal(found.query, typed)
    t.equal(found.total, found.results.length)
    t.match(
      found.results[0],
      { id: part?.Id, type: 'item', name: part?.Name, active: true },
      'the part typed without its dash comes first',
    )

    await service.close()
    await simulator.close()
    const again = await startService(t, simulator, {
      dataDir: service.dataDir,
      clock: createLeapingClock(Date.now()),
    })
    const { json: offline } = await again.request(`/api/search/part_numbers?q=${typed}`)
    t.equal(offline.results[0]?.id, part?.Id, 'found from the disk while QuickBooks is unreachable')
    const failed = await again.request('/api/cache/refresh', { method: 'POST' })
    t.match(failed.json, { statusCode: 502, code: 'QBO_UNREACHABLE' })
    const { json: kept } = await again.request('/api/cache/status')
    t.match(kept, { connection_status: 'connected', items_count: 50 })

    const gone = await again.request('/api/disconnect', { method: 'POST' })
    t.match(gone.json, { success: true, revoked: false }, 'Intuit is unreachable, which is said')
    const { json: after } = await again.request('/api/cache/status')
    t.match(after, { connection_status: 'not_authenticated', items_count: 0 })
    const { json: nothing } = await again.request(`/api/search/part_numbers?q=${typed}`)
    t.equal(nothing.total, 0)
  },
)
