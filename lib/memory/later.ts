import { later } from '../base/later'
import type * as Rules from './rules'

/** Apps that use no backend in memory never load its rules. */
export const memory = later(() => require('./rules') as typeof Rules)
