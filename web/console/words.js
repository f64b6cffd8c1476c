// What the service knows, in words for the person in the shop who looks after QuickBooks.

/** The states of the connection: in a word, and what they mean. */
export const states = {
  not_configured: [
    'Not set up',
    'The service does not know your Intuit app yet. The three steps above set it up.',
  ],
  not_authenticated: ['Not connected', 'Ready to connect to QuickBooks.'],
  authenticated_no_data: ['Connected', 'Connected. The data is being read for the first time.'],
  connected: ['Connected', 'Connected. The service stays connected by itself.'],
  reconnect_required: [
    'Reconnect needed',
    'QuickBooks asks you to connect again. Search goes on with the data at hand; nothing new comes until then.',
  ],
}

/** Why a way back from Intuit did not end in a connection. */
export const connectErrors = {
  OAUTH_STATE_INVALID:
    'That attempt was not started in this browser, or took longer than ten minutes. Please try again.',
  OAUTH_DENIED: 'Access was not granted at Intuit. You can try again at any time.',
  OAUTH_OTHER_COMPANY:
    'Another QuickBooks company was chosen than the one this service belongs to. Choose that one, or disconnect first.',
  OAUTH_COMPANY_REFUSED:
    'Intuit’s answer does not open the company that was chosen. Check QUICKBOOKS_ENVIRONMENT, and try again.',
  OAUTH_CODE_REFUSED: 'Intuit’s answer was used already or came too late. Please try again.',
  OAUTH_CREDENTIALS_REFUSED: 'Intuit refuses the client id and secret. Compare them with your Intuit app.',
}

const waits = 'Nothing to do: it is tried again by itself, and search goes on with the data at hand.'

/** Problems by their code: what happened, and what to do about it. */
export const problems = {
  QBO_UNREACHABLE: [
    'QuickBooks could not be reached.',
    `${waits} If it lasts, check the internet connection of the service.`,
  ],
  QBO_UNAVAILABLE: [
    'QuickBooks had trouble of its own.',
    `${waits} Intuit says at status.quickbooks.intuit.com how long it takes.`,
  ],
  QBO_THROTTLED: ['QuickBooks asked to slow down.', waits],
  QBO_ANSWER_UNREADABLE: ['An answer of QuickBooks was broken.', waits],
  QBO_ANSWER_TOO_LARGE: ['An answer of QuickBooks was very large.', waits],
  QBO_PROCESSING_FAILED: ['QuickBooks could not read one of its own records.', waits],
  QBO_INCOMPLETE: ['QuickBooks did not send everything that it has.', waits],
  QBO_ENDLESS: ['QuickBooks sent the same page again and again.', waits],
  QBO_RECORDS_UNREADABLE: [
    'Most of what QuickBooks sent could not be read.',
    `${waits} If it lasts, ask whoever runs the service.`,
  ],
  QBO_UNAUTHORIZED: [
    'QuickBooks does not let the service in.',
    'Press Connect to QuickBooks and agree once more.',
  ],
  RECONNECT_REQUIRED: [
    'QuickBooks ended the connection.',
    'Press Connect to QuickBooks and agree once more. It ends when the app is removed in QuickBooks, after 100 days in which the service never ran, or after five years.',
  ],
  QBO_USER_GONE: [
    'The person who connected QuickBooks is no longer a user of the company.',
    'An admin of the company has to press Connect to QuickBooks.',
  ],
  QBO_FORBIDDEN: [
    'The Intuit app may not see this company.',
    'Check whether the keys in .env fit the company: sandbox keys open sandbox companies only. Then connect again.',
  ],
  QBO_WRONG_HOST: [
    'The keys and the company do not belong to the same QuickBooks.',
    'Check QUICKBOOKS_ENVIRONMENT in .env: sandbox or production.',
  ],
  QBO_PLAN_LACKS_FEATURE: [
    'Your QuickBooks plan does not have this.',
    'Take it out of SYNC_ENTITIES in .env, or upgrade QuickBooks. Purchase orders need Plus.',
  ],
  QBO_SUBSCRIPTION_LAPSED: [
    'Your QuickBooks subscription has ended.',
    'Renew it in QuickBooks. The data at hand stays searchable.',
  ],
  QBO_COMPANY_LOCKED: ['QuickBooks has locked the company for the moment.', waits],
  QBO_REJECTED: [
    'QuickBooks did not accept a question of the service.',
    'Ask whoever runs the service; the details below say which.',
  ],
  QBO_DROP_HELD_BACK: [
    'Many records seem to be gone from QuickBooks. They were kept here until that is certain.',
    'If you deleted them on purpose, press Read everything again. Otherwise look in QuickBooks.',
  ],
  OAUTH_UNAVAILABLE: ['Intuit’s sign-in service did not answer.', waits],
  OAUTH_ANSWER_UNREADABLE: ['An answer of Intuit’s sign-in service was broken.', waits],
  OAUTH_CREDENTIALS_REFUSED: [
    'Intuit refuses the client id and secret.',
    'Compare both in .env with your Intuit app, where the secret may have been renewed, and start the service again.',
  ],
  OAUTH_CODE_REFUSED: [
    'Intuit refused a way back from its page.',
    'Press Connect to QuickBooks and try again.',
  ],
  NOT_CONFIGURED: [
    'The service does not know your Intuit app.',
    'Put its client id and secret into .env, and start the service again.',
  ],
  TOKEN_STORE_FAILED: [
    'The keys to QuickBooks could not be written down.',
    'Check the disk, or the database, of the service. Nothing is lost as long as it runs.',
  ],
  DATABASE_FAILED: [
    'The service could not use its database.',
    'Check the disk, or the database server. Search goes on with the data at hand.',
  ],
  READ_BUDGET_SPENT: [
    'The reads that you allow in a month are spent.',
    'Raise QUICKBOOKS_MONTHLY_READ_BUDGET in .env, or wait for the next month. Webhooks still bring changes.',
  ],
  REFRESH_UNDER_WAY: ['Another copy of the service was asking Intuit for new keys.', waits],
  REFRESH_FAILED: [
    'Something unexpected happened here.',
    'Ask whoever runs the service; the log says what. No data was lost.',
  ],
}

/** Why something was not done. Who is not signed in any more is told at the top of the page. */
export function refusal({ status, code, message }) {
  if (status === 401) return ''
  return Object.hasOwn(problems, code) ? problems[code].join(' ') : message
}

/** Why a way back from Intuit did not end in a connection; `code` is whatever stood in the address. */
export const connectError = (code) =>
  Object.hasOwn(connectErrors, code)
    ? connectErrors[code]
    : 'QuickBooks could not be connected; the log says why. Please try again.'

/** What a person mends by connecting once more, though the connection seems to be there. */
export const mendedByConnecting = ['QBO_UNAUTHORIZED', 'QBO_USER_GONE', 'QBO_FORBIDDEN', 'OAUTH_CODE_REFUSED']

/** `purchase_orders` → `Purchase orders` */
export const titleOf = (name) => name.charAt(0).toUpperCase() + name.slice(1).replaceAll('_', ' ')

export const number = new Intl.NumberFormat()
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' })
const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'long' })
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })
const units = [
  ['year', 31_557_600],
  ['month', 2_629_800],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
]

/** How far a time is from now, as in `3 minutes ago` or `in 2 months`. */
export const fromNow = (iso) => distance((Date.parse(iso) - Date.now()) / 1000)

/** The same of what has been: whatever the clock of this machine says, that is never to come. */
export const since = (iso) => distance(Math.min((Date.parse(iso) - Date.now()) / 1000, 0))

function distance(seconds) {
  const [unit, length] = units.find(([, length]) => Math.abs(seconds) >= length) ?? []
  return unit === undefined ? 'just now' : relative.format(Math.round(seconds / length), unit)
}

export const dayOf = (iso) => day.format(new Date(iso))
export const exactly = (iso) => exact.format(new Date(iso))
export const daysUntil = (iso) => (Date.parse(iso) - Date.now()) / 86_400_000

/** `1 record`, `2 records` */
export const count = (n, one, many = `${one}s`) => `${number.format(n)} ${n === 1 ? one : many}`
