import { fileURLToPath } from 'node:url'
import { shelves } from '../pages.mjs'

const at = (path) => fileURLToPath(new URL(`../../target/site/${path}`, import.meta.url))

export default {
  title: 'durabl',
  description: 'A durable job queue for Node.js on the MongoDB that your app already has.',
  base: process.env.SITE_BASE ?? '/',
  srcDir: at('pages'),
  outDir: at('html'),
  cacheDir: at('cache'),
  cleanUrls: true,
  // Pages are for code hosts as well, and so hold no HTML; what looks like a tag is text.
  markdown: { html: false },
  themeConfig: {
    search: { provider: 'local' },
    nav: [
      { text: 'Start', link: '/docs/guide/start' },
      { text: 'All pages', link: '/docs/README' },
      { text: 'API', link: '/api/' },
      { text: 'Changelog', link: '/CHANGELOG' },
    ],
    sidebar: [...shelves(), { text: 'Types', items: [{ text: 'All names', link: '/api/' }] }],
    outline: [2, 3],
    socialLinks: [{ icon: 'github', link: 'https://github.com/durabl/durabl' }],
  },
}
