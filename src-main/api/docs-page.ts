import { createHash } from 'node:crypto'
import type { Api, ApiCall } from './api.ts'
import {
  bodyTypes,
  describedCalls,
  exampleOf,
  type JsonSchema,
  jsonSchemaOf,
  parametersIn,
  templateOf,
} from './openapi.ts'

const STYLE = `
:root { color-scheme: light dark; --text: light-dark(#1d2528, #e8eaeb); --soft: light-dark(#566064, #a4acaf);
  --line: light-dark(#dde1e2, #3a4245); --ground: light-dark(#fff, #1c2022); --code: light-dark(#f4f6f6, #262b2d);
  --accent: light-dark(#0b5d75, #6cc4dd); --mono: ui-monospace, 'Cascadia Mono', 'DejaVu Sans Mono', Menlo, monospace; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 15px/1.5 system-ui, 'Segoe UI', sans-serif; }
main { max-width: 58rem; margin: 0 auto; padding: 2rem 1rem 5rem; }
h1 { font-size: 1.6rem; margin: 0 0 .5rem; }
h2 { font-size: 1.2rem; margin: 3rem 0 .25rem; padding-top: 1rem; border-top: 1px solid var(--line); }
h3 { font: 600 .95rem/1.4 var(--mono); margin: 2rem 0 .25rem; overflow-wrap: anywhere; }
h3 span { color: var(--accent); }
h4 { font-size: .8rem; color: var(--soft); margin: 1rem 0 .25rem; }
p { margin: .25rem 0; max-width: 46rem; }
a { color: var(--accent); }
ul { padding-left: 1.2rem; margin: .25rem 0; }
code { font: .86em var(--mono); overflow-wrap: anywhere; }
pre { font: .82rem/1.5 var(--mono); background: var(--code); border: 1px solid var(--line); border-radius: 6px;
  padding: .75rem; overflow-x: auto; margin: .25rem 0; }
pre:focus-visible, a:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-size: .86rem; }
th { text-align: left; font-weight: 600; color: var(--soft); }
th, td { padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td:first-child { white-space: nowrap; }
.soft { color: var(--soft); }
`

/** Nothing but the page's own style: no script, no picture, no other place. */
export const DOCS_POLICY = [
  `default-src 'none'`,
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  `base-uri 'none'`,
  `form-action 'none'`,
  `frame-ancestors 'none'`,
].join('; ')

/** The readable page of all calls, with lines that can be pasted into a shell. `base` begins every address. */
export function docsPage(apis: readonly Api[], base: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Workbin: APIs</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>Workbin: APIs</h1>
<p>What other systems may ask of this desk, at <code>${escape(base)}</code>. The same for programs: <a href="openapi.json">openapi.json</a>.</p>
<p>Keys are made under Settings, APIs. The lines below take yours from a variable of the shell: <code>WORKBIN_KEY=…</code></p>
<p>Every answer carries <code>X-Request-Id</code>; the log names the same one. A key may ask 300 times a minute; the next answer is 429 with <code>Retry-After</code>. Bodies are UTF-8.</p>
<ul>
${apis.map((api) => `<li><a href="#${escape(api.name)}">${escape(api.title)}</a></li>`).join('\n')}
</ul>
${apis.map((api) => section(api, base)).join('\n')}
</main>
</body>
</html>
`
}

function section(api: Api, base: string): string {
  return `<h2 id="${escape(api.name)}">${escape(api.title)}</h2>
<p>${escape(api.description)}</p>
${describedCalls(api)
  .map((call) => described(call, base))
  .join('\n')}`
}

function described(call: ApiCall, base: string): string {
  const [path = '/', ...others] = call.paths
  const { params, query, headers, body, answers } = call.schema
  const parameters = [
    ...parametersIn('path', path, params),
    ...parametersIn('query', path, query),
    ...parametersIn('header', path, headers),
  ]
  const facts = [
    call.scope === null ? null : `The key needs the right <code>${escape(call.scope)}</code>.`,
    call.keyIn.length === 0
      ? null
      : `The key comes as ${call.keyIn.map((place) => KEY_PLACES[place]).join(' or ')}.`,
    call.body === 'none'
      ? null
      : `The body is ${bodyTypes(call)
          .map((type) => `<code>${escape(type)}</code>`)
          .join(' or ')}.`,
    call.once ? 'An <code>Idempotency-Key</code> is honoured for a day.' : null,
  ].filter((fact) => fact !== null)
  return `<h3><span>${call.method}</span> ${escape(templateOf(path))}</h3>
<p>${escape(call.summary)}</p>
${facts.length === 0 ? '' : `<p class="soft">${facts.join(' ')}</p>`}
${others.length === 0 ? '' : `<p class="soft">Also at ${others.map((other) => `<code>${escape(templateOf(other))}</code>`).join(', ')}.</p>`}
${table(
  'Parameters',
  parameters.map(({ name, in: place, required, description, schema }) => ({
    name,
    what: [place, required ? 'required' : null, kindOf(schema), description],
  })),
)}
${body ? table('Body', membersOf(jsonSchemaOf(body))) : ''}
${table(
  'Answers',
  Object.entries(answers).map(([status, { description }]) => ({ name: status, what: [description] })),
)}
<pre tabindex="0">${escape(curlOf(call, base))}</pre>`
}

const KEY_PLACES = {
  'x-api-key': '<code>x-api-key</code>',
  bearer: '<code>Authorization: Bearer</code>',
  'x-egain-session': '<code>X-egain-session</code>',
} as const

interface Line {
  readonly name: string
  readonly what: readonly (string | null | undefined)[]
}

function table(title: string, lines: readonly Line[]): string {
  if (lines.length === 0) return ''
  return `<h4>${title}</h4>
<table>
${lines
  .map(
    ({ name, what }) =>
      `<tr><td><code>${escape(name)}</code></td><td>${escape(what.filter((word) => word).join(', '))}</td></tr>`,
  )
  .join('\n')}
</table>`
}

/** Members of an object and of the objects in it, each by its place: `data.to[]`. */
function membersOf(schema: JsonSchema, before = ''): readonly Line[] {
  const object = schema.properties ? schema : schema.anyOf?.find(({ properties }) => properties)
  if (!object) return []
  return Object.entries(object.properties ?? {}).flatMap(([name, member]) => {
    const place = before + name
    const many = [member, ...(member.anyOf ?? [])].find(({ items }) => items)
    return [
      {
        name: place,
        what: [
          object.required?.includes(name) ? 'required' : null,
          kindOf(member),
          member.description ?? member.anyOf?.find(({ description }) => description)?.description,
        ],
      },
      ...membersOf(member, `${place}.`),
      ...(many?.items ? membersOf(many.items, `${place}[].`) : []),
    ]
  })
}

/** What a value is, in a few words. */
function kindOf(schema: JsonSchema): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ')
  if (schema.anyOf)
    return [...new Set(schema.anyOf.map(kindOf))].filter((kind) => kind !== 'null').join(' | ')
  const types = (Array.isArray(schema.type) ? schema.type : [schema.type]).filter(
    (type) => type && type !== 'null',
  )
  const kind = schema.items ? `list of ${kindOf(schema.items)}` : types.join(' | ')
  const form = schema.format ?? schema.contentEncoding
  return [kind, form ? `(${form})` : '', schema.maxLength ? `at most ${schema.maxLength}` : '']
    .filter((word) => word !== '')
    .join(' ')
}

/** A line that works when pasted into a shell. */
export function curlOf(call: ApiCall, base: string): string {
  const { path, query, body, curl } = exampleOf(call)
  const [place] = call.keyIn
  const words = [
    'curl -sS',
    ...(call.method === 'GET' || (call.method === 'POST' && (body !== undefined || curl.length > 0))
      ? []
      : [`-X ${call.method}`]),
  ]
  words.push(quoted(`${base}${path}${query === '' ? '' : `?${query}`}`))
  if (place !== undefined)
    words.push(`-H "${place === 'bearer' ? 'Authorization: Bearer' : `${place}:`} $WORKBIN_KEY"`)
  if (body !== undefined)
    words.push("-H 'Content-Type: application/json'", `--data ${quoted(JSON.stringify(body))}`)
  words.push(...curl.map((word) => (/^-{1,2}[A-Za-z-]+$/.test(word) ? word : quoted(word))))
  return words.join(' ')
}

/** One word of a POSIX shell, whatever it holds. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`
}

function escape(text: string): string {
  return text.replace(
    /[&<>"']/g,
    (character) =>
      ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[character] ?? character,
  )
}
