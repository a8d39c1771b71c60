/** Texts of the open thread. */
export const thread = {} as const
