// What /metrics answers, as a test reads it.

/** Figures by name and labels as they are written: `mrp_records{entity="items"}`. */
export type Figures = ReadonlyMap<string, number>

export function figuresIn(text: string): Figures {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(' ')
      return [line.slice(0, space), Number(line.slice(space + 1).replace('Inf', 'Infinity'))]
    }),
  )
}

/** Type and labels of each metric that there is; `le` is part of what a histogram is. */
export function metricsIn(text: string): Map<string, { type: string; labels: string[] }> {
  const found = new Map<string, { type: string; labels: string[] }>()
  for (const [, name = '', type = ''] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    const series = text.matchAll(new RegExp(`^${name}(?:_bucket|_sum|_count)?\\{(.*)\\} \\S+$`, 'gm'))
    const labels = [...series].flatMap(([, given = '']) =>
      [...given.matchAll(/(\w+)="/g)].map(([, label = '']) => label),
    )
    found.set(name, { type, labels: [...new Set(labels)].filter((label) => label !== 'le').toSorted() })
  }
  return found
}
