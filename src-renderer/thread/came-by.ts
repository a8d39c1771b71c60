import { t } from '../texts/texts.ts'

/** Which API or remote a message came by, in the words of Settings; what isn't known stays as it stands. */
export function cameBy(way: string): string {
  const [kind, ...rest] = way.split(':')
  const name = rest.join(':')
  if (kind === 'remote') return t('came.remote', { name })
  if (kind !== 'api') return way
  if (name.startsWith('email/')) return t('came.service', { name: name.slice('email/'.length) })
  switch (name) {
    case 'email':
    case 'interactions':
    case 'contacts':
    case 'securemail':
    case 'activity':
      return t(`came.${name}`)
    default:
      return way
  }
}
