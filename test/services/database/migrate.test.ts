// `npm run migrate`: the tables are brought up to date, and one line says what was done.
import t from 'tap'
import { migrations } from '../../../src/services/database/migrations.ts'
import { command } from '../../support/command.ts'
import { mariadb, onMariaDb } from '../../support/mariadb.ts'
import { startService, temporaryFolder } from '../../support/service.ts'

const onServer = await onMariaDb(t)
const names = Object.keys(migrations)
const SECRET_KEY = 'a key for tests only'

t.test('a file is made, and then is up to date', async (t) => {
  const cwd = temporaryFolder(t)
  const run = () => command('migrate', { cwd, env: { DATA_DIR: cwd } })
  const made = `The database sqlite:${cwd} is up to date: ${names.join(', ')} ran just now.\n`
  t.match(await run(), { code: 0, text: made })
  t.match(await run(), { code: 0, text: `The database sqlite:${cwd} was up to date.\n` })
  const service = await startService(t, undefined, { dataDir: cwd })
  t.match(await run(), {
    code: 1,
    text: /^The database was not brought up to date\. DATA_DIR: another process serves[^\n]*\n$/,
  })
  await service.close()
})

onServer('several at once on an empty server migrate once, and none of them fails', async (t) => {
  const { env, query } = await mariadb(t)
  const cwd = temporaryFolder(t)
  const run = (more = {}) => command('migrate', { cwd, env: { ...env, SECRET_KEY, ...more } })
  const all = await Promise.all([run(), run(), run()])
  t.same(
    all.map(({ code }) => code),
    [0, 0, 0],
    all.map(({ text }) => text).join(''),
  )
  const ran = all.flatMap(({ text }) => text.match(/\d{4}-[\w-]+/g) ?? [])
  t.same(ran.sort(), names, 'each of them once')
  t.match(await run(), { code: 0, text: /^The database mysql \(.*\) was up to date\.\n$/ })
  await query("INSERT INTO qbo_migrations VALUES ('9999-of-the-future', '2030')")
  t.match(await run(), { code: 1, text: /DB_NAME: .* newer version[^\n]*\n$/ })
  t.match(await run({ DB_NAME: 'mrp_nowhere' }), { code: 1, text: /up to date\. DB_NAME: [^\n]*\n$/ })
})
