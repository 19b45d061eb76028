/** Small parts that all pages are made of. */
import type { ComponentChildren, JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Count } from '../wire'
import { ago, clock, counted, exact, visible, whole } from './format'
import { to, useShared } from './state'

/** A moment, with how long ago it was; all of it on pointing. */
export function Time({ at, isLong = false }: { at: number | null; isLong?: boolean }) {
  const { zone } = useShared()
  const now = useNow()
  if (at === null) return <span class="faint">–</span>
  const iso = Math.abs(at) <= 8.64e15 ? new Date(at).toISOString() : undefined
  return (
    <time dateTime={iso} title={`${exact(at, zone)} · ${ago(at, now)}`}>
      {isLong ? exact(at, zone) : clock(at, zone, now)}
      {isLong && <span class="faint"> · {ago(at, now)}</span>}
    </time>
  )
}

export function Ago({ at }: { at: number | null }) {
  const { zone } = useShared()
  const now = useNow()
  if (at === null) return <span class="faint">–</span>
  return <time title={exact(at, zone)}>{ago(at, now)}</time>
}

export function useNow(): number {
  const { live } = useShared()
  const [now, setNow] = useState(Date.now())
  useEffect(() => setNow(Date.now()), [live])
  return now
}

const EXACTNESS = { exact: '', 'at-least': 'at least this many', estimate: 'an estimate' }

export function Number({ of, tone }: { of: Count; tone?: string | undefined }) {
  const title = [whole(of.count), EXACTNESS[of.precision]].filter(Boolean).join(', ')
  return (
    <span class={of.count === 0 ? 'zero' : tone} title={title}>
      {counted(of)}
    </span>
  )
}

export function Tile(props: {
  label: string
  value: ComponentChildren
  note?: ComponentChildren
  tone?: string | undefined
  href?: string
}) {
  const { label, value, note, tone = '', href } = props
  const within = (
    <>
      <span class="label">{label}</span>
      <span class="value">{value}</span>
      <span class="note">{note ?? '\u00a0'}</span>
    </>
  )
  return href ? (
    <a class={`tile ${tone}`} href={href}>
      {within}
    </a>
  ) : (
    <div class={`tile ${tone}`}>{within}</div>
  )
}

/** The status, or for a failed job how it ended. */
export function Status({ status, ending }: { status: string; ending?: string | null }) {
  const word = status === 'failed' && ending ? ending : status
  return <span class={`status ${status} ${word}`}>{word}</span>
}

export function JobLink({ id }: { id: string }) {
  return (
    <a class="mono id" href={to('job', { id })} title={id}>
      {id.length > 20 ? `${id.slice(0, 8)}…${id.slice(-8)}` : id}
    </a>
  )
}

export function TypeLink({ type }: { type: string }) {
  return (
    <a class="type" href={to('type', { type })} title={type}>
      {visible(type)}
    </a>
  )
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>
}

export function Trouble({ error }: { error: Error | null }) {
  if (error === null) return null
  return (
    <p class="trouble" role="alert">
      {error.message}
    </p>
  )
}

export function Button(props: JSX.IntrinsicElements['button'] & { tone?: string }) {
  const { tone = '', class: own = '', ...rest } = props
  return <button type="button" class={`button ${tone} ${own as string}`} {...rest} />
}

/** A dialog over the page: Escape closes it, and the focus comes back to where it was. */
export function Dialog(props: {
  title: string
  onClose: () => void
  children: ComponentChildren
  wide?: boolean
}) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog
      ref={dialog}
      class={props.wide ? 'wide' : ''}
      onClose={props.onClose}
      aria-labelledby="dialog-title"
    >
      <h2 id="dialog-title">{props.title}</h2>
      {props.children}
    </dialog>
  )
}

/** A choice of one of a few, all in sight. */
export function Choice<T extends string>(props: {
  label: string
  value: T
  options: readonly (readonly [T, string])[]
  onChange: (value: T) => void
}) {
  return (
    <div class="choice" role="group" aria-label={props.label}>
      {props.options.map(([value, text]) => (
        <button
          key={value}
          type="button"
          aria-pressed={value === props.value}
          onClick={() => props.onChange(value)}
        >
          {text}
        </button>
      ))}
    </div>
  )
}

export function TypeChoice(props: { value: string; onChange: (type: string) => void; all?: string }) {
  const { live } = useShared()
  const types = live.types.map(({ type }) => type)
  const shown = props.value && !types.includes(props.value) ? [props.value, ...types] : types
  return (
    <label class="field">
      <span>Type</span>
      <select value={props.value} onChange={(event) => props.onChange(event.currentTarget.value)}>
        <option value="">{props.all ?? 'all types'}</option>
        {shown.map((type) => (
          <option key={type} value={type}>
            {visible(type.length > 60 ? `${type.slice(0, 59)}…` : type)}
          </option>
        ))}
      </select>
    </label>
  )
}

/** Copies a text; says for a moment that it did. */
export function Copy({ text, children }: { text: string; children: ComponentChildren }) {
  const [isDone, setDone] = useState(false)
  const copy = async () => {
    await navigator.clipboard.writeText(text)
    setDone(true)
    setTimeout(() => setDone(false), 1500)
  }
  return <Button onClick={() => void copy().catch(() => {})}>{isDone ? 'Copied' : children}</Button>
}
