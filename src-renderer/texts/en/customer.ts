/** Texts of the case data and contact card. */
export const customer = {} as const
