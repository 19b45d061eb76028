/** The state that all pages share: the route, the settings of this browser, and the live numbers. */
import { createContext } from 'preact'
import { useCallback, useContext, useEffect, useRef, useState } from 'preact/hooks'
import type { Live, Meta } from '../wire'
import { get } from './api'

export interface Shared {
  readonly meta: Meta
  readonly live: Live
  readonly queue: string
  readonly zone: Zone
  /** After an action: asks again at once. */
  readonly refresh: () => void
}

export type Zone = 'local' | 'utc'

export const SharedContext = createContext<Shared | null>(null)

export function useShared(): Shared {
  const shared = useContext(SharedContext)
  if (shared === null) throw new Error('outside of the app')
  return shared
}

/** Tells if the user may take an action. */
export const useMay = (): ((action: string) => boolean) => {
  const { meta } = useShared()
  return (action) => meta.actions.includes(action)
}

export interface Route {
  readonly page: string
  readonly params: URLSearchParams
}

export function routeOf(hash: string): Route {
  const [page = '', query = ''] = hash.replace(/^#\/?/, '').split(/\?(.*)/s)
  return { page: page || 'overview', params: new URLSearchParams(query) }
}

/** The address of a page. */
export function to(page: string, params: Readonly<Record<string, string | null | undefined>> = {}): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(params)) if (value) query.set(name, value)
  const text = query.toString()
  return `#/${page === 'overview' ? '' : page}${text && `?${text}`}`
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => routeOf(location.hash))
  useEffect(() => {
    const changed = () => {
      setRoute(routeOf(location.hash))
      scrollTo(0, 0)
    }
    addEventListener('hashchange', changed)
    return () => removeEventListener('hashchange', changed)
  }, [])
  return route
}

/** A setting that this browser keeps, if it may. */
export function useKept<T extends string>(name: string, fallback: T): [T, (value: T) => void] {
  const [value, setValue] = useState<T>(() => {
    try {
      return (localStorage.getItem(`durabl:${name}`) as T | null) ?? fallback
    } catch {
      return fallback
    }
  })
  const keep = (next: T) => {
    setValue(next)
    try {
      localStorage.setItem(`durabl:${name}`, next)
    } catch {
      // The browser keeps nothing for this page.
    }
  }
  return [value, keep]
}

const EVERY_MS = 3000

export interface Polled<T> {
  readonly value: T | null
  readonly error: Error | null
  readonly refresh: () => void
}

/**
 * An answer that is asked for again and again while the page is visible. The last one stays while the server is away. Another `key` makes
 * it another question.
 */
export function usePolled<T>(
  key: string,
  ask: () => Promise<T>,
  everyMs: number | null = EVERY_MS,
): Polled<T> {
  const [state, setState] = useState<{ key: string; value: T | null; error: Error | null }>({
    ...{ key, value: null, error: null },
  })
  const latest = useRef(ask)
  latest.current = ask
  const turn = useRef(0)

  const once = useCallback(async () => {
    const mine = ++turn.current
    const update = (value: T | null, error: Error | null) => {
      if (mine !== turn.current) return
      setState((before) => {
        const kept = before.key === key ? before.value : null
        if (error === null && before.key === key && before.error === null && before.value === value)
          return before
        return { key, value: error === null ? value : kept, error }
      })
    }
    try {
      update(await latest.current(), null)
    } catch (error) {
      update(null, error instanceof Error ? error : new Error(String(error)))
    }
  }, [key])

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    let isOver = false
    const loop = () => {
      clearTimeout(timer)
      const asked = document.visibilityState === 'visible' ? once() : Promise.resolve()
      void asked.then(() => {
        clearTimeout(timer)
        if (!isOver && everyMs !== null) timer = setTimeout(loop, everyMs)
      })
    }
    const seen = () => {
      if (document.visibilityState === 'visible') loop()
    }
    loop()
    document.addEventListener('visibilitychange', seen)
    return () => {
      isOver = true
      turn.current++
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', seen)
    }
  }, [once, everyMs])

  const { value, error } = state.key === key ? state : { value: null, error: null }
  return { value, error, refresh: () => void once() }
}

export const useMeta = () => usePolled('meta', () => get<Meta>('meta'), 60_000)

export const useLive = (queue: string) => usePolled(`live ${queue}`, () => get<Live>('live', { queue }))
