import { z } from 'zod'
import type { Api, ApiCall } from './api.ts'

/** A JSON Schema as far as the documents look into it; the rest of it is kept. */
export interface JsonSchema {
  readonly type?: string | readonly string[] | undefined
  readonly description?: string | undefined
  readonly properties?: Readonly<Record<string, JsonSchema>> | undefined
  readonly required?: readonly string[] | undefined
  readonly items?: JsonSchema | undefined
  readonly anyOf?: readonly JsonSchema[] | undefined
  readonly enum?: readonly unknown[] | undefined
  readonly const?: unknown
  readonly format?: string | undefined
  readonly contentEncoding?: string | undefined
  readonly maxLength?: number | undefined
}

const jsonSchema: z.ZodType<JsonSchema> = z.lazy(() =>
  z.looseObject({
    type: z.union([z.string(), z.array(z.string())]).optional(),
    description: z.string().optional(),
    properties: z.record(z.string(), jsonSchema).optional(),
    required: z.array(z.string()).optional(),
    items: jsonSchema.optional(),
    anyOf: z.array(jsonSchema).optional(),
    enum: z.array(z.unknown()).optional(),
    const: z.unknown().optional(),
    format: z.string().optional(),
    contentEncoding: z.string().optional(),
    maxLength: z.number().optional(),
  }),
)

/** What an example sends, for curl and whoever else asks. */
export interface CallExample {
  readonly path: string
  readonly query: string
  readonly body: unknown
  readonly curl: readonly string[]
}

const SECURITY = {
  'x-api-key': {
    scheme: 'apiKey',
    described: { type: 'apiKey', in: 'header', name: 'x-api-key' },
  },
  bearer: { scheme: 'bearer', described: { type: 'http', scheme: 'bearer' } },
  'x-egain-session': {
    scheme: 'session',
    described: { type: 'apiKey', in: 'header', name: 'x-egain-session' },
  },
} as const

/** `/a/:b` as OpenAPI and people write it: `/a/{b}`. */
export function templateOf(path: string): string {
  return path.replace(/:(\w+)/g, '{$1}')
}

/** What may be sent (`input`), or what is answered (`output`). */
export function jsonSchemaOf(schema: z.ZodType, io: 'input' | 'output' = 'input'): JsonSchema {
  // What only we check (refinements) can't be written down; what stands in the schema is what may be sent.
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
  return jsonSchema.parse(rest)
}

/** Calls that stand in the documents: a browser's question before it asks doesn't. */
export function describedCalls(api: Api): readonly ApiCall[] {
  return api.calls.filter(({ method }) => method !== 'OPTIONS')
}

/** Media types that a call's body may have. */
export function bodyTypes(call: ApiCall): readonly string[] {
  switch (call.body) {
    case 'none':
      return []
    case 'json':
      return ['application/json']
    case 'json-or-xml':
      return ['application/json', 'application/xml']
    case 'form':
      return ['multipart/form-data', 'application/x-www-form-urlencoded']
    case 'multipart':
      return ['multipart/form-data']
  }
}

/** What to send to try a call; parameters of the path that have no example stand in capitals. */
export function exampleOf(call: ApiCall): CallExample {
  const { example } = call.schema
  const [path = '/'] = call.paths
  return {
    path: example?.path ?? path.replace(/:(\w+)/g, (_, name: string) => inCapitals(name)),
    query: example?.query ?? '',
    body: example?.body,
    curl: example?.curl ?? [],
  }
}

function inCapitals(name: string): string {
  return name.replace(/([a-z])([A-Z])/g, '$1_$2').toUpperCase()
}

/** OpenAPI 3.1 of what is served, made of the schemas that check it. `base` begins every address. */
export function openApi(apis: readonly Api[], base: string): unknown {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const api of apis)
    for (const call of describedCalls(api))
      for (const [n, path] of call.paths.entries()) {
        const template = templateOf(path)
        paths[template] = {
          ...paths[template],
          [call.method.toLowerCase()]: operation(api, call, path, n),
        }
      }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Workbin',
      version: '1.0.0',
      description: 'What other systems may ask of this desk.',
    },
    servers: [{ url: base }],
    tags: apis.map(({ title, description }) => ({ name: title, description })),
    paths,
    components: {
      securitySchemes: Object.fromEntries(
        Object.values(SECURITY).map(({ scheme, described }) => [scheme, described]),
      ),
    },
  }
}

function operation(api: Api, call: ApiCall, path: string, n: number): unknown {
  const name = [api.name, call.method.toLowerCase(), ...templateOf(path).split(/[^A-Za-z0-9]+/)]
  const types = bodyTypes(call)
  const { body, answers } = call.schema
  const { body: example } = exampleOf(call)
  return {
    tags: [api.title],
    operationId: name.filter((word) => word !== '').join('_'),
    summary: call.summary,
    ...(n === 0 ? {} : { description: `The same as ${templateOf(call.paths[0] ?? '')}.` }),
    ...(call.keyIn.length === 0
      ? {}
      : { security: call.keyIn.map((place) => ({ [SECURITY[place].scheme]: [] })) }),
    parameters: [
      ...parametersIn('path', path, call.schema.params),
      ...parametersIn('query', path, call.schema.query),
      ...parametersIn('header', path, call.schema.headers),
      ...(call.once ? [IDEMPOTENCY_KEY] : []),
    ],
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: Object.fromEntries(
              types.map((type) => [
                type,
                {
                  schema: jsonSchemaOf(body),
                  ...(example !== undefined && type === 'application/json' ? { example } : {}),
                },
              ]),
            ),
          },
        }),
    responses: Object.fromEntries(
      Object.entries(answers).map(([status, { description, body: answer }]) => [
        status,
        {
          description,
          ...(answer === undefined
            ? {}
            : {
                content: Object.fromEntries(
                  (call.accept ?? ['application/json']).map((type) => [
                    type,
                    { schema: jsonSchemaOf(answer, 'output') },
                  ]),
                ),
              }),
        },
      ]),
    ),
  }
}

const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description:
    'Sent again within a day with the same content it gets the same answer, and nothing is stored twice; with another content it is refused.',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
} as const

export interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly required: boolean
  readonly description?: string
  readonly schema: JsonSchema
}

/** Parameters of one kind; those of the path are the path's own, whatever the schema says of others. */
export function parametersIn(
  place: Parameter['in'],
  path: string,
  schema: z.ZodType | undefined,
): readonly Parameter[] {
  const { properties = {}, required = [] } = schema ? jsonSchemaOf(schema) : {}
  const names =
    place === 'path' ? [...path.matchAll(/:(\w+)/g)].map(([, name]) => name ?? '') : Object.keys(properties)
  return names.map((name) => {
    const { description, ...own } = properties[name] ?? { type: 'string' }
    return {
      name,
      in: place,
      required: place === 'path' || required.includes(name),
      ...(description === undefined ? {} : { description }),
      schema: own,
    }
  })
}
