import { createSubscriber } from 'svelte/reactivity'

function ticking(ms: number) {
  const subscribe = createSubscriber((update) => {
    const timer = setInterval(update, ms)
    return () => clearInterval(timer)
  })
  return () => {
    subscribe()
    return Date.now()
  }
}

const everyTenSeconds = ticking(10_000)
const everySecond = ticking(1_000)

/** The time as the page shows it. Read in a component or a `$derived`, it is read again as it passes. */
export const clock = {
  /** Renewed every ten seconds: for ages. */
  get now(): number {
    return everyTenSeconds()
  },
  /** Renewed every second: for countdowns. */
  get second(): number {
    return everySecond()
  },
}
