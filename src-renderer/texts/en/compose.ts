/** Texts of the composer and standard responses. */
export const compose = {} as const
