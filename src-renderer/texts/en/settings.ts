/** Texts of the Settings, first run and import. */
export const settings = {} as const
