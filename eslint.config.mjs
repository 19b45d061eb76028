import js from '@eslint/js'
import { defineConfig, globalIgnores } from 'eslint/config'
import tseslint from 'typescript-eslint'

// The globals of the running Node.js, so that no list has to be kept.
const nodeGlobals = Object.fromEntries(
  Object.getOwnPropertyNames(globalThis).map((name) => [name, 'readonly']),
)

const SLEEP =
  'Tests wait for events, by pollUntil at worst; time that has to pass passes in support/time.mjs, with its reason.'

/** A promise that only a timer resolves. */
const SLEEPS = [
  'NewExpression[callee.name="Promise"] > ArrowFunctionExpression[params.length=1] CallExpression[callee.name="setTimeout"]',
  'CallExpression[callee.name="setTimeout"][arguments.0.name=/^(resolve|res|done)$/]',
  'CallExpression[callee.name="setTimeout"] > MemberExpression.arguments[property.name="resolve"]',
  'CallExpression[callee.name="promisify"][arguments.0.name="setTimeout"]',
]

export default defineConfig(
  globalIgnores(['dist', 'target', 'node_modules']),
  { files: ['**/*.{mjs,cjs}'], extends: [js.configs.recommended], languageOptions: { globals: nodeGlobals } },
  { files: ['**/*.cjs'], languageOptions: { sourceType: 'commonjs', globals: { require: 'readonly' } } },
  {
    files: ['__test__/**/*.{mjs,cjs}'],
    ignores: ['__test__/support/time.mjs'],
    rules: {
      'no-restricted-imports': [
        'error',
        ...['timers/promises', 'node:timers/promises'].map((name) => ({
          ...{ name, importNames: ['setTimeout', 'setInterval', 'scheduler'], message: SLEEP },
        })),
      ],
      'no-restricted-syntax': ['error', ...SLEEPS.map((selector) => ({ selector, message: SLEEP }))],
    },
  },
  {
    files: ['lib/**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      // The backend contract is asynchronous also where an in-memory backend has nothing to wait for.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      // A user's backend, logger or handler may hand over anything; those seams take `any` on purpose.
      '@typescript-eslint/no-explicit-any': 'off',
      // Loaded late, by literals that tools which trace files can read.
      '@typescript-eslint/no-require-imports': [
        'error',
        { allow: ['^#packages$', '^mongodb$', '^@durabl/', '^node:', '^\\.'] },
      ],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
    },
  },
)
