/** A mail that can't be taken apart; the message says why, for the agent. It is stored and shown all the same. */
export class HeldBack extends Error {
  override readonly name = 'HeldBack'
}
