/**
 * Passwords and keys by name. They live in DIR/secrets.json (0600), each wrapped by what the host injects;
 * they never enter the database, the log or the page.
 */
export interface Secrets {
  get(name: string): Promise<string | null>
  set(name: string, value: string): Promise<void>
  delete(name: string): Promise<void>
  /** One sentence for the agent where values can only be kept in a 0600 file; null otherwise. */
  readonly warning: string | null
}

/** The host's way to protect a value at rest. */
export interface SecretBackend {
  /** `plain`: a 0600 file is all that protects them. */
  readonly kind: 'safe-storage' | 'keyring' | 'plain'
  wrap(plain: string): Promise<string>
  unwrap(wrapped: string): Promise<string>
}
