/** A claim as durabl sends it, for those who send it by the bare driver. */

const LEASE_MS = 20_000

/** By the server's clock, as in durabl. */
export const DUE = { status: 'pending', type: 'bench', $expr: { $lte: ['$runAt', '$$NOW'] } }

/** A token of the usual length. */
export const tokenOf = (number) => `a token of the usual length, number ${number}`

export const leaseOf = (token) => ({ token, attempt: 1, ms: LEASE_MS })

/** The update that makes a job its claimer's. */
export const taking = (token) => [
  {
    $set: {
      ...{ status: 'active', claimToken: token, claimedAt: '$$NOW' },
      ...{ attempt: { $add: ['$attempt', 1] }, lease: leaseOf(token) },
    },
  },
]
