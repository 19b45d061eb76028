export default {
  mode: 'production',
  target: 'node',
  experiments: { outputModule: true },
  output: { module: true, filename: 'webpack.mjs' },
  externalsType: 'module',
  externals: ['durabl', 'mongodb'],
  entry: './index.js',
}
