/** What the main process asked of Electron, told to the test on request. Plain data only: it crosses processes. */
export interface Record {
  appName: string | null
  sandboxed: boolean
  singleInstance: boolean
  paths: { [name: string]: string }
  schemes: unknown[]
  handled: string[]
  windows: WindowRecord[]
  menu: unknown
  permissions: { request: boolean; check: boolean; device: boolean; network: boolean }
  notifications: { title: string; body: string }[]
  badge: number | null
  opened: string[]
  errors: { title: string; message: string }[]
  /** What the page tried and was refused, as it was asked. */
  denied: string[]
  events: string[]
}

export interface WindowRecord {
  readonly options: unknown
  readonly loaded: string[]
  visible: boolean
  maximized: boolean
  focused: boolean
  reloads: number
}

/** What a test may ask of the stand-in. */
export type Command =
  | { readonly do: 'record' }
  | { readonly do: 'quit' }
  | { readonly do: 'close-window' }
  | { readonly do: 'second-instance' }
  | { readonly do: 'click-notification'; readonly at: number }
  | { readonly do: 'focus'; readonly focused: boolean }
  | { readonly do: 'ask-permission'; readonly permission: string }
  | { readonly do: 'resize'; readonly bounds: { x: number; y: number; width: number; height: number } }
  | { readonly do: 'crash' }
  | {
      readonly do: 'send-ipc'
      readonly from: { readonly url: string; readonly inFrame: boolean; readonly otherWindow: boolean }
      readonly args: readonly unknown[]
    }

export interface Answer {
  readonly id: number
  readonly value?: unknown
  readonly error?: string
}
