import svelte from 'eslint-plugin-svelte'
import tseslint from 'typescript-eslint'
import svelteConfig from '../src-renderer/svelte.config.js'

const root = new URL('..', import.meta.url).pathname

/** Names that say nothing about what is inside. */
const emptyNames = {
  group: [
    '**/utils',
    '**/utils.ts',
    '**/helpers',
    '**/helpers.ts',
    '**/manager.ts',
    '**/common',
    '**/common.ts',
  ],
  message: 'Name the file after what it does.',
}

/** Imports refused in one part of the house; test/main/walls.test.ts holds the same walls for whole files. */
function walls(files, patterns, paths = [], ignores = []) {
  return {
    files,
    ignores,
    rules: {
      '@typescript-eslint/no-restricted-imports': ['error', { patterns: [emptyNames, ...patterns], paths }],
    },
  }
}

const electronElsewhere = {
  name: 'electron',
  message: 'Only hosts/electron.ts and hosts/preload.ts know Electron.',
}
const sqliteElsewhere = { name: 'better-sqlite3', message: 'Only store/sqlite knows the engine.' }

export default tseslint.config(
  { ignores: ['out/**', 'dist/**', 'node_modules/**', 'test/fixtures/**', 'coverage/**'] },
  {
    files: ['**/*.ts', '**/*.svelte', '**/*.svelte.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: {
        project: ['src-main/tsconfig.json', 'src-renderer/tsconfig.json', 'test/tsconfig.json'],
        tsconfigRootDir: root,
        extraFileExtensions: ['.svelte'],
      },
    },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { attributes: false } }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: false },
      ],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      // `as` hides what it should prove; a boundary that needs one says why on the line above.
      '@typescript-eslint/consistent-type-assertions': ['error', { assertionStyle: 'never' }],
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      '@typescript-eslint/consistent-indexed-object-style': 'off',
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      '@typescript-eslint/consistent-type-definitions': 'off',
      '@typescript-eslint/prefer-nullish-coalescing': [
        'error',
        { ignorePrimitives: { string: true, boolean: true } },
      ],
      '@typescript-eslint/unified-signatures': 'off',
      // Our objects are closures; what uses \`this\` is called on its object.
      '@typescript-eslint/unbound-method': 'off',
      // The domain's interfaces take async functions where an engine may be synchronous inside.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-dynamic-delete': 'off',
      '@typescript-eslint/no-invalid-void-type': 'off',
      eqeqeq: ['error', 'always'],
      'no-console': 'error',
      'no-debugger': 'error',
      'no-eval': 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      'no-warning-comments': ['error', { terms: ['todo', 'fixme', 'xxx', 'hack'], location: 'start' }],
      'max-lines': ['error', { max: 500, skipComments: true, skipBlankLines: true }],
    },
  },
  ...svelte.configs['flat/recommended'],
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: {
      parserOptions: { parser: tseslint.parser, svelteConfig },
    },
    rules: {
      'svelte/no-at-html-tags': 'error',
      'svelte/require-each-key': 'error',
      'svelte/no-target-blank': 'error',
      'svelte/button-has-type': 'error',
      // Svelte's own `let { a, b } = $props()`.
      'prefer-const': 'off',
      'svelte/prefer-const': 'error',
      // The desk has no router: its links are inert or blobs.
      'svelte/no-navigation-without-resolve': 'off',
    },
  },
  // --- the walls
  walls(
    ['src-main/**/*.ts'],
    [],
    [electronElsewhere, sqliteElsewhere],
    [
      'src-main/hosts/electron.ts',
      'src-main/hosts/preload.ts',
      'src-main/store/sqlite/**',
      'src-main/contract/**',
    ],
  ),
  walls(['src-main/hosts/electron.ts', 'src-main/hosts/preload.ts'], [], [sqliteElsewhere]),
  walls(['src-main/store/sqlite/**/*.ts'], [], [electronElsewhere]),
  walls(
    ['src-main/contract/**/*.ts'],
    [
      {
        group: ['node:*', '../*'],
        message: 'The contract runs in the page and in the core: it imports neither.',
      },
    ],
    [electronElsewhere, sqliteElsewhere],
  ),
  walls(
    ['src-main/connectors/**/*.ts'],
    [
      {
        group: ['**/store/sqlite/**', '**/store/blobs.ts', '**/store/ids.ts'],
        message: 'A connector never touches the store; its types are in store/store.ts.',
      },
    ],
    [electronElsewhere, sqliteElsewhere],
  ),
  walls(
    ['src-renderer/**/*.ts', 'src-renderer/**/*.svelte'],
    [
      {
        regex: 'src-main/(?!contract/)',
        message: 'The page imports only src-main/contract.',
      },
      { group: ['node:*'], message: 'The page has no Node.' },
    ],
    [electronElsewhere, sqliteElsewhere],
  ),
  {
    files: ['test/**/*.ts'],
    rules: {
      // A test states what it expects; a wrong guess makes it red, which is what it is for.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/consistent-type-assertions': 'off',
      'max-lines': 'off',
      'no-console': 'off',
    },
  },
  {
    files: ['src-main/hosts/**/*.ts', 'test/bench/**'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['**/*.js', '**/*.mjs'],
    ...tseslint.configs.disableTypeChecked,
  },
)
