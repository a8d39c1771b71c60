import { readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, relative, resolve, sep } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '../..')

/** One file of the house and what it imports, as written. */
interface SourceFile {
  readonly path: string
  readonly imports: readonly { readonly from: string; readonly typeOnly: boolean }[]
}

interface Breach {
  readonly path: string
  readonly rule: string
  readonly what: string
}

const nodeModules = new Set(builtinModules)

function isNode(specifier: string): boolean {
  return specifier.startsWith('node:') || nodeModules.has(specifier)
}

/** The imported file's path from the project's root, or null for a package. */
function target(file: SourceFile, specifier: string): string | null {
  if (!specifier.startsWith('.')) return null
  return join(dirname(file.path), specifier).split(sep).join('/')
}

function under(path: string, folder: string): boolean {
  return path.startsWith(`${folder}/`)
}

const electronFiles = new Set(['src-main/hosts/electron.ts', 'src-main/hosts/preload.ts'])
const emptyName = /(^|[/.-])(utils?|helpers?|manager|common|misc)(?=[/.-]|$)/i
const coreConnection = 'src-main/contract/rpc.ts'

/** What a file does that its place in the house forbids. */
function breaches(file: SourceFile): Breach[] {
  const found: Breach[] = []
  const breach = (rule: string, what: string) => found.push({ path: file.path, rule, what })
  const page = under(file.path, 'src-renderer')
  const contract = under(file.path, 'src-main/contract')

  if (emptyName.test(file.path)) breach('a file is named after what it does', file.path)
  for (const { from, typeOnly } of file.imports) {
    const path = target(file, from)
    const packageName = path === null ? from : null

    if (/^electron($|\/)/.test(from) && !electronFiles.has(file.path))
      breach('only hosts/electron.ts and hosts/preload.ts import electron', from)
    if (packageName === 'better-sqlite3' && !under(file.path, 'src-main/store/sqlite'))
      breach('only store/sqlite imports better-sqlite3', from)

    if (contract) {
      if (isNode(from)) breach('the contract imports neither Node nor the DOM', from)
      if (path !== null && !under(path, 'src-main/contract'))
        breach('the contract imports nothing but itself and zod', from)
      if (packageName !== null && packageName !== 'zod')
        breach('the contract imports nothing but itself and zod', from)
    }
    if (page) {
      if (isNode(from)) breach('the page has no Node', from)
      if (path !== null && under(path, 'src-main') && !under(path, 'src-main/contract'))
        breach('the page imports only src-main/contract', from)
      if (
        path === coreConnection &&
        !typeOnly &&
        !under(file.path, 'src-renderer/state') &&
        file.path !== 'src-renderer/port.ts'
      )
        breach('only src-renderer/state speaks with the core', from)
      if (
        path === 'src-renderer/port.ts' &&
        !typeOnly &&
        !under(file.path, 'src-renderer/state') &&
        !['src-renderer/main.ts', 'src-renderer/App.svelte'].includes(file.path)
      )
        breach('only src-renderer/state speaks with the core', from)
    } else if (path !== null && under(path, 'src-renderer')) breach('the core knows no page', from)

    if (under(file.path, 'src-main/connectors') && path !== null) {
      if (/^src-main\/store\/(?:api-|remote-)?store\.ts$/.test(path)) {
        if (!typeOnly) breach('a connector takes only types from the store', from)
      } else if (under(path, 'src-main/store')) breach('a connector never touches the store', from)
      if (under(path, 'src-main/core') || under(path, 'src-main/hosts'))
        breach('a connector knows neither core nor host', from)
    }
    if (under(file.path, 'src-main/store') && path !== null)
      for (const folder of ['connectors', 'hosts', 'api', 'core'])
        if (under(path, `src-main/${folder}`) && !typeOnly) breach('the store knows no network', from)
    if (
      under(file.path, 'src-main') &&
      !under(file.path, 'src-main/hosts') &&
      path !== null &&
      under(path, 'src-main/hosts')
    )
      breach('nothing below the hosts knows which host it is', from)
  }
  return found
}

/** Imports of a TypeScript or Svelte file: static, exported, dynamic and type imports. */
function importsOf(path: string, text: string): SourceFile {
  const scripts = path.endsWith('.svelte')
    ? [...text.matchAll(/<script[^>]*>([\s\S]*?)<\/script>/g)].map((match) => match[1] ?? '').join('\n')
    : text
  const tree = ts.createSourceFile(path, scripts, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS)
  const imports: { from: string; typeOnly: boolean }[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      const named = node.importClause?.namedBindings
      const allTypes =
        node.importClause?.name === undefined &&
        named !== undefined &&
        ts.isNamedImports(named) &&
        named.elements.length > 0 &&
        named.elements.every((element) => element.isTypeOnly)
      imports.push({
        from: node.moduleSpecifier.text,
        typeOnly: node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword || allTypes,
      })
    } else if (
      ts.isExportDeclaration(node) &&
      node.moduleSpecifier &&
      ts.isStringLiteral(node.moduleSpecifier)
    )
      imports.push({ from: node.moduleSpecifier.text, typeOnly: node.isTypeOnly })
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [specifier] = node.arguments
      if (specifier && ts.isStringLiteral(specifier)) imports.push({ from: specifier.text, typeOnly: false })
    }
    ts.forEachChild(node, visit)
  }
  visit(tree)
  return { path, imports }
}

function readHouse(): SourceFile[] {
  return ['src-main', 'src-renderer'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(ts|svelte|mjs)$/.test(entry.name))
      .map((entry) => {
        const file = join(entry.parentPath, entry.name)
        return importsOf(relative(root, file).split(sep).join('/'), readFileSync(file, 'utf8'))
      }),
  )
}

describe('the walls of the house', () => {
  const house = readHouse()

  it('reads the house', () => {
    expect(house.length).toBeGreaterThan(5)
    expect(house.map((file) => file.path)).toContain('src-main/contract/core.ts')
  })

  it('every file imports only what its place allows', () => {
    expect(house.flatMap(breaches)).toEqual([])
  })

  it('the contract uses no global of Node or the DOM', () => {
    // Its own tsconfig.json sees neither; here only that nobody widened it.
    const config = ts.readConfigFile(join(root, 'src-main/contract/tsconfig.json'), (path) =>
      ts.sys.readFile(path),
    )
    const { compilerOptions } = ts.parseJsonConfigFileContent(
      config.config,
      ts.sys,
      join(root, 'src-main/contract'),
    ).raw
    expect(compilerOptions?.types ?? []).toEqual([])
    expect(compilerOptions?.lib).toBeUndefined()
  })
})

describe('a breach is seen', () => {
  it.each([
    ['src-main/core/core.ts', "import { app } from 'electron'"],
    ['src-main/core/core.ts', "const { app } = await import('electron')"],
    ['src-main/hosts/cli.ts', "import type { App } from 'electron/main'"],
    ['src-main/outbox/outbox.ts', "import Database from 'better-sqlite3'"],
    ['src-main/contract/core.ts', "import { join } from 'node:path'"],
    ['src-main/contract/core.ts', "import { join } from 'path'"],
    ['src-main/contract/core.ts', "import type { Store } from '../store/store.ts'"],
    ['src-main/contract/core.ts', "export * from 'ws'"],
    [
      'src-renderer/thread/Message.svelte',
      '<script lang="ts">import { x } from \'../../src-main/store/store.ts\'</script>',
    ],
    ['src-renderer/thread/open.ts', "import { connect } from '../../src-main/contract/rpc.ts'"],
    ['src-renderer/thread/open.ts', "import { openPort } from '../port.ts'"],
    ['src-renderer/thread/open.ts', "import fs from 'fs'"],
    ['src-main/connectors/imap.ts', "import { openBlobs } from '../store/blobs.ts'"],
    ['src-main/connectors/imap.ts', "import { somethingReal } from '../store/store.ts'"],
    ['src-main/core/core.ts', "import { page } from '../hosts/page.ts'"],
    ['src-main/store/sqlite/ingest.ts', "import { connectImap } from '../../connectors/imap.ts'"],
    ['src-main/core/utils.ts', ''],
    ['src-renderer/common/Button.svelte', ''],
    ['src-renderer/ui/list-helpers.ts', ''],
  ])('%s: %s', (path, text) => {
    expect(breaches(importsOf(path, text))).not.toEqual([])
  })

  it.each([
    ['src-main/hosts/electron.ts', "import { app } from 'electron'"],
    ['src-main/connectors/imap.ts', "import type { FolderKey } from '../store/store.ts'"],
    ['src-main/connectors/imap.ts', "import { type FolderKey } from '../store/store.ts'"],
    ['src-renderer/state/desk.svelte.ts', "import { connect } from '../../src-main/contract/rpc.ts'"],
    ['src-renderer/thread/open.ts', "import type { Thread } from '../../src-main/contract/domain.ts'"],
    ['src-main/contract/core.ts', "import { z } from 'zod'"],
  ])('and no breach is not: %s: %s', (path, text) => {
    expect(breaches(importsOf(path, text))).toEqual([])
  })
})
