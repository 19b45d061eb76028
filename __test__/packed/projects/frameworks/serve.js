/**
 * The dashboard in one app of each framework, all in this process, as the documents say to mount it. Prints the address of each app as JSON, and
 * serves until it is killed.
 */
import 'reflect-metadata'
import { once } from 'node:events'
import { createServer, request as requestOf } from 'node:http'
import { serve as serveHono } from '@hono/node-server'
import Router from '@koa/router'
import { Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { DummyBackend, JobQueue } from 'durabl'
import { createDashboard } from 'durabl/dashboard'
import express5 from 'express'
import express4 from 'express4'
import fastifyApp from 'fastify'
import helmet from 'helmet'
import { Hono } from 'hono'
import Koa from 'koa'

const PATH = '/admin/jobs'
const OWN = 'of the app'

const silent = { debug() {}, info() {}, warn() {}, error() {} }
const queue = new JobQueue(new DummyBackend(), silent)
await queue.enqueue('mail', { to: 'ada' })

const dashboard = createDashboard({
  queue,
  authorize: ({ headers }) => ({ status: headers.get('x-user') === 'ada' ? 'full' : 'denied' }),
})

const urlOf = (server) => `http://127.0.0.1:${server.address().port}`

async function listening(listener) {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return urlOf(server)
}

/** Express, with the parsers and helmet that apps have in front. */
function expressApp(express) {
  const app = express()
  app.use(helmet())
  app.use(express.json())
  app.use(PATH, dashboard.node)
  app.use((_request, response) => response.send(OWN))
  return listening(app)
}

const frameworks = {
  'node:http': () => {
    const based = createDashboard({
      queue,
      authorize: ({ headers }) => ({ status: headers.get('x-user') === 'ada' ? 'full' : 'denied' }),
      basePath: PATH,
    })
    return listening((request, response) => based.node(request, response, () => response.end(OWN)))
  },
  'Express 4': () => expressApp(express4),
  'Express 5': () => expressApp(express5),
  async Fastify() {
    const app = fastifyApp()
    app.all(PATH, (request, reply) => dashboard.node(request, reply))
    app.setNotFoundHandler((_request, reply) => reply.send(OWN))
    return app.listen({ port: 0, host: '127.0.0.1' })
  },
  Koa() {
    const app = new Koa()
    const router = new Router()
    router.all(PATH, (ctx) => {
      ctx.respond = false
      dashboard.node(ctx.req, ctx.res)
    })
    app.use(router.routes())
    app.use((ctx) => {
      ctx.body = OWN
    })
    return listening(app.callback())
  },
  async Hono() {
    const app = new Hono()
    app.all(PATH, (c) => dashboard.fetch(c.req.raw))
    app.all('*', (c) => c.text(OWN))
    const server = serveHono({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
    await once(server, 'listening')
    return urlOf(server)
  },
  async Nest() {
    class App {}
    Module({})(App)
    const app = await NestFactory.create(App, { logger: false })
    app.use(helmet())
    app.use(PATH, dashboard.node)
    app.use((_request, response) => response.send(OWN))
    await app.listen(0, '127.0.0.1')
    return urlOf(app.getHttpServer())
  },
}

/** Passes requests below `/team` on to an app: with the path as it came, or without that prefix. */
function proxyTo(url, keepsPrefix) {
  return listening((incoming, outgoing) => {
    const path = keepsPrefix ? incoming.url : incoming.url.replace(/^\/team/, '')
    const passed = requestOf(url + path, { method: incoming.method, headers: incoming.headers }, (answer) => {
      outgoing.writeHead(answer.statusCode, answer.headers)
      answer.pipe(outgoing)
    })
    incoming.pipe(passed)
  })
}

const urls = {}
for (const [name, start] of Object.entries(frameworks)) urls[name] = (await start()) + PATH
const below = express5()
below.use(`/team${PATH}`, dashboard.node)
urls['a proxy that keeps the prefix'] = `${await proxyTo(await listening(below), true)}/team${PATH}`
urls['a proxy that strips the prefix'] =
  `${await proxyTo(new URL(urls['Express 5']).origin, false)}/team${PATH}`
console.log(JSON.stringify(urls))
