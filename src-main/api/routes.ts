import type { Api } from './api.ts'

export interface Routes {
  /** Which API a path belongs to that no call took, and the methods that its address takes; null: no API's. */
  find(path: string): { readonly api: Api; readonly methods: readonly string[] } | null
}

/** The addresses of all APIs, for what fastify's router doesn't find. */
export function routesOf(apis: readonly Api[]): Routes {
  const calls = apis.flatMap((api) =>
    api.calls.flatMap(({ method, paths }) =>
      paths.map((path) => ({ api, method, path, pattern: patternOf(path) })),
    ),
  )
  const prefixes = calls
    .map(({ api, path }) => ({ api, prefix: prefixOf(path) }))
    .sort((a, b) => b.prefix.length - a.prefix.length)
  return {
    find(path) {
      const here = calls.filter(({ pattern }) => pattern.test(path))
      // Of `/securemail/count` and `/securemail/:id` the one without parameters is meant.
      const plain = here.filter((call) => !call.path.includes(':'))
      const meant = plain.length > 0 ? plain : here
      const [first] = meant
      if (first) return { api: first.api, methods: [...new Set(meant.map(({ method }) => method))] }
      const under = prefixes.find(({ prefix }) => path === prefix || path.startsWith(`${prefix}/`))
      return under ? { api: under.api, methods: [] } : null
    },
  }
}

function patternOf(path: string): RegExp {
  const text = path
    .split('/')
    .map((segment) => (segment.startsWith(':') ? '[^/]+' : segment.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')))
    .join('/')
  return new RegExp(`^${text}$`)
}

/** Of `/a/b/:id` it is `/a/b`, of `/a/b` it is `/a`, of `/a` itself. */
function prefixOf(path: string): string {
  const segments = path.split('/').slice(1)
  const first = segments.findIndex((segment) => segment.includes(':'))
  const fixed =
    first === -1 ? segments.slice(0, Math.max(1, segments.length - 1)) : segments.slice(0, Math.max(1, first))
  return `/${fixed.join('/')}`
}
