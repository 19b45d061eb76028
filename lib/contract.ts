/**
 * Checked by the compiler alone: the exports of lib are those that `index.d.ts` promises. A promise that is not kept, an export that is not
 * documented, or a signature that has drifted is a type error here.
 */
import type * as Promised from '../index'
import type * as Kept from './index'

type PromisedName = keyof typeof Promised
type KeptName = keyof typeof Kept

/** Fails to compile if its argument is not `never`; the error names the culprits. */
type None<Culprits extends never> = Culprits

export type Missing = None<Exclude<PromisedName, KeptName>>

export type Undocumented = None<Exclude<KeptName, PromisedName>>

/** Every export can stand in for its promise: parameters, results, and for classes their instances. */
export type Drifted = None<
  { [Name in PromisedName]: (typeof Kept)[Name] extends (typeof Promised)[Name] ? never : Name }[PromisedName]
>

type InstanceOf<C> = C extends abstract new (...args: any) => infer I ? I : never

/** Every public member of an instance is documented. */
export type UndocumentedMembers = None<
  {
    [Name in PromisedName]: Exclude<
      keyof InstanceOf<(typeof Kept)[Name]>,
      keyof InstanceOf<(typeof Promised)[Name]>
    > extends never
      ? never
      : Name
  }[PromisedName]
>
