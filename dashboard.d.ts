/**
 * durabl/dashboard: a page that shows a queue and steers it, for any web framework.
 *
 * @packageDocumentation
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { JobDetail, JobQueue, prometheusText } from './index.js'

/** A thing that a user of the page can do. Looking needs none of them. */
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

/** Rights of the user who sent a request. */
export type Access =
  | {
      /** `full`: may look and act. `read`: may look. */
      status: 'full' | 'read'
      /** A name for the record of actions. */
      user?: string | undefined
      /** Types that this user may see and act on. Default: all. */
      types?: readonly string[] | undefined
    }
  | {
      /** May look, and may do what `actions` lists. */
      status: 'some'
      /** The allowed actions. */
      actions: readonly Action[]
      /** A name for the record of actions. */
      user?: string | undefined
      /** Types that this user may see and act on. Default: all. */
      types?: readonly string[] | undefined
    }
  | {
      /** Sees nothing. */
      status: 'denied'
      /** An address, such as that of a sign-in page, to send the browser to. Default: the answer is 403. */
      redirect?: string | undefined
    }

/** An action that a user has done by the page or its JSON API. */
export interface ActionEvent {
  /** The thing done. */
  action: Action
  /** The name of the queue, as in {@link DashboardOptions.queue}; `'default'` for a single queue. */
  queue: string
  /** Ids of jobs, a filter, a type or the id of a schedule. */
  target: unknown
  /** The `user` of {@link Access}, if there was one. */
  user: string | undefined
  /** The result of the call, such as `{ status: 'retried' }`. */
  result: unknown
}

/** Options of {@link createDashboard}. */
export interface DashboardOptions {
  /** The queue to show; or several by name, between which the page has a switch. */
  queue: JobQueue<any> | Readonly<Record<string, JobQueue<any>>>
  /**
   * Says what the sender of a request may see and do. It is asked for each request, those for the script and the style of the page
   * too. If it throws, or returns something else than an {@link Access}, the answer is 500.
   */
  authorize: (request: Request) => Access | Promise<Access>
  /**
   * Returns what the page shows as the payload of a job. Default: its `data`. Fields with names such as `password`, `token` or
   * `secret` are masked in both. With it, the page offers no retry with other data.
   */
  present?: ((job: JobDetail) => unknown) | undefined
  /** Is told of each action after it was done. An error that it throws is ignored. */
  onAction?: ((event: ActionEvent) => unknown) | undefined
  /** The path of the page, such as `/admin/jobs`. Only requests for it are answered then. Default: requests for any path. */
  basePath?: string | undefined
  /** The title of the page. Default: `'durabl'`. */
  title?: string | undefined
  /** A short word beside the title, such as `'production'`. Default: none. */
  badge?: string | undefined
}

/** The page and its JSON API, as request handlers. */
export interface Dashboard {
  /** For frameworks with `Request` and `Response`: Hono, Next.js, Bun. */
  fetch(this: void, request: Request): Promise<Response>
  /**
   * For `node:http`, Express, Nest, Koa (`ctx.req`, `ctx.res`) and Fastify (its own request and reply). Never throws or rejects.
   *
   * @param next is called for requests that are not for the page
   */
  node(
    this: void,
    request: IncomingMessage | { raw: IncomingMessage; body?: unknown },
    response: ServerResponse | { raw: ServerResponse; hijack(): unknown },
    next?: () => void,
  ): void
}

/**
 * Makes the dashboard of a queue. Below the page, at `/metrics`, are the metrics of {@link prometheusText}, for those who may see all types. It asks the database only when a page is open, and ten open pages cost what one does.
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
