/** Limits of a message of contacts/email (contract 03, 3.1 and 3.2), for who takes one in and for who reports one. */

/** Code points. */
export const SUBJECT = 78
/** Code points, of an agent or a participant. */
export const IDENTIFIER = 50
export const ADDRESS = 256
/** UTF-8 bytes. */
export const BODY = 1_048_576
/** In each of to, cc and bcc. */
export const RECIPIENTS = 500
/** Keys of metadata that one tenant, org and cat may use in all, and one request too. */
export const METADATA_KEYS = 50
/** Code points. */
export const METADATA_VALUE = 2_048
/** Milliseconds since 1970; smaller looks like seconds. */
export const EARLIEST = 100_000_000_000
