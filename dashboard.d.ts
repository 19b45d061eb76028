/**
 * durabl/dashboard: a web page that shows and steers a queue, for any web framework.
 *
 * @packageDocumentation
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { JobDetail, JobQueue, prometheusText } from './index.js'

/** An action that a user of the page can take. Looking needs no action. */
export type Action =
  | 'retry'
  | 'cancel'
  | 'promote'
  | 'remove'
  | 'reschedule'
  | 'pause'
  | 'resume'
  | 'trigger-schedule'
  | 'pause-schedule'
  | 'resume-schedule'
  | 'skip-occurrence'
  | 'unschedule'

/** The rights of the user who sent a request. */
export type Access =
  | {
      /** `full`: the user may look and act. `read`: the user may look. */
      status: 'full' | 'read'
      /** The user's name, for the record of actions. */
      user?: string | undefined
      /** The types that this user may see and act on. Default: all. */
      types?: readonly string[] | undefined
    }
  | {
      /** The user may look, and may take the listed actions. */
      status: 'some'
      /** The allowed actions. */
      actions: readonly Action[]
      /** The user's name, for the record of actions. */
      user?: string | undefined
      /** The types that this user may see and act on. Default: all. */
      types?: readonly string[] | undefined
    }
  | {
      /** The user sees nothing. */
      status: 'denied'
      /** An address to send the browser to, such as a sign-in page. Default: the response is 403. */
      redirect?: string | undefined
      /**
       * The `www-authenticate` header of a 401 response, such as `Basic realm="jobs"`, for which a browser asks for a name and a password. The JSON
       * API answers 403 without it. Default: none.
       */
      authenticate?: string | undefined
    }

/** An action that a user has taken through the page or its JSON API. */
export interface ActionEvent {
  /** The action. */
  action: Action
  /** The name of the queue, as in {@link DashboardOptions.queue}; `'default'` for a single queue. */
  queue: string
  /** The object of the action: ids of jobs, a filter, a type, or the id of a schedule. */
  target: unknown
  /** The `user` of {@link Access}, if given. */
  user: string | undefined
  /** The result of the call, such as `{ status: 'retried' }`. */
  result: unknown
}

/** Options of {@link createDashboard}. */
export interface DashboardOptions {
  /** The queue to show, or several queues by name. With several, the page has a switch. */
  queue: JobQueue<any> | Readonly<Record<string, JobQueue<any>>>
  /**
   * Decides what the sender of a request may see and do. Called for each request, including those for the page's script and style. If it throws,
   * or returns anything but an {@link Access}, the response is 500.
   */
  authorize: (request: Request) => Access | Promise<Access>
  /**
   * Returns the value that the page shows as the payload of a job. Default: its `data`. In either case, fields with names such as `password`,
   * `token` or `secret` are masked. If you set this option, the page does not offer a retry with other data.
   */
  present?: ((job: JobDetail) => unknown) | undefined
  /** Called after each action. An error that it throws is ignored. */
  onAction?: ((event: ActionEvent) => unknown) | undefined
  /** The path of the page, such as `/admin/jobs`; requests for other paths are not answered. Default: requests for any path. */
  basePath?: string | undefined
  /** The title of the page. Default: `'durabl'`. */
  title?: string | undefined
  /** A short word beside the title, such as `'production'`. Default: none. */
  badge?: string | undefined
}

/** The page and its JSON API as request handlers. */
export interface Dashboard {
  /** Handles a request in frameworks with `Request` and `Response`: Hono, Next.js, Bun. */
  fetch(this: void, request: Request): Promise<Response>
  /**
   * Handles a request of `node:http`, Express, Nest, Koa (`ctx.req`, `ctx.res`) or Fastify (its own request and reply). Never throws or rejects.
   *
   * @param next called for requests that are not for the page
   */
  node(
    this: void,
    request: IncomingMessage | { raw: IncomingMessage; body?: unknown },
    response: ServerResponse | { raw: ServerResponse; hijack(): unknown },
    next?: () => void,
  ): void
}

/**
 * Makes a dashboard for a queue. It asks the database only while a page is open, and ten open pages cost as much as one.
 *
 * At `/metrics` below the page, users who may see all types find the metrics of {@link prometheusText}.
 *
 * ```ts
 * const dashboard = createDashboard({
 *   queue,
 *   authorize: async (request) => ((await isAdmin(request)) ? { status: 'full' } : { status: 'denied' }),
 * })
 * app.use('/admin/jobs', dashboard.node)
 * ```
 *
 * @throws TypeError or RangeError if an option is malformed
 */
export function createDashboard(options: DashboardOptions): Dashboard
